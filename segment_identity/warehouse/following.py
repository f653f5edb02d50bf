"""See the events of a warehouse as they are committed (see `tails` for how)."""

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from segment_identity.messages import Message
from segment_identity.tails import Mark, Wanted, standing, still_open
from segment_identity.warehouse import reading
from segment_identity.warehouse.database import Database
from segment_identity.warehouse.engine import open_existing
from segment_identity.warehouse.events import Events
from segment_identity.warehouse.faults import explaining
from segment_identity.warehouse.profile_views import TYPES

# How many messages are read at once, and how many marks are kept of a table.
_MOST: Final = 500
_MARKS: Final = 200
# Rows that were loaded before are changed and not new, whatever their transaction.
_OLD: Final = sa.text("now() - interval '1 day'")


class New(NamedTuple):
    """A row that was not seen yet."""

    timestamp: str
    table: str
    id: str


class Source(Protocol):
    """Knows what was seen."""

    def is_same(self, connection: Connection, /) -> bool:
        """Tell whether nothing can have come since the last look."""

    def news(self, connection: Connection, events: Events, tables: Sequence[str], /) -> list[New]:
        """Return what was not seen; it is from now on. The first time nothing is new."""


class Follower:
    """Shows what is in the warehouse of a *url*, and then what comes."""

    def __init__(self, url: str, wanted: Wanted) -> None:
        self._database = open_existing(url)
        self._wanted = wanted
        self._source = _source(self._database)
        self._waiting: list[New] = []

    def begin(self, last: int) -> list[Message]:
        """Return the *last* so many events, in order; what is there is seen with them."""
        with explaining(), reading.reading(self._database) as connection:
            events = Events(connection, self._database)
            tables = self._tables(events)
            self._source.news(connection, events, tables)
            found = [
                message
                for table in (tables if last else ())
                for message in events.newest(table, last, *self._conditions(events, table))
                if message in self._wanted
            ]
        found.sort(key=_time)
        return found[-last:] if last else []

    def look(self) -> tuple[list[Message], bool]:
        """Return some events that are new, in order, and whether there are more already."""
        with explaining(), reading.reading(self._database) as connection:
            if not self._waiting and self._source.is_same(connection):
                return [], False
            events = Events(connection, self._database)
            if not self._waiting:
                tables = self._tables(events)
                self._waiting = sorted(self._source.news(connection, events, tables))
            some = self._waiting[:_MOST]
            by_table: dict[str, list[str]] = {}
            for each in some:
                by_table.setdefault(each.table, []).append(each.id)
            found = [
                message
                for table, ids in by_table.items()
                for message in events.of(table, ids)
                if message in self._wanted
            ]
        # Not before they were read: a database that fails now is asked for them again.
        del self._waiting[: len(some)]
        return sorted(found, key=_time), bool(self._waiting)

    def close(self) -> None:
        """Close the connections."""
        self._database.engine.dispose()

    def _tables(self, events: Events) -> list[str]:
        types = self._wanted.types
        return [table for table in events.tables() if not types or TYPES[table][0] in types]

    def _conditions(self, events: Events, table: str) -> list[sa.ColumnElement[bool]]:
        """Return what holds for no fewer rows than are wanted, so that not all are read."""
        columns = events.kinds(table)

        def among(names: Sequence[str], values: frozenset[str]) -> list[sa.ColumnElement[bool]]:
            found = [sa.column(each).in_(sorted(values)) for each in names if each in columns]
            return [sa.or_(sa.false(), *found)] if values else []

        return [
            *among(("event", "event_text"), self._wanted.events),
            *among(("anonymous_id", "user_id"), self._wanted.ids),
        ]


def _time(message: Message) -> tuple[str, str]:
    return message.get("timestamp", ""), message["messageId"]


def _source(database: Database) -> Source:
    return _Numbers() if database.engine.dialect.name == "sqlite" else _Snapshots()


class _Numbers:
    """SQLite, where rows have rising numbers."""

    def __init__(self) -> None:
        self._marks: dict[str, list[Mark]] | None = None

    def is_same(self, connection: Connection, /) -> bool:
        """Looking costs no more than telling."""
        return False

    def news(self, connection: Connection, events: Events, tables: Sequence[str], /) -> list[New]:
        """Return the rows that follow those seen."""
        first, before = self._marks is None, self._marks or {}
        marks = dict(before)
        found: list[New] = []
        for table in tables:
            rows = _Rows(connection, table, events)
            if first:
                marks[table] = rows.newest()
                continue
            seen = before.get(table, [])
            new = rows.after(seen)
            found += [New(when, table, mark.id) for when, mark in new]
            marks[table] = [*seen, *(mark for _, mark in new)][-_MARKS:]
        # At the end, as a look that fails was none.
        self._marks = marks
        return found


