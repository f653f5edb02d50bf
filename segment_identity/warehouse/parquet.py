"""Write a warehouse's tables as Parquet files, for DuckDB and whatever else reads those.

How this works
--------------
Rows are streamed out of the database into a file of JSON lines, table by table, and DuckDB, which
is told the types, makes a Parquet file of it. All tables are read in one transaction, so that they
go together.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from segment_identity import exports
from segment_identity.destinations import extras
from segment_identity.errors import ConfigurationError
from segment_identity.kinds import Kind
from segment_identity.warehouse import reading
from segment_identity.warehouse.database import Database
from segment_identity.warehouse.engine import open_existing
from segment_identity.warehouse.faults import explaining

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
# Tables that are made of calls and have the time of the newest one.
_STATES: Final = frozenset({"users", "accounts"})
_ROWS: Final = 1_000

# Told how many tables are done, and how many there are.
Progress = Callable[[int, int], None]


def export_parquet(
    url: str | URL,
    folder: str | Path,
    *,
    since: str | None = None,
    until: str | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write each table of the warehouse at *url* to `<table>.parquet` in *folder*.

    Returns how many rows each has. Times are in UTC. With *since* or *until*, ISO 8601, only calls
    from then, and before then; what people are is not cut. Files of an earlier export are replaced,
    one after another.
    """
    window = exports.bound("since", since), exports.bound("until", until)
    duckdb = extras.load("duckdb", "an export to Parquet", "duckdb")
    target = Path(folder)
    if not target.is_dir():
        raise ConfigurationError(f"the folder to export to does not exist: {target}")
    database = open_existing(url)
    counts: dict[str, int] = {}
    try:
        with (
            explaining(),
            duckdb.connect() as duck,
            reading.reading(database) as connection,
        ):
            found = sorted(_columns(connection, database).items())
            for name, kinds in found:
                rows = _rows(connection, name, kinds, window)
                counts[name] = _export(duck, rows, name, kinds, target)
                if progress is not None:
                    progress(len(counts), len(found))
        return counts
    finally:
        database.engine.dispose()


def _columns(connection: Connection, database: Database) -> dict[str, dict[str, Kind]]:
    inspector = sa.inspect(connection)
    names = set(inspector.get_table_names()) - {*_INNER}
    names |= _VIEWS & set(inspector.get_view_names())
    return {
        name: {each["name"]: database.kind(each["type"]) for each in inspector.get_columns(name)}
        for name in names
    }


def _export(
    duck: Any, rows: Iterable[dict[str, Any]], name: str, kinds: Mapping[str, Kind], folder: Path
) -> int:
    count = 0
    with tempfile.TemporaryDirectory(dir=folder) as workplace:
        lines, made = Path(workplace) / "rows.json", Path(workplace) / "made.parquet"
        with lines.open("wb") as stream:
            for row in rows:
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


def _rows(
    connection: Connection,
    name: str,
    kinds: Mapping[str, Kind],
    window: tuple[str | None, str | None],
) -> Iterator[dict[str, Any]]:
    source = sa.table(name, *map(sa.column, kinds))
    query = sa.select(source)
    # The view of all calls has its times as texts.
    if {"id", "timestamp"} <= kinds.keys() and name not in _STATES:
        is_text = kinds["timestamp"] != "timestamp"
        query = query.where(*reading.within(connection, source.c.timestamp, window, is_text))
    for row in connection.execute(query.execution_options(yield_per=_ROWS)):
        yield reading.read(row, kinds)
