"""Remove a person from every table.

How this works
--------------
Tables are found by their columns, as there is one for each event. What has a row for each call has
`anonymous_id` or `user_id`; a person's rows are the same in all of them, as `profile_events` has
them. What others did on a device of theirs stays, without the device.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from segment_identity import profile
from segment_identity.facts import Id
from segment_identity.tallies import DEVICE
from segment_identity.warehouse.parts import parts
from segment_identity.warehouse.profile_tables import ALIASES, IDS, LINKS, METADATA, TRAITS
from segment_identity.warehouse.timelines import owned

# Tables with a row for each user, by the user's id.
_USERS: Final = ("users", "user_keys")
_FOREIGN: Final = ("anonymous_id", "previous_id")
# Tables whose ids are no call's.
_STATES: Final = frozenset({"users", "user_keys", "accounts", "account_keys", "discards"})


def erase(connection: Connection, ids: Collection[Id]) -> dict[str, int]:
    """Remove all rows of the person who has *ids*; return how many, by table."""
    users, devices = profile.values(ids, "user_id"), profile.values(ids, "anonymous_id")
    removed = Counter[str]()
    there = tables(connection)
    if "discards" in there:
        removed.update(_calls_without_id(connection, there, users, devices))
    for table, columns in there.items():
        if "id" in columns and {"anonymous_id", "user_id"} & set(columns):
            has_discards = "discards" in there
            removed[table] += _calls(connection, table, columns, users, devices, has_discards)
    if "discards" in there:
        removed["discards"] += _discards(connection, users, devices)
    # Last, as they say whose the calls are.
    removed.update(erase_state(connection, users, devices))
    return {table: count for table, count in sorted(removed.items()) if count}


def erase_state(
    connection: Connection, users: Sequence[str], devices: Sequence[str]
) -> Mapping[str, int]:
    """Remove what is known of *users* and *devices*, but for their calls."""
    removed = Counter[str]()
    there = sa.inspect(connection).get_table_names()
    for table in _USERS:
        if table in there:
            removed[table] += _delete(connection, sa.table(table, sa.column("id")), "id", users)
    for kind, values in (("user_id", users), ("anonymous_id", devices)):
        for known in (IDS, TRAITS):
            of_kind = known.c.type == kind
            removed[known.name] += _delete(connection, known, "value", values, of_kind)
    removed[LINKS.name] += _delete(connection, LINKS, "anonymous_id", devices)
    removed[LINKS.name] += _delete(connection, LINKS, "user_id", users)
    written = [*users, *devices, *(DEVICE + each for each in devices)]
    for column in ("previous_id", "user_id"):
        removed[ALIASES.name] += _delete(connection, ALIASES, column, written)
    return removed


def tables(connection: Connection) -> dict[str, list[str]]:
    """Return the columns of every table that is not one of the profiles' own."""
    inspector = sa.inspect(connection)
    return {
        name: [column["name"] for column in inspector.get_columns(name)]
        for name in sorted(inspector.get_table_names())
        if name not in METADATA.tables
    }


def _calls(
    connection: Connection,
    name: str,
    columns: Sequence[str],
    users: Sequence[str],
    devices: Sequence[str],
    discards: bool,
) -> int:
    source = sa.table(name, *(sa.column(each) for each in columns))
    count = 0
    for some_users, some_devices in _in_parts(users, devices):
        for query in owned(name, columns, some_users, some_devices):
            if discards:
                lost = sa.table("discards", sa.column("row_id"))
                connection.execute(sa.delete(lost).where(lost.c.row_id.in_(query)))
            mine = sa.delete(source).where(source.c.id.in_(query))
            count += connection.execute(mine).rowcount
    for column in _FOREIGN:
        for some in parts([*devices, *users] if column == "previous_id" else devices):
            if column in columns:
                others = sa.update(source).where(source.c[column].in_(some))
                connection.execute(others.values({column: None}))
    return count


def _calls_without_id(
    connection: Connection,
    there: Mapping[str, Sequence[str]],
    users: Sequence[str],
    devices: Sequence[str],
) -> Counter[str]:
    """Remove the calls whose id was too long for its column."""
    removed = Counter[str]()
    names = ("row_id", "column_name", "column_value", "reason")
    lost = sa.table("discards", *map(sa.column, names))
    for name, values in (("user_id", users), ("anonymous_id", devices)):
        for some in parts(values):
            said = (lost.c.column_name == name, lost.c.column_value.in_(some))
            query = sa.select(lost.c.row_id).where(*said, lost.c.reason == "too_long").distinct()
            ids = list(connection.scalars(query))
            for table, columns in there.items() if ids else ():
                if "id" in columns and table not in _STATES:
                    source = sa.table(table, sa.column("id"), sa.column("user_id"))
                    # What others did on their device stays.
                    is_theirs = name == "user_id" or "user_id" not in columns
                    mine = () if is_theirs else (source.c.user_id.is_(None),)
                    removed[table] += _delete(connection, source, "id", ids, *mine)
            removed["discards"] += _delete(connection, lost, "row_id", ids)
    return removed


def _discards(connection: Connection, users: Sequence[str], devices: Sequence[str]) -> int:
    """Remove what no column took of the user's row, and whole events that found no table."""
    source = sa.table("discards", *map(sa.column, ("table_name", "row_id", "column_value")))
    count = 0
    for some in parts(users):
        own = sa.delete(source).where(source.c.table_name == "users", source.c.row_id.in_(some))
        count += connection.execute(own).rowcount
    for name, values in (("userId", users), ("anonymousId", devices)):
        for value in values:
            said = f'"{name}":{msgspec.json.encode(value).decode()}'
            holds = source.c.column_value.contains(said, autoescape=True)
            count += connection.execute(sa.delete(source).where(holds)).rowcount
    return count


def _delete(
    connection: Connection,
    table: sa.TableClause,
    column: str,
    values: Sequence[str],
    *conditions: sa.ColumnElement[bool],
) -> int:
    count = 0
    for some in parts(values):
        statement = sa.delete(table).where(table.c[column].in_(some), *conditions)
        count += connection.execute(statement).rowcount
    return count


def _in_parts(
    users: Sequence[str], devices: Sequence[str]
) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    for some in parts(users):
        yield some, ()
    for some in parts(devices):
        yield (), some
