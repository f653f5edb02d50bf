"""An SQLite database to which many processes can write."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL, Connection, Engine

from segment_identity import options
from segment_identity.arranging import Record
from segment_identity.errors import ConfigurationError
from segment_identity.kinds import Kind
from segment_identity.warehouse.database import READS
from segment_identity.warehouse.moments import Moment
from segment_identity.warehouse.statements import Statements

# Pages between checkpoints. One costs two waits for the disk and writes each page once, however
# often it changed; the larger a file, the more batches it takes until a page has changed twice.
# But who reads looks for every page in what was not written back yet.
_CHECKPOINT: Final = 16_000
_CHECKPOINT_OF_LARGE: Final = 32_000
# Of new files. A row is some 700 bytes: in smaller pages few find room, and many are split.
_PAGE: Final = 8_192
# KiB of pages in memory, once a file has as many: keys come in no order, so every batch touches
# all of an index.
_CACHE: Final = 131_072
# What a URL may say: to the driver, and, with uri=true, to SQLite.
_DRIVERS: Final = "cached_statements check_same_thread detect_types isolation_level timeout uri"
_OWN: Final = "cache immutable mode nolock psow vfs"


class Sqlite:
    """A file, or a database in memory."""

    types: Mapping[Kind, sa.types.TypeEngine[Any]] = {
        "boolean": sa.Boolean(),
        "integer": sa.BigInteger(),
        "float": sa.Float(),
        # Texts such as 2026-01-31T12:00:00.000Z, which are in the order of time.
        "timestamp": Moment(),
        "varchar": sa.Text(),
    }
    key: sa.types.TypeEngine[Any] = sa.Text()
    insert: Any = staticmethod(insert)

    def __init__(self, url: URL) -> None:
        self.engine = _engine(url)
        self._statements = Statements(self.engine.dialect, insert)

    def kind(self, declared: sa.types.TypeEngine[Any]) -> Kind:
        """Return the kind of a column that exists."""
        if isinstance(declared, sa.Boolean):
            return "boolean"
        if isinstance(declared, sa.Integer):
            return "integer"
        if isinstance(declared, sa.Float):
            return "float"
        return "timestamp" if isinstance(declared, sa.TIMESTAMP | Moment) else "varchar"

    def lock_schema(self, connection: Connection, /) -> None:
        """Every transaction keeps all others from writing."""

    def add_clauses(self, columns: Sequence[str], /) -> Iterable[str]:
        """Return a clause for each column."""
        return [f"ADD COLUMN {each}" for each in columns]

    def recover(self) -> None:
        """Keep the connection, which may be the database."""

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
        statement = self._statements.insert(table, names, update=update)
        connection.exec_driver_sql(statement, records)


def _engine(url: URL) -> Engine:
    _check(url.query)
    more: dict[str, Any] = {}
    if not url.database or url.database == ":memory:":
        # One connection is the database; the lane's thread makes it and another one closes it.
        more = {"poolclass": sa.StaticPool, "connect_args": {"check_same_thread": False}}
    else:
        folder = Path(url.database).parent
        if not folder.is_dir():
            raise ConfigurationError(f"the warehouse's folder does not exist: {folder}")
    try:
        engine = sa.create_engine(url, **more)
        engine.dialect.create_connect_args(url)
    except (sa.exc.ArgumentError, ImportError, TypeError, ValueError) as error:
        raise ConfigurationError(
            "the warehouse was given an SQLite URL that does not work; "
            "want one such as 'sqlite:///analytics.db', with three slashes and no host"
        ) from error
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _check(query: Mapping[str, object]) -> None:
    """Raise unless a URL's options are some that are heeded."""
    options.known("an sqlite: URL", query, [*_DRIVERS.split(), *_OWN.split()])
    if "uri" not in query and (own := sorted(query.keys() & set(_OWN.split()))):
        raise ConfigurationError(f"an sqlite: URL was given {own[0]!r}; want 'uri=true' as well")


def _prepare(connection: Any, _: object) -> None:
    # The driver's own transactions would begin too late: a reader that turns writer cannot wait.
    connection.isolation_level = None
    try:
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute(f"PRAGMA page_size = {_PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE}")
    except BaseException:
        # The pool does not know this connection yet, so nobody else would close it.
        connection.close()
        raise


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get(READS, False):
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    checkpoint = min(max(_CHECKPOINT, pages // 2), _CHECKPOINT_OF_LARGE)
    connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {checkpoint}")
