"""Execute one insert for many records, in the quickest way that a database has."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Connection, Dialect

from segment_identity.warehouse.staging import fill, stage_for

# With parameters by their place, which a driver takes as they are.
POSITIONAL: Final[dict[str, Dialect]] = {
    "postgresql": PGDialect_psycopg(paramstyle="format"),  # type: ignore[no-untyped-call]
    "sqlite": SQLiteDialect_pysqlite(paramstyle="qmark"),
}

# Makes an insert for the database of a name, with whatever it does on a conflict.
Build = Callable[[str, sa.Table], Any]


def put(
    connection: Connection, table: sa.Table, build: Build, records: Sequence[Sequence[Any]]
) -> None:
    """Insert records, each with a value for every column of *table*, as *build* says."""
    name, stage = connection.dialect.name, None
    if name == "postgresql":
        stage = stage_for(connection, table, len(records))
    if stage is None:
        connection.exec_driver_sql(_text(name, table, build, ""), list(map(tuple, records)))
        return
    fill(connection, stage, table, table.c.keys(), records)
    connection.exec_driver_sql(_text(name, table, build, stage))


@lru_cache(maxsize=256)
def _text(name: str, table: sa.Table, build: Build, stage: str) -> str:
    insert = build(name, table)
    if stage:
        staged = sa.Table(stage, sa.MetaData(), *(sa.Column(each.name) for each in table.c))
        insert = insert.from_select(table.c.keys(), sa.select(staged))
    given = None if stage else table.c.keys()
    return str(insert.compile(dialect=POSITIONAL[name], column_keys=given))
