"""The warehouse as a destination: Segment's tables, on SQLite through SQLAlchemy Core."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL, Connection

from segment_identity.errors import Unavailable, Undeliverable
from segment_identity.messages import received
from segment_identity.schema import Row, Scalar, fitted, rows
from segment_identity.warehouse.engine import open_engine
from segment_identity.warehouse.tables import Tables

# What lies in the events themselves; anything else (locked, full, gone) may pass.
_BAD_DATA = (sa.exc.DataError, sa.exc.IntegrityError, sa.exc.NotSupportedError)


class Warehouse:
    """Writes events to identifies, users, tracks, pages, screens, groups, aliases and a table per
    track event, adding columns as properties appear.

    A batch is one transaction, and `message_id` is the key, so one that comes twice changes
    nothing. *url* is an SQLAlchemy URL such as `sqlite:///analytics.db`.
    """

    def __init__(self, url: str | URL) -> None:
        self.engine = open_engine(url)
        self._tables = Tables()

    def __repr__(self) -> str:
        return f"Warehouse({self.engine.dialect.name})"

    def send(self, batch: Sequence[bytes], /) -> None:
        """Store a batch."""
        now = time.time()
        new = [row for event in batch for row in rows(received(event, now))]
        try:
            with self.engine.begin() as connection:
                self._load(connection, new)
        except sa.exc.SQLAlchemyError as error:
            # The schema may have been half changed, or changed by another process.
            self._tables.forget()
            kind = Undeliverable if isinstance(error, _BAD_DATA) else Unavailable
            raise kind(type(error).__name__) from error

    def close(self) -> None:
        """Close the connections; the next batch opens new ones."""
        self.engine.dispose()

    def after_fork(self) -> None:
        """Leave the parent process' connections alone."""
        self.engine.dispose(close=False)
        self._tables.forget()

    def _load(self, connection: Connection, new: list[Row]) -> None:
        by_table: dict[tuple[str, bool], list[Mapping[str, Scalar]]] = {}
        for row in new:
            by_table.setdefault((row.table, row.latest), []).append(row.values)
        discarded: list[Mapping[str, Scalar]] = []
        for (name, latest), values in by_table.items():
            self._store(connection, name, values, discarded, latest=latest)
        if discarded:
            self._store(connection, "discards", discarded, [], latest=False)

    def _store(
        self,
        connection: Connection,
        name: str,
        values: list[Mapping[str, Scalar]],
        discarded: list[Mapping[str, Scalar]],
        *,
        latest: bool,
    ) -> None:
        wanted: dict[str, Scalar] = {}
        for each in values:
            for column, value in each.items():
                wanted.setdefault(column, value)
        table, kinds = self._tables.table(connection, name, wanted)
        records: list[dict[str, Any]] = []
        for each in values:
            record: dict[str, Any] = dict.fromkeys(wanted.keys() & kinds.keys())
            for column, value in each.items():
                kept = fitted(value, kinds[column]) if column in kinds else None
                if kept is None:
                    discarded.append(_discard(name, each, column, value))
                else:
                    record[column] = kept
            records.append(record)
        statement = insert(table)
        if latest:
            for record in records:
                connection.execute(_upsert(table, record))
        else:
            connection.execute(statement.on_conflict_do_nothing(index_elements=["id"]), records)


def _upsert(table: sa.Table, record: Mapping[str, Any]) -> sa.Executable:
    """Return an upsert that keeps, column by column, the newest value that is not null."""
    statement = insert(table).values(record)
    new, old = statement.excluded, table.c
    is_newer = sa.func.coalesce(new.timestamp >= old.timestamp, sa.true())
    newest = {
        column: sa.case(
            (is_newer, sa.func.coalesce(new[column], old[column])),
            else_=sa.func.coalesce(old[column], new[column]),
        )
        for column in record
        if column != "id"
    }
    return statement.on_conflict_do_update(index_elements=["id"], set_=newest)


def _discard(
    table: str, row: Mapping[str, Scalar], column: str, value: Scalar
) -> dict[str, Scalar]:
    return {
        "id": f"{row['id']}/{table}/{column}",
        "table_name": table,
        "row_id": row["id"],
        "column_name": column,
        "column_value": str(value),
        "received_at": row.get("received_at", ""),
    }
