"""One PostgreSQL server for all tests of this folder, and an empty database for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from segment_identity.warehouse import Profiles, Warehouse

from .server import Server, missing
from .support import Database


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Return a running server; databases are the tests' own."""
    lacking = missing()
    if lacking:
        pytest.skip(lacking)
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.stop()
        server.remove()


@pytest.fixture
def postgres(server: Server) -> Iterator[Database]:
    """Return an empty database of PostgreSQL."""
    with Database.opened(server.create()) as database:
        yield database


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """Return an SQLite file that is not there yet."""
    with Database.opened(f"sqlite:///{tmp_path}/analytics.db") as database:
        yield database


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Return an empty database of either kind."""
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def other(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Database]:
    """Return another empty database of the same kind."""
    if database.is_sqlite:
        url = f"sqlite:///{tmp_path}/other.db"
    else:
        url = request.getfixturevalue("server").create()
    with Database.opened(url) as found:
        yield found


@pytest.fixture
def url(database: Database) -> str:
    """Return that of an empty database of either kind."""
    return database.url


@pytest.fixture
def warehouse(url: str) -> Iterator[Warehouse]:
    """Return a warehouse in it."""
    made = Warehouse(url)
    yield made
    made.close()


@pytest.fixture
def profiles(warehouse: Warehouse, url: str) -> Iterator[Profiles]:
    """Return the profiles of the warehouse."""
    warehouse.send([])
    with Profiles(url) as made:
        yield made
