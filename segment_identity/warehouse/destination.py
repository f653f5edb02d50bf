"""The warehouse as a destination: Segment's tables, on SQLite through SQLAlchemy Core."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL, Connection

from segment_identity.messages import received
from segment_identity.schema import Row, Scalar, fitted, rows
from segment_identity.stitching import Policy
from segment_identity.warehouse.collation import COLLATED, collated
from segment_identity.warehouse.engine import open_engine
from segment_identity.warehouse.faults import explained
from segment_identity.warehouse.profile_facts import ProfileFacts
from segment_identity.warehouse.projection import Projection
from segment_identity.warehouse.tables import Tables


class Warehouse:
    """Writes events to identifies, users, tracks, pages, screens, groups, aliases and a table per
    track event, adding columns as properties appear.

    A batch is one transaction, and `message_id` is the key, so one that comes twice changes
    nothing. *url* is an SQLAlchemy URL such as `sqlite:///analytics.db`. *profiles* says whom a
    device belongs to that several users share: its first or its last one; None keeps no profiles.
    *projections* are kept in the same transactions.
    """

    def __init__(
        self,
        url: str | URL,
        *,
        profiles: Policy | None = "first",
        projections: Sequence[Projection] = (),
    ) -> None:
        self.engine = open_engine(url)
        self._tables = Tables()
        own = () if profiles is None else (ProfileFacts(profiles),)
        self._projections: tuple[Projection, ...] = (*own, *projections)
        self._is_prepared = False

    def __repr__(self) -> str:
        return f"Warehouse({self.engine.dialect.name})"

    def send(self, batch: Sequence[bytes], /) -> None:
        """Store a batch."""
        now = time.time()
        messages = [received(event, now) for event in batch]
        new = [row for message in messages for row in rows(message)]
        try:
            self._prepare()
            with self.engine.begin() as connection:
                self._load(connection, new)
                for each in self._projections:
                    each.write(connection, messages)
        except BaseException as error:
            # The schema may have been half changed, or changed by another process.
            self._forget()
            if isinstance(error, sa.exc.SQLAlchemyError):
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
        if self._projections and not self._is_prepared:
            with self.engine.begin() as connection:
                for each in self._projections:
                    each.prepare(connection)
        self._is_prepared = True

    def _forget(self) -> None:
        self._tables.forget()
        self._is_prepared = False

    def _load(self, connection: Connection, new: list[Row]) -> None:
        by_table: dict[str, list[Mapping[str, Scalar]]] = {}
        latest: dict[str, dict[Scalar, set[str]]] = {}
        for row in new:
            if row.latest:
                columns = latest.setdefault(row.table, {}).setdefault(row.values["id"], set())
                columns.update(row.values)
                self._tables.table(connection, row.table, row.values)
            else:
                by_table.setdefault(row.table, []).append(row.values)
        discarded: list[Mapping[str, Scalar]] = []
        for name, values in by_table.items():
            self._store(connection, name, values, discarded)
        if discarded:
            self._store(connection, "discards", discarded, [])
        for name, owners in latest.items():
            self._refresh(connection, name, owners)

    def _refresh(
        self, connection: Connection, name: str, owners: Mapping[Scalar, set[str]]
    ) -> None:
        """Collate the rows of *owners* anew from their calls, whatever order those came in."""
        target, _ = self._tables.table(connection, name, {})
        source_name, owner = COLLATED[name]
        source, _ = self._tables.table(connection, source_name, {})
        self._tables.index(connection, source_name, owner)
        for who, columns in owners.items():
            wanted = [column for column in columns if column in source.c and column in target.c]
            connection.execute(collated(target, source, source.c[owner], who, wanted))

    def _store(
        self,
        connection: Connection,
        name: str,
        values: list[Mapping[str, Scalar]],
        discarded: list[Mapping[str, Scalar]],
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
        once = insert(table).on_conflict_do_nothing(index_elements=["id"])
        connection.execute(once, records)


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
