"""Open the database that a URL names."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from segment_identity.errors import ConfigurationError
from segment_identity.warehouse.database import Database
from segment_identity.warehouse.postgres import Postgres
from segment_identity.warehouse.sqlite import Sqlite


def open_database(url: str | URL) -> Database:
    """Return the database of *url*; raises `ConfigurationError` if it cannot work."""
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError as error:
        raise ConfigurationError(
            "the warehouse was given a URL that SQLAlchemy cannot read; "
            "want one such as 'sqlite:///analytics.db'"
        ) from error
    name = parsed.get_backend_name()
    if name == "sqlite":
        return Sqlite(parsed)
    if name in ("postgres", "postgresql"):
        return Postgres(parsed)
    raise ConfigurationError(
        f"the warehouse was given a {name} URL; want 'sqlite:///…' or 'postgresql://…'"
    )


def open_existing(url: str | URL) -> Database:
    """Return the database of *url*; raises `ConfigurationError` if it is a file that is missing."""
    database = open_database(url)
    file = database.engine.url.database
    if database.engine.dialect.name == "sqlite" and file and not Path(file).exists():
        # SQLite would make an empty one.
        raise ConfigurationError(f"there is no warehouse at {file}")
    return database
