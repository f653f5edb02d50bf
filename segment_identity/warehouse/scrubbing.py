"""Leave nothing of removed rows in a database's files."""

from contextlib import closing, suppress
from typing import Any

from sqlalchemy.engine import Connection, Engine


def prepare(connection: Connection) -> None:
    """Have rows written over that this transaction removes, as far as the database does that."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def scrub(engine: Engine) -> bool:
    """Write the database's files anew without what was removed; False if that cannot be done now.

    As when somebody else reads or writes it, or the disk is full. Backups, replicas and a server's
    write-ahead log are another matter.
    """
    assert engine.dialect.dbapi is not None
    with closing(engine.raw_connection()) as raw, suppress(engine.dialect.dbapi.Error):
        driver = raw.driver_connection
        assert driver is not None
        if engine.dialect.name != "sqlite":
            _vacuum_server(driver)
            return True
        # Pages that were changed before still hold what was moved about on them.
        driver.execute("VACUUM")
        busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
    return False


def _vacuum_server(driver: Any) -> None:
    was = driver.autocommit
    driver.autocommit = True
    try:
        driver.execute("VACUUM")
    finally:
        driver.autocommit = was
