"""The views that tell who is who, for people who ask in SQL.

Their SELECTs are files, written once for all engines (`sql/`); those for each engine are made from
them by `tests/engines/dialects.py`.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.compiler import IdentifierPreparer

from segment_identity.stitching import Policy
from segment_identity.warehouse.profile_tables import create_indexes

SQL: Final = Path(__file__).parent / "sql"
# In the order in which each needs those before it.
VIEWS: Final = (
    "profile_nodes",
    "profile_edges",
    "profile_neighbours",
    "profile_roots",
    "id_graph",
    "profiles",
    "profile_events",
)
CALLS: Final = "profile_calls"
# Table: the type of its calls, and where their name is.
TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "identifies": ("identify", ""),
    "tracks": ("track", "event_text"),
    "pages": ("page", "name"),
    "screens": ("screen", "name"),
    "groups": ("group", ""),
    "aliases": ("alias", ""),
}
_COLUMNS: Final = ("id", "anonymous_id", "user_id", "timestamp", "received_at")
_TIMES: Final = ("timestamp", "received_at")
_ISO: Final = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
_INDEXED: Final = ("anonymous_id", "user_id")


@cache
def select(name: str, dialect: str, policy: Policy = "first") -> str:
    """Return one SELECT as the engine called *dialect* wants it."""
    if name == "id_graph" and policy == "last":
        name = "id_graph_last"
    return (SQL / dialect / f"{name}.sql").read_text("utf-8").strip()


def create(connection: Connection, policy: Policy = "first") -> None:
    """Make the views that are missing, or all anew if one is not as it should be."""
    create_calls(connection)
    dialect = "postgres" if connection.dialect.name == "postgresql" else "sqlite"
    wanted = {name: _creation(name, select(name, dialect, policy)) for name in VIEWS}
    if all(_is_there(connection, name, text) for name, text in wanted.items()):
        return
    for name in reversed(VIEWS):
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
    for name, text in wanted.items():
        _make(connection, name, text)


def create_calls(connection: Connection) -> None:
    """Make the view of all calls anew if there are new tables or columns by now."""
    present = calls_tables(connection)
    text = _creation(CALLS, calls(present, connection.dialect.identifier_preparer))
    if _is_there(connection, CALLS, text):
        return
    # In the order in which batches come to them, and before anybody has to wait for the view.
    for table in sorted(present):
        create_indexes(connection, table, _indexes(table, present[table]))
    if connection.dialect.name == "postgresql":
        # Other views stand on it.
        text = text.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1)
    else:
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {CALLS}")
    _make(connection, CALLS, text)


def shown(columns: Mapping[str, Collection[str]]) -> set[tuple[str, str]]:
    """Return what of the *columns* of each table is in the view of all calls."""
    return {
        (table, column)
        for table, (_, name) in TYPES.items()
        for column in (*_COLUMNS, name)
        if column in columns.get(table, ())
    }


def calls_tables(connection: Connection) -> dict[str, Collection[str]]:
    """Return the columns of those tables that have a row for each call."""
    inspector = sa.inspect(connection)
    there = set(inspector.get_table_names())
    return {
        name: {column["name"] for column in inspector.get_columns(name)}
        for name in TYPES
        if name in there
    }


def calls(present: Mapping[str, Collection[str]], preparer: IdentifierPreparer) -> str:
    """Return a SELECT of the calls in all tables, with NULL for what a table has no column for."""
    parts = []
    for table, columns in present.items():
        kind, name = TYPES[table]
        fields = [
            f"{_text(preparer, each if each in columns else '')} AS {preparer.quote(each)}"
            for each in _COLUMNS
        ]
        fields.append(f"{_text(preparer, said=kind)} AS type")
        fields.append(f"{_text(preparer, name if name in columns else '')} AS name")
        parts.append(f"SELECT {', '.join(fields)} FROM {preparer.quote(table)}")
    if not parts:
        names = ", ".join(
            f"{_text(preparer)} AS {preparer.quote(each)}" for each in (*_COLUMNS, "type", "name")
        )
        return f"SELECT {names} WHERE 1=0"
    return " UNION ALL ".join(parts)


def _text(preparer: IdentifierPreparer, column: str = "", said: str = "") -> str:
    """Return an expression for a column as text, or for *said*, else null; the same for ever.

    PostgreSQL lets no column of a view change its collation, and shows times in the zone of whoever
    looks.
    """
    is_postgres = preparer.dialect.name == "postgresql"
    source = preparer.quote(column) if column else f"'{said}'" if said else "NULL"
    if is_postgres and column in _TIMES:
        source = f"to_char({source} AT TIME ZONE 'UTC', '{_ISO}')"
    return f"CAST({source} AS TEXT)" + (' COLLATE "C"' if is_postgres else "")


def _creation(name: str, text: str) -> str:
    return f"CREATE VIEW {name} AS {text}"


def _is_there(connection: Connection, name: str, creation: str) -> bool:
    """Tell whether a view is there and was made by *creation*.

    To make it again would wait for those who read it, and have them wait.
    """
    if connection.dialect.name == "postgresql":
        query = "SELECT obj_description(to_regclass(:name), 'pg_class')"
        return bool(connection.scalar(sa.text(query), {"name": name}) == _mark(creation))
    query = "SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = :name"
    return bool(connection.scalar(sa.text(query), {"name": name}) == creation)


def _make(connection: Connection, name: str, creation: str) -> None:
    connection.exec_driver_sql(creation)
    if connection.dialect.name == "postgresql":
        mark = _mark(creation.replace("CREATE OR REPLACE VIEW", "CREATE VIEW", 1))
        connection.exec_driver_sql(f"COMMENT ON VIEW {name} IS '{mark}'")


def _mark(creation: str) -> str:
    return hashlib.sha256(creation.encode()).hexdigest()


def _indexes(table: str, columns: Collection[str]) -> Iterator[sa.Index]:
    """Yield those by which one person's calls are found without reading all of them."""
    holder = sa.Table(table, sa.MetaData(), *map(sa.Column, (*_INDEXED, "timestamp")))
    for column in _INDEXED:
        if {column, "timestamp"} <= set(columns):
            # Most calls name no user, and nobody looks for those.
            named = holder.c[column].is_not(None)
            yield sa.Index(
                f"ix_{table}_{column}",
                holder.c[column],
                holder.c.timestamp,
                sqlite_where=named,
                postgresql_where=named,
            )
