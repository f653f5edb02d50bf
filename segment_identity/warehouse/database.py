"""What a warehouse asks of a kind of database."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from segment_identity.arranging import Record
from segment_identity.kinds import Kind

# An execution option: a transaction that never writes, and so waits for no writer.
READS: Final = "segment_identity_reads"


class Database(Protocol):
    """SQLite or PostgreSQL: where SQLAlchemy leaves a difference between them."""

    engine: Engine
    types: Mapping[Kind, sa.types.TypeEngine[Any]]
    # That of ids, which are compared byte by byte.
    key: sa.types.TypeEngine[Any]
    # The dialect's `insert`, which knows `ON CONFLICT`.
    insert: Any

    def kind(self, declared: sa.types.TypeEngine[Any]) -> Kind:
        """Return the kind of a column that exists."""

    def lock_schema(self, connection: Connection, /) -> None:
        """Keep other writers from changing tables until the transaction ends."""

    def add_clauses(self, columns: Sequence[str], /) -> Iterable[str]:
        """Return the clauses of as many `ALTER TABLE` as it takes to add *columns*."""

    def recover(self) -> None:
        """Get over a batch that failed."""

    def store(
        self,
        connection: Connection,
        table: sa.Table,
        names: Sequence[str],
        records: Sequence[Record],
        /,
        *,
        update: bool = False,
    ) -> None:
        """Insert records, values of *names*, the first of which is the id.

        One whose id is there already is left out, or with *update* written over it.
        """
