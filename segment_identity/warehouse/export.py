"""Write a warehouse's tables as Parquet files, for DuckDB and whatever else reads those.

How this works
--------------
Rows are streamed out of the database into a file of JSON lines, table by table, and DuckDB, which
is told the types, makes a Parquet file of it. All tables are read in one transaction, so that they
go together.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from segment_identity.destinations import extras
from segment_identity.errors import ConfigurationError
from segment_identity.kinds import Kind
from segment_identity.warehouse.database import READS, Database
from segment_identity.warehouse.engine import open_database

_TYPES: Final[Mapping[Kind, str]] = {
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "float": "DOUBLE",
    "timestamp": "TIMESTAMP",
    "varchar": "VARCHAR",
}
# Of what is made of the tables, what people ask for.
_VIEWS: Final = frozenset({"profiles", "id_graph", "profile_events"})
# How the loader keeps its own counsel; with the key anybody could ask who was forgotten.
_INNER: Final = ("user_keys", "account_keys", "profile_keys", "profile_forgotten")
_ROWS: Final = 1_000


def export_parquet(url: str | URL, folder: str | Path) -> dict[str, int]:
    """Write each table of the warehouse at *url* to `<table>.parquet` in *folder*.

    Returns how many rows each has. Times are in UTC. Files of an earlier export are replaced, one
    after another.
    """
    duckdb = extras.load("duckdb", "an export to Parquet", "duckdb")
    target = Path(folder)
    if not target.is_dir():
        raise ConfigurationError(f"the folder to export to does not exist: {target}")
    database = open_database(url)
    try:
        with duckdb.connect() as duck, _reading(database) as connection:
            return {
                name: _export(duck, connection, name, kinds, target)
                for name, kinds in sorted(_columns(connection, database).items())
            }
    finally:
        database.engine.dispose()


def _reading(database: Database) -> Connection:
    options = {READS: True, "isolation_level": "REPEATABLE READ"}
    if database.engine.dialect.name == "sqlite":
        del options["isolation_level"]
    return database.engine.connect().execution_options(**options)


def _columns(connection: Connection, database: Database) -> dict[str, dict[str, Kind]]:
    inspector = sa.inspect(connection)
    names = set(inspector.get_table_names()) - {*_INNER}
    names |= _VIEWS & set(inspector.get_view_names())
    return {
        name: {each["name"]: database.kind(each["type"]) for each in inspector.get_columns(name)}
        for name in names
    }


def _export(
    duck: Any, connection: Connection, name: str, kinds: Mapping[str, Kind], folder: Path
) -> int:
    count = 0
    with tempfile.TemporaryDirectory(dir=folder) as workplace:
        lines, made = Path(workplace) / "rows.json", Path(workplace) / "made.parquet"
        with lines.open("wb") as stream:
            for row in _rows(connection, name, kinds):
                stream.write(msgspec.json.encode(row) + b"\n")
                count += 1
        types = ", ".join(f"'{column}': '{_TYPES[kind]}'" for column, kind in kinds.items())
        columns = f"columns = {{{types}}}, format = 'newline_delimited'"
        # Names are ours, or of a table that a person made; a quote in them has to be doubled.
        duck.execute(
            f"COPY (SELECT * FROM read_json({_quoted(lines)}, {columns})) "
            f"TO {_quoted(made)} (FORMAT parquet, COMPRESSION zstd)"
        )
        made.replace(folder / f"{name}.parquet")
    return count


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _rows(connection: Connection, name: str, kinds: Mapping[str, Kind]) -> Iterator[dict[str, Any]]:
    quoted = connection.dialect.identifier_preparer.quote(name)
    names = list(kinds)
    readers = [_READERS.get(kind, _as_it_is) for kind in kinds.values()]
    query = sa.text(f"SELECT * FROM {quoted}")
    found = connection.execution_options(yield_per=_ROWS).execute(query)
    for row in found:
        yield {
            key: None if value is None else read(value)
            for key, read, value in zip(names, readers, row, strict=True)
        }


def _as_it_is(value: Any) -> Any:
    return value


def _time(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


_READERS: Final[Mapping[Kind, Callable[[Any], Any]]] = {"boolean": bool, "timestamp": _time}
