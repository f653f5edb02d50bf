"""Open an SQLite database so that many processes can write to it."""

from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url

from segment_identity.errors import ConfigurationError

# An execution option: a transaction that never writes, and so waits for no writer.
READS: Final = "segment_identity_reads"


def open_engine(url: str | URL) -> Engine:
    """Return an engine for *url*; raises `ConfigurationError` if it cannot work."""
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError as error:
        raise ConfigurationError(
            "the warehouse was given a URL that SQLAlchemy cannot read; "
            "want one such as 'sqlite:///analytics.db'"
        ) from error
    if parsed.get_backend_name() != "sqlite":
        raise ConfigurationError(
            f"the warehouse was given a {parsed.get_backend_name()} URL; want 'sqlite:///…'"
        )
    options: dict[str, Any] = {}
    if not parsed.database or parsed.database == ":memory:":
        # One connection is the database; the lane's thread makes it and another one closes it.
        options = {"poolclass": sa.StaticPool, "connect_args": {"check_same_thread": False}}
    else:
        folder = Path(parsed.database).parent
        if not folder.is_dir():
            raise ConfigurationError(f"the warehouse's folder does not exist: {folder}")
    try:
        engine = sa.create_engine(parsed, **options)
        engine.dialect.create_connect_args(parsed)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise ConfigurationError(
            "the warehouse was given an SQLite URL that does not work; "
            "want one such as 'sqlite:///analytics.db', with three slashes and no host"
        ) from error
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _: object) -> None:
    # The driver's own transactions would begin too late: a reader that turns writer cannot wait.
    connection.isolation_level = None
    try:
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        # The pool does not know this connection yet, so nobody else would close it.
        connection.close()
        raise


def _begin(connection: Connection) -> None:
    is_reading = connection.get_execution_options().get(READS, False)
    connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")
