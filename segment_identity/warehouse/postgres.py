"""A PostgreSQL database, loaded by COPY.

How this works
--------------
COPY is the fastest way in, but stops at the first id that is there already. So it goes to a
temporary table of the connection, whose rows then go where they belong, but for those. Such a table
is kept for the next batch and emptied by every commit. A few rows go the ordinary way.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import URL, Connection, Engine

from segment_identity.arranging import Record
from segment_identity.destinations import extras
from segment_identity.errors import ConfigurationError
from segment_identity.kinds import Kind
from segment_identity.warehouse.moments import Moment
from segment_identity.warehouse.statements import Statements

# Fewer rows than these are not worth a COPY, nor more tables than those being kept.
_FEW: Final = 24
_MOST_STAGES: Final = 200
# A number of ours among the locks that applications agree upon.
_SCHEMA_LOCK: Final = 0x5E67_1D
_FIRST: Final = itemgetter(0)
_DRIVERS: Final = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
# What libpq does not do by itself: give up on a host that is silent, or a lock that is held.
_PATIENCE: Final = {
    "connect_timeout": "10",
    "keepalives_idle": "20",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "options": "-c lock_timeout=10000",
    "application_name": "segment_identity",
}


class Postgres:
    """A database on a server."""

    types: Mapping[Kind, sa.types.TypeEngine[Any]] = {
        "boolean": sa.Boolean(),
        "integer": sa.BigInteger(),
        "float": sa.Double(),
        "timestamp": Moment("TIMESTAMP WITH TIME ZONE"),
        "varchar": sa.Text(),
    }
    # In the order of bytes, which is the same on every server.
    key: sa.types.TypeEngine[Any] = sa.Text(collation="C")
    insert: Any = staticmethod(insert)

    def __init__(self, url: URL) -> None:
        self.engine = _engine(url)
        plain = PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]
        self._statements = Statements(plain, insert)

    def kind(self, declared: sa.types.TypeEngine[Any]) -> Kind:
        """Return the kind of a column that exists."""
        if isinstance(declared, sa.Boolean):
            return "boolean"
        if isinstance(declared, sa.Integer):
            return "integer"
        if isinstance(declared, sa.Float | sa.Numeric):
            return "float"
        return "timestamp" if isinstance(declared, sa.DateTime) else "varchar"

    def lock_schema(self, connection: Connection, /) -> None:
        """Keep other writers of ours from changing tables until the transaction ends."""
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))

    def add_clauses(self, columns: Sequence[str], /) -> Iterable[str]:
        """Return one clause for all columns, so that the table is locked once."""
        return [", ".join(f"ADD COLUMN {each}" for each in columns)]

    def recover(self) -> None:
        """Take new connections, as the server may have closed those."""
        self.engine.dispose()

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
        # Two writers that have the same ids take them in one order.
        ordered = sorted(records, key=_FIRST)
        stage = _stage(connection, table) if len(records) >= _FEW else None
        if stage is None:
            statement = self._statements.insert(table, names, update=update)
            connection.exec_driver_sql(statement, ordered)
            return
        format_column = connection.dialect.identifier_preparer.format_column
        columns = ", ".join(format_column(table.c[each]) for each in names)
        filled: set[str] = connection.info.setdefault("filled", set())
        if stage in filled:
            connection.exec_driver_sql(f"DELETE FROM {stage}")
        filled.add(stage)
        driver = connection.connection.driver_connection
        assert driver is not None
        with driver.cursor().copy(f"COPY {stage} ({columns}) FROM STDIN") as copy:
            for each in ordered:
                copy.write_row(each)
        connection.exec_driver_sql(
            self._statements.insert(table, names, update=update, source=stage)
        )


def _stage(connection: Connection, table: sa.Table) -> str | None:
    """Return the name of a temporary table like *table*, made unless this connection has one."""
    stages: dict[str, tuple[str, int]] = connection.info.setdefault("stages", {})
    known = stages.get(table.name)
    if known is not None and known[1] == len(table.c):
        return known[0]
    if known is None and len(stages) >= _MOST_STAGES:
        return None
    # No event's table begins so.
    name = known[0] if known is not None else f"_stage_{len(stages)}"
    target = connection.dialect.identifier_preparer.format_table(table)
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS pg_temp.{name}")
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE {name} (LIKE {target}) ON COMMIT DELETE ROWS"
    )
    stages[table.name] = (name, len(table.c))
    return name


def _committed(connection: Connection) -> None:
    connection.info.pop("filled", None)


def _rolled_back(connection: Connection) -> None:
    # Stages made in this transaction are gone with it.
    connection.info.pop("filled", None)
    connection.info.pop("stages", None)


def _engine(url: URL) -> Engine:
    if url.drivername not in _DRIVERS:
        raise ConfigurationError(
            f"the warehouse was given a {url.drivername} URL; "
            "want 'postgresql://…', which uses psycopg"
        )
    extras.load("psycopg", "a destination postgresql:", "postgres")
    patient = url.set(drivername="postgresql+psycopg", query={**_PATIENCE, **url.query})
    try:
        engine = sa.create_engine(patient)
    except sa.exc.ArgumentError as error:
        raise ConfigurationError(
            "the warehouse was given a PostgreSQL URL that does not work; "
            "want one such as 'postgresql://user:password@host/database'"
        ) from error
    sa.event.listen(engine, "commit", _committed)
    sa.event.listen(engine, "rollback", _rolled_back)
    return engine
