"""A PostgreSQL database, loaded by COPY."""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import URL, Connection, Engine

from segment_identity import options
from segment_identity.arranging import Record
from segment_identity.destinations import extras
from segment_identity.errors import ConfigurationError
from segment_identity.kinds import Kind
from segment_identity.warehouse.bulk import POSITIONAL
from segment_identity.warehouse.moments import Moment
from segment_identity.warehouse.staging import fill, stage_for, watch
from segment_identity.warehouse.statements import Statements

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
        self._statements = Statements(POSITIONAL["postgresql"], insert)

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
        stage = stage_for(connection, table, len(records))
        if stage is None:
            statement = self._statements.insert(table, names, update=update)
            connection.exec_driver_sql(statement, ordered)
            return
        fill(connection, stage, table, names, ordered)
        connection.exec_driver_sql(
            self._statements.insert(table, names, update=update, source=stage)
        )


def _engine(url: URL) -> Engine:
    if url.drivername not in _DRIVERS:
        raise ConfigurationError(
            f"the warehouse was given a {url.drivername} URL; "
            "want 'postgresql://…', which uses psycopg"
        )
    psycopg = extras.load("psycopg", "a destination postgresql:", "postgres")
    known = [each.keyword.decode() for each in psycopg.pq.Conninfo.get_defaults()]
    options.known("a postgresql: URL", url.query, known)
    # Several hosts are one server's stand-ins.
    twice = [each for each, said in url.query.items() if each != "host" and isinstance(said, tuple)]
    if twice:
        raise ConfigurationError(f"a postgresql: URL was given {twice[0]!r} twice; want it once")
    patient = url.set(drivername="postgresql+psycopg", query={**_PATIENCE, **url.query})
    try:
        engine = sa.create_engine(patient)
    except sa.exc.ArgumentError as error:
        raise ConfigurationError(
            "the warehouse was given a PostgreSQL URL that does not work; "
            "want one such as 'postgresql://user:password@host/database'"
        ) from error
    watch(engine)
    return engine
