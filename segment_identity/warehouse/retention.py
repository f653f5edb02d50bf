"""Keep no call for longer than is wanted, and nobody of whom no call is left."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from segment_identity import profile
from segment_identity.facts import Id
from segment_identity.jsonable import iso
from segment_identity.warehouse import forgetting
from segment_identity.warehouse.profile_tables import LINKS

_STATES: Final = frozenset({"users", "accounts"})
_GONE: Final = """
SELECT segment_id FROM id_graph WHERE canonical_segment_id NOT IN (
  SELECT canonical_segment_id FROM profile_events WHERE canonical_segment_id IS NOT NULL
)
"""


def expire(connection: Connection, before: datetime) -> dict[str, int]:
    """Remove the calls from *before* a moment, and what is known of people who have none left.

    Return how many rows, by table. Nobody is put on the list of the forgotten.
    """
    removed = Counter[str]()
    for name, columns in forgetting.tables(connection).items():
        column = _time(name, columns)
        if column is not None:
            source = sa.table(name, sa.column(column))
            old = source.c[column] < _moment(connection, before)
            removed[name] += connection.execute(sa.delete(source).where(old)).rowcount
    gone = {profile.parsed(text) for (text,) in connection.exec_driver_sql(_GONE)}
    ids: set[Id] = {each for each in gone if each is not None}
    users, devices = profile.values(ids, "user_id"), profile.values(ids, "anonymous_id")
    removed.update(forgetting.erase_state(connection, users, []))
    # A device of theirs may be somebody else's, too.
    shared = set(connection.scalars(sa.select(LINKS.c.anonymous_id).distinct()))
    alone = [each for each in devices if each not in shared]
    removed.update(forgetting.erase_state(connection, [], alone))
    return {table: count for table, count in sorted(removed.items()) if count}


def _time(name: str, columns: Collection[str]) -> str | None:
    """Return the column that tells how old a row is, of tables whose rows are calls."""
    if name in _STATES or "id" not in columns:
        return None
    if name == "discards" and "received_at" in columns:
        return "received_at"
    return "timestamp" if {"timestamp", "received_at"} <= set(columns) else None


def _moment(connection: Connection, moment: datetime) -> sa.ColumnElement[Any]:
    if connection.dialect.name == "postgresql":
        return sa.literal(moment, sa.DateTime(timezone=True))
    return sa.literal(iso(moment))
