"""Read how a person's traits became what they are."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from segment_identity.warehouse.profile_views import calls_tables
from segment_identity.warehouse.timelines import owned

_TABLE: Final = "identifies"
_NO_TRAITS: Final = frozenset(
    "id anonymous_id user_id received_at sent_at timestamp original_timestamp uuid_ts".split()
)


class Change(msgspec.Struct, frozen=True):
    """The value a trait took at a time."""

    timestamp: str
    value: Any


def history(
    connection: Connection, users: Sequence[str], devices: Sequence[str], limit: int = 1_000
) -> Mapping[str, Sequence[Change]]:
    """Return the values of every trait, in order, from the newest *limit* calls that are theirs."""
    columns = calls_tables(connection).get(_TABLE, ())
    theirs = owned(_TABLE, columns, users, devices)
    if "timestamp" not in columns or not theirs:
        return {}
    traits = sorted(
        each for each in columns if each not in _NO_TRAITS and not each.startswith("context_")
    )
    source = sa.table(_TABLE, *(sa.column(each) for each in columns))
    query = (
        sa.select(source.c.timestamp, *(source.c[each] for each in traits))
        .where(source.c.id.in_(sa.union_all(*theirs)))
        .order_by(source.c.timestamp.desc(), source.c.id.desc())
        .limit(limit)
    )
    found: dict[str, list[Change]] = {}
    for row in reversed(connection.execute(query).mappings().all()):
        for name in traits:
            value, before = row[name], found.get(name)
            if value is not None and (before is None or before[-1].value != value):
                found.setdefault(name, []).append(Change(str(row["timestamp"]), value))
    return found
