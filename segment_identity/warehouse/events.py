"""Read the messages that a warehouse's rows were made of.

How this works
--------------
Six tables have a row for each call. What a track call said beside its name is in the table of its
event, so those are asked for the rows of the same ids, some hundreds at once; and `discards` for
values that found no place. Nothing is held but the rows that are being read, however many there
are: the database sorts them.
"""

import heapq
from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from segment_identity.messages import Message
from segment_identity.names import table_of
from segment_identity.restoring import Lost, restored
from segment_identity.schema import OURS
from segment_identity.warehouse import reading
from segment_identity.warehouse.database import Database
from segment_identity.warehouse.parts import parts
from segment_identity.warehouse.profile_views import TYPES
from segment_identity.warehouse.reading import Kinds, Window

_ROWS: Final = 500
_DISCARDS: Final = sa.table(
    "discards",
    *map(sa.column, ("table_name", "row_id", "column_name", "column_value", "reason")),
)
# They are made of the newest calls, and have losses of their own.
_STATES: Final = ("users", "accounts")

Columns = dict[str, Any]


class Events:
    """The messages in a warehouse, as a *connection* sees them."""

    def __init__(self, connection: Connection, database: Database) -> None:
        self._connection = connection
        self._database = database
        self._names = set(sa.inspect(connection).get_table_names())
        self._kinds: dict[str, Kinds] = {}

    def tables(self) -> list[str]:
        """Return those tables there are that have a row for each call."""
        return [each for each in TYPES if each in self._names and "id" in self.kinds(each)]

    def kinds(self, table: str) -> Kinds:
        """Return the columns of a table and their kinds."""
        if table not in self._kinds:
            self._kinds[table] = reading.columns(self._connection, self._database, table)
        return self._kinds[table]

    def count(self, window: Window = reading.ALWAYS) -> int:
        """Return how many there are in a window of time."""
        total = 0
        for table in self.tables():
            source = self._source(table)
            query = sa.select(sa.func.count()).select_from(source)
            total += self._connection.scalar(query.where(*self._within(source, window))) or 0
        return total

    def ordered(self, window: Window = reading.ALWAYS) -> Generator[Message]:
        """Yield all messages of a window of time in the order of their times.

        To be closed before the connection is.
        """
        if self._connection.dialect.name == "sqlite":
            # It sorts each table in as much memory as it may use for pages.
            self._connection.exec_driver_sql("PRAGMA cache_size = -8192")
        streams = [self._stream(table, window) for table in self.tables()]
        yield from heapq.merge(*streams, key=lambda each: each.get("timestamp", ""))

    def of(self, table: str, ids: Sequence[str]) -> Iterator[Message]:
        """Yield the messages of some ids of a *table*, in no order."""
        source = self._source(table)
        for some in parts(ids):
            query = sa.select(source).where(source.c.id.in_(some))
            rows = [self._read(table, row) for row in self._connection.execute(query)]
            yield from self._messages(table, rows, {})

    def newest(self, table: str, count: int, *conditions: sa.ColumnElement[bool]) -> list[Message]:
        """Return the newest *count* messages of a *table* for which *conditions* hold."""
        source = self._source(table)
        query = sa.select(source).where(*conditions).limit(count)
        if "timestamp" in source.c:
            query = query.order_by(source.c.timestamp.desc().nulls_last(), source.c.id.desc())
        rows = [self._read(table, row) for row in self._connection.execute(query)]
        return list(self._messages(table, rows, {}))

    def _source(self, table: str) -> sa.TableClause:
        return sa.table(table, *map(sa.column, self.kinds(table)))

    def _read(self, table: str, row: sa.Row[Any]) -> Columns:
        return reading.read(row, self._kinds[table])

    def _within(self, source: sa.TableClause, window: Window) -> list[sa.ColumnElement[bool]]:
        if "timestamp" in source.c:
            return reading.within(self._connection, source.c.timestamp, window)
        return [] if window == reading.ALWAYS else [sa.false()]

    def _stream(self, table: str, window: Window) -> Iterator[Message]:
        source = self._source(table)
        query = sa.select(source).where(*self._within(source, window))
        found = self._streamed(query.order_by(*_order(source)))
        losses = _Losses(self._lost(source, window))
        while rows := [self._read(table, row) for row in islice(found, _ROWS)]:
            lost = {row["id"]: losses.of(row["id"]) for row in rows}
            yield from self._messages(table, rows, lost)

    def _lost(self, source: sa.TableClause, window: Window) -> Iterator[sa.Row[Any]]:
        """Return what `discards` has of the rows of a table, in their order."""
        if "discards" not in self._names:
            return iter(())
        lost = (_DISCARDS.c.column_name, _DISCARDS.c.column_value, _DISCARDS.c.reason)
        query = (
            sa.select(source.c.id, *lost)
            .select_from(source.join(_DISCARDS, _DISCARDS.c.row_id == source.c.id))
            .where(_DISCARDS.c.table_name.not_in(_STATES), *self._within(source, window))
        )
        return self._streamed(query.order_by(*_order(source)))

    def _streamed(self, query: sa.Select[Any]) -> Iterator[sa.Row[Any]]:
        with self._connection.execute(query.execution_options(yield_per=_ROWS)) as found:
            yield from found

    def _messages(
        self, table: str, rows: Sequence[Columns], lost: Mapping[str, Sequence[Lost]]
    ) -> Iterator[Message]:
        own = self._own(rows) if table == "tracks" else {}
        for row in rows:
            yield restored(table, row, own.get(row["id"]), lost.get(row["id"], ()))

    def _own(self, rows: Sequence[Columns]) -> dict[str, Columns]:
        """Return the rows of the events' own tables, by their ids."""
        by_table: dict[str, list[str]] = {}
        for row in rows:
            event = row.get("event")
            if event:
                by_table.setdefault(table_of(event, OURS), []).append(row["id"])
        found: dict[str, Columns] = {}
        for table, ids in by_table.items():
            if table in self._names:
                source = self._source(table)
                query = sa.select(source).where(source.c.id.in_(ids))
                for each in self._connection.execute(query):
                    read = self._read(table, each)
                    found[read["id"]] = read
        return found


class _Losses:
    """Losses in the order of the rows they are of."""

    def __init__(self, found: Iterator[sa.Row[Any]]) -> None:
        self._found = found
        self._next = next(found, None)

    def of(self, identifier: str) -> list[Lost]:
        """Return those of the row with this id, which follows the one asked for before."""
        lost = []
        while self._next is not None and self._next.id == identifier:
            each = self._next
            lost.append(Lost(each.column_name, each.column_value, each.reason))
            self._next = next(self._found, None)
        return lost


def _order(source: sa.TableClause) -> list[sa.ColumnElement[Any]]:
    if "timestamp" not in source.c:
        return [source.c.id]
    return [source.c.timestamp.nulls_first(), source.c.id]
