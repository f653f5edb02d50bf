"""Read a visitor's latest events back from the warehouse, which is plain tables in SQLite."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, MetaData, RowMapping, Table, or_, select

# In the order in which calls of the same millisecond are usually made.
_KINDS = {
    "identifies": "identify",
    "groups": "group",
    "aliases": "alias",
    "tracks": "track",
    "pages": "page",
}
_EVERY_ROW_HAS = frozenset(
    "id anonymous_id user_id timestamp original_timestamp sent_at received_at uuid_ts".split()
)


@dataclass(frozen=True, slots=True)
class Event:
    """One row, as the panel shows it."""

    id: str
    kind: str
    text: str
    at: datetime
    anonymous_id: str | None
    user_id: str | None


def latest_events(
    engine: Engine, anonymous_id: str | None, user_id: str | None, limit: int = 12
) -> list[Event]:
    """Return the newest events of this device, and of this user on any device."""
    schema = MetaData()
    with engine.connect() as connection:
        # One snapshot, as the warehouse may add a column between two looks at a table.
        connection.exec_driver_sql("BEGIN")
        # A table appears with the first event of its kind, a column with the first such property.
        schema.reflect(connection, only=lambda name, _: name in _KINDS)
        events = [
            _event(_KINDS[name], row)
            for name in _KINDS
            if name in schema.tables
            for row in _rows(connection, schema.tables[name], anonymous_id, user_id, limit)
        ]
    events.sort(key=lambda event: event.at)
    return events[: -limit - 1 : -1]


def _rows(
    connection: Connection,
    table: Table,
    anonymous_id: str | None,
    user_id: str | None,
    limit: int,
) -> Iterator[RowMapping]:
    known = {"anonymous_id": anonymous_id, "user_id": user_id}
    theirs = [table.c[name] == value for name, value in known.items() if value and name in table.c]
    if not theirs:
        return iter(())
    query = select(table).where(or_(*theirs)).order_by(table.c.timestamp.desc()).limit(limit)
    return iter(connection.execute(query).mappings().all())


def _event(kind: str, row: RowMapping) -> Event:
    return Event(
        id=row["id"],
        kind=kind,
        text=_text(kind, row),
        at=row["timestamp"].astimezone(),
        anonymous_id=row.get("anonymous_id"),
        user_id=row.get("user_id"),
    )


def _text(kind: str, row: RowMapping) -> str:
    if kind == "track":
        return str(row["event_text"])
    if kind == "page":
        return str(row.get("name") or row.get("context_page_path") or "")
    if kind == "alias":
        return f"was {row.get('previous_id')}"
    # Columns stand in the order in which they appeared, which is no order.
    names = sorted(name for name in row if _is_trait(name) and row[name] is not None)
    return ", ".join(f"{name}: {row[name]}" for name in names) or "no traits"


def _is_trait(column: str) -> bool:
    return column not in _EVERY_ROW_HAS and not column.startswith("context_")