class _Rows:
    """The rows of one table of SQLite, and when they were loaded."""

    def __init__(self, connection: Connection, table: str, events: Events) -> None:
        self._connection = connection
        columns = events.kinds(table)
        # No property's column is called so, as one may be called `rowid`.
        self._number: sa.ColumnElement[Any] = sa.literal_column("_rowid_")
        self._loaded = _shown("uuid_ts", columns)
        shown = [self._number, sa.column("id"), self._loaded, _shown("timestamp", columns)]
        self._query: sa.Select[Any] = sa.select(*shown).select_from(sa.table(table))

    def newest(self) -> list[Mark]:
        """Return marks of the last rows, in order."""
        query = self._query.order_by(self._number.desc()).limit(_MARKS)
        return [Mark(*row[:3]) for row in self._connection.execute(query)][::-1]

    def after(self, marks: Sequence[Mark]) -> list[tuple[str, Mark]]:
        """Return the rows that follow *marks*, with their times."""
        query = self._query.order_by(self._number)
        if marks:
            there = self._connection.execute(
                self._query.where(self._number.in_([mark.number for mark in marks]))
            )
            last = standing(marks, {(row[0], row[1]) for row in there})
            if last is not None:
                query = query.where(self._number > last.number)
            else:
                newest = max(mark.loaded or "" for mark in marks)
                query = query.where(self._loaded > newest)
        known = {mark.id for mark in marks}
        rows = [row for row in self._connection.execute(query) if row[1] not in known]
        return [(row[3] or "", Mark(row[0], row[1], row[2])) for row in rows]


class _Snapshots:
    """PostgreSQL, where rows have the numbers of their transactions."""

    def __init__(self) -> None:
        self._snapshot: str | None = None
        self._floor = 0
        self._seen: dict[tuple[str, str], int] = {}

    def is_same(self, connection: Connection, /) -> bool:
        """Tell whether no transaction has begun or ended."""
        return _snapshot(connection)[0] == self._snapshot

    def news(self, connection: Connection, events: Events, tables: Sequence[str], /) -> list[New]:
        """Return the rows of transactions that may have ended since, but for those seen."""
        snapshot, lowest = _snapshot(connection)
        first = self._snapshot is None
        floor = lowest if first else self._floor
        seen, found = dict(self._seen), list[New]()
        for table in tables:
            for identifier, number, when in connection.execute(_made_since(table, events, floor)):
                if (table, identifier) not in seen:
                    seen[table, identifier] = number
                    moment = "" if when is None else when.isoformat()
                    found.append(New(moment, table, identifier))
        self._seen, self._floor, self._snapshot = still_open(seen, lowest), lowest, snapshot
        return [] if first else found


def _snapshot(connection: Connection) -> tuple[str, int]:
    """Return what a transaction sees, and the number of the oldest one that has not ended."""
    row = connection.execute(
        sa.text(
            "SELECT CAST(txid_current_snapshot() AS text),"
            " txid_snapshot_xmin(txid_current_snapshot()) & 4294967295"
        )
    ).one()
    return row[0], row[1]


def _made_since(table: str, events: Events, floor: int) -> sa.Select[Any]:
    columns = events.kinds(table)
    number: sa.ColumnElement[Any] = sa.literal_column("CAST(CAST(xmin AS text) AS bigint)")
    shown = [sa.column("id"), number, _shown("timestamp", columns)]
    is_since = number.op("-")(floor).op("&")(4294967295) < 2147483648
    query: sa.Select[Any] = sa.select(*shown).select_from(sa.table(table)).where(is_since)
    if "uuid_ts" not in columns:
        return query
    loaded: sa.ColumnElement[Any] = sa.column("uuid_ts")
    return query.where(sa.or_(loaded.is_(None), loaded > _OLD))


def _shown(column: str, columns: Collection[str]) -> sa.ColumnElement[Any]:
    """Return a column, or null if the table has none of this name."""
    return sa.column(column) if column in columns else sa.null()
