"""The list of forgotten people: keyed hashes of their ids, which say of an id whether it is there.

Who has the database can ask so too, but cannot read the list.
"""

import secrets
from collections.abc import Collection, Iterable
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from segment_identity import erasing
from segment_identity.errors import Unavailable
from segment_identity.facts import Id
from segment_identity.messages import Message
from segment_identity.warehouse import profile_tables
from segment_identity.warehouse.database import READS
from segment_identity.warehouse.parts import parts
from segment_identity.warehouse.profile_tables import FORGOTTEN, KEYS, insertion

_ONLY: Final = "forgotten"
# A number of ours among the locks that applications agree upon.
_LOCK: Final = 0x5E67_1E


class Forgotten:
    """Keeps the events of forgotten people out of a warehouse."""

    def __init__(self) -> None:
        self._key: bytes | None = None
        self._known = 0

    def prepare(self, connection: Connection) -> None:
        """Make the list if it is missing, and its key, which a database has once and for all."""
        profile_tables.create(connection, (FORGOTTEN, KEYS))
        self._key = key(connection)

    def admitted(self, engine: Engine, messages: Iterable[Message]) -> Iterable[Message]:
        """Return what is `kept` of *messages*, for a transaction to come that holds it so."""
        with engine.connect().execution_options(**{READS: True}) as connection:
            return self.kept(connection, messages)

    def kept(self, connection: Connection, messages: Iterable[Message]) -> Iterable[Message]:
        """Return *messages* without those of forgotten people; as they are if nobody was."""
        self._known = _count(connection)
        if not self._known:
            return messages
        messages = list(messages)
        assert self._key is not None, "prepared"
        found = among(connection, self._key, set(erasing.named(messages)))
        if not found:
            return messages
        left = (erasing.without(each, found.__contains__) for each in messages)
        return [each for each in left if each is not None]

    def hold(self, connection: Connection) -> None:
        """Raise `Unavailable` if somebody was forgotten since, and keep it so until the end."""
        lock(connection, alone=False)
        if _count(connection) != self._known:
            raise Unavailable("somebody was forgotten meanwhile")


def lock(connection: Connection, *, alone: bool) -> None:
    """Keep those who load apart from who forgets, until the transaction ends."""
    # In SQLite one transaction at a time writes.
    if connection.dialect.name == "postgresql":
        held = sa.func.pg_advisory_xact_lock if alone else sa.func.pg_advisory_xact_lock_shared
        connection.execute(sa.select(held(_LOCK)))


def key(connection: Connection) -> bytes:
    """Return the key of this database's list, made when first asked for."""
    made = {"name": _ONLY, "value": secrets.token_hex(32)}
    connection.execute(insertion(connection, KEYS).values(made).on_conflict_do_nothing())
    kept: str = connection.scalars(sa.select(KEYS.c.value).where(KEYS.c.name == _ONLY)).one()
    return bytes.fromhex(kept)


def _count(connection: Connection) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(FORGOTTEN)) or 0


def add(connection: Connection, key: bytes, ids: Iterable[Id]) -> None:
    """Put *ids* on the list."""
    rows = [{"digest": erasing.digest(each, key)} for each in sorted(set(ids))]
    if rows:
        connection.execute(insertion(connection, FORGOTTEN).on_conflict_do_nothing(), rows)


def among(connection: Connection, key: bytes, ids: Collection[Id]) -> set[Id]:
    """Return those of *ids* that are on the list."""
    by_digest = {erasing.digest(each, key): each for each in ids}
    found: set[Id] = set()
    for some in parts(sorted(by_digest)):
        query = sa.select(FORGOTTEN.c.digest).where(FORGOTTEN.c.digest.in_(some))
        found.update(by_digest[each] for each in connection.scalars(query))
    return found
