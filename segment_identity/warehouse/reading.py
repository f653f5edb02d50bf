"""Read tables as they all were at one moment, and their values as JSON has them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from segment_identity.kinds import Kind, moment
from segment_identity.warehouse.database import READS, Database

Kinds = Mapping[str, Kind]
# From when, and before when, as ISO 8601 in UTC with milliseconds.
Window = tuple[str | None, str | None]
ALWAYS: Final[Window] = (None, None)


def reading(database: Database) -> Connection:
    """Return a connection whose transaction sees what was there when it began."""
    options = {READS: True, "isolation_level": "REPEATABLE READ"}
    if database.engine.dialect.name == "sqlite":
        del options["isolation_level"]
    return database.engine.connect().execution_options(**options)


def columns(connection: Connection, database: Database, table: str) -> dict[str, Kind]:
    """Return the columns of a table with their kinds."""
    found = sa.inspect(connection).get_columns(table)
    return {each["name"]: database.kind(each["type"]) for each in found}


def read(row: Sequence[Any], kinds: Kinds) -> dict[str, Any]:
    """Return a row, which has values of *kinds*, by columns."""
    return {
        name: value if value is None or kind not in _READERS else _READERS[kind](value)
        for (name, kind), value in zip(kinds.items(), row, strict=True)
    }


def within(
    connection: Connection, column: sa.ColumnElement[Any], window: Window, is_text: bool = False
) -> list[sa.ColumnElement[bool]]:
    """Return what holds for a *column* of times that are in a *window*."""
    since, until = (
        sa.literal(datetime.fromisoformat(each), sa.DateTime(timezone=True))
        if each is not None and connection.dialect.name == "postgresql" and not is_text
        else each
        for each in window
    )
    found: list[sa.ColumnElement[bool]] = []
    if since is not None:
        found.append(column >= since)
    if until is not None:
        found.append(column < until)
    return found


def following(
    connection: Connection, table: str, kinds: Kinds, after: str, most: int
) -> list[dict[str, Any]]:
    """Return columns of the first *most* rows whose ids come *after* one, in the order of ids."""
    source = sa.table(table, *map(sa.column, kinds))
    query = sa.select(source).where(source.c.id > after).order_by(source.c.id).limit(most)
    return [read(row, kinds) for row in connection.execute(query)]


def _time(value: Any) -> Any:
    return moment(value.isoformat()) if isinstance(value, datetime) else value


_READERS: Final[Mapping[Kind, Callable[[Any], Any]]] = {
    "boolean": bool,
    "float": float,
    "timestamp": _time,
}
