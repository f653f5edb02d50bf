"""The warehouse as a destination: Segment's tables, on SQLite or PostgreSQL."""

import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Final

import msgspec
from sqlalchemy.engine import URL, Connection, Engine

from segment_identity import options
from segment_identity.arranging import Block, arranged, block, first_values, row_of
from segment_identity.discards import COLUMNS as DISCARDS
from segment_identity.discards import Loss, discard
from segment_identity.errors import Undeliverable
from segment_identity.gathering import Gathered
from segment_identity.jsonable import encoded
from segment_identity.keeping import fingerprint
from segment_identity.kinds import Scalar
from segment_identity.messages import Message, instant, received
from segment_identity.planning import Plans
from segment_identity.schema import TIMES, properties_of
from segment_identity.stitching import POLICIES, Policy
from segment_identity.tallies import Tally, tally
from segment_identity.warehouse.engine import open_database
from segment_identity.warehouse.faults import explained, is_of_database
from segment_identity.warehouse.forgotten import Forgotten
from segment_identity.warehouse.latest import Latest
from segment_identity.warehouse.profile_facts import ProfileFacts
from segment_identity.warehouse.projection import Projection, checked
from segment_identity.warehouse.tables import Tables

_NUL: Final = b"\\u0000"
# A transaction writes each page of an index once, however many of its events fall on it.
_BATCH: Final = 16_000


class Warehouse:
    """Writes events to identifies, users, tracks, pages, screens, groups, aliases and a table per
    track event, adding columns as properties appear.

    A batch is one transaction, and `message_id` is the key, so one that comes twice changes
    nothing. *url* is an SQLAlchemy URL such as `sqlite:///analytics.db` or
    `postgresql://user:password@host/database`. *profiles* says whom a device belongs to that
    several users share: its first or its last one; None keeps no profiles. *projections* are kept
    in the same transactions. Several processes may write to one database. *name* is what it is
    called in `stats()` and in a spool.
    """

    batch_events = _BATCH

    def __init__(
        self,
        url: str | URL,
        *,
        profiles: Policy | None = "first",
        projections: Sequence[Projection] = (),
        name: str | None = None,
    ) -> None:
        options.one_of("profiles", profiles, (*POLICIES, None))
        self._projections = checked(projections)
        self._database = open_database(url)
        self.name = name
        at = self.engine.url
        self.fingerprint = fingerprint(
            *map(str, (at.get_backend_name(), at.username, at.host, at.port, at.database))
        )
        self._tables = Tables(self._database)
        self._plans = Plans()
        self._latest = Latest(self._database, self._tables)
        self._forgotten = Forgotten()
        self._profiles = None if profiles is None else ProfileFacts(profiles)
        self._is_prepared = False

    def __repr__(self) -> str:
        return f"Warehouse({self.engine.dialect.name})"

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, for queries of one's own."""
        return self._database.engine

    def send(self, batch: Sequence[bytes], /) -> None:
        """Store a batch."""
        now = time.time()
        read = partial(_read, now=now)
        all_of_them = map(read, batch)
        messages: Iterable[Message] = all_of_them
        try:
            self._prepare()
            messages = self._forgotten.admitted(self.engine, messages)
            if self._projections:
                messages = list(messages)
            new = Gathered(self._plans, instant(now))
            # Nobody had to look into them so far.
            is_untouched = messages is all_of_them
            claims = new.encoded(batch, read) if is_untouched else new.decoded(messages)
            told = None if self._profiles is None else tally(claims)
            # What is left, which is all of them without profiles.
            deque(claims, maxlen=0)
            self._load(new, told, messages)
        except BaseException as error:
            # Somebody may have changed the schema.
            self._forget()
            self._database.recover()
            if is_of_database(error):
                raise explained(error) from error
            raise

    def close(self) -> None:
        """Close the connections; the next batch opens new ones."""
        self.engine.dispose()

    def after_fork(self) -> None:
        """Leave the parent process' connections alone."""
        self.engine.dispose(close=False)
        self._forget()

    def _prepare(self) -> None:
        if self._is_prepared:
            return
        self._tables.grow("discards", dict.fromkeys(DISCARDS, ""))
        with self.engine.begin() as connection:
            # Two that make one table at the same moment fail.
            self._database.lock_schema(connection)
            self._forgotten.prepare(connection)
            if self._profiles is not None:
                self._profiles.prepare(connection)
            for each in self._projections:
                each.prepare(connection)
        self._is_prepared = True

    def _forget(self) -> None:
        self._tables.forget()
        self._latest.forget()
        self._is_prepared = False

    def _load(self, new: Gathered, told: Tally | None, messages: Iterable[Message]) -> None:
        by_table, discards = new.blocks(), new.discards()
        columns: dict[str, Collection[str]] = {}
        for name in list(by_table):
            found = self._grown(name, by_table[name])
            if found is None:
                discards += _without_table(name, by_table.pop(name))
            else:
                columns[name] = found
        self._latest.grow(new.latest)
        if self._profiles is not None:
            self._profiles.show(self._database, columns)
        with self.engine.begin() as connection:
            # First, as who forgets somebody waits for their rows.
            self._forgotten.hold(connection)
            # In one order everywhere, as writers that wait for each other crosswise wait for ever.
            for name in sorted(by_table):
                discards += self._store(connection, name, by_table[name], columns[name])
            discards += self._latest.write(connection, new.latest)
            if discards:
                self._store(connection, "discards", [block(discards)], DISCARDS)
            if self._profiles is not None and told is not None:
                self._profiles.write(connection, told)
            for each in self._projections:
                assert isinstance(messages, list)
                each.write(connection, messages)

    def _grown(self, name: str, blocks: Sequence[Block]) -> Collection[str] | None:
        """Make what rows need; return their columns, or None if there is no room for the table."""
        columns = set[str]().union(*(each.names for each in blocks))
        if self._tables.has(name, columns):
            return columns
        wanted = first_values(blocks)
        return wanted if self._tables.grow(name, wanted) else None

    def _store(
        self,
        connection: Connection,
        name: str,
        blocks: Sequence[Block],
        columns: Collection[str],
    ) -> list[dict[str, Scalar]]:
        table, kinds = self._tables.table(name)
        found = arranged(blocks, columns, kinds, TIMES)
        self._database.store(connection, table, found.names, found.records)
        return [discard(name, found.row(number), loss) for number, loss in found.lost]


def _without_table(name: str, blocks: Iterable[Block]) -> Iterator[dict[str, Scalar]]:
    for each in blocks:
        for record in each.records:
            row = row_of(each.names, record)
            lost = Loss("", properties_of(row), "too_many_tables", "properties")
            yield discard(name, row, lost)


def _read(event: bytes, now: float) -> Message:
    # A NUL, which databases do not take, is always written so.
    try:
        clean = encoded(msgspec.json.decode(event)) if _NUL in event else event
        message = received(clean, now)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Undeliverable("no JSON") from error
    if not isinstance(message, dict):
        raise Undeliverable("no object")
    return message
