"""The tables of a warehouse, which grow as new events and properties appear."""

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from segment_identity.schema import Kind, Scalar, kind_of

# SQLite refuses a table of more than 2,000 columns; what comes after these goes to `discards`.
MAX_COLUMNS: Final = 1_000

_TYPES: Final[Mapping[Kind, type[sa.types.TypeEngine[Any]]]] = {
    "boolean": sa.Boolean,
    "integer": sa.BigInteger,
    "float": sa.Float,
    "timestamp": sa.Text,
    "varchar": sa.Text,
}


class Tables:
    """Knows which columns exist, and makes those that do not."""

    def __init__(self) -> None:
        self._columns: dict[str, dict[str, Kind]] = {}
        self._tables: dict[str, sa.Table] = {}
        self._indexed: set[str] = set()

    def forget(self) -> None:
        """Look again at the database, which somebody else may have changed."""
        self._columns.clear()
        self._tables.clear()
        self._indexed.clear()

    def table(
        self, connection: Connection, name: str, wanted: Mapping[str, Scalar]
    ) -> tuple[sa.Table, Mapping[str, Kind]]:
        """Return a table with all *wanted* columns that fit in it, typed by their first value."""
        known = self._columns.get(name)
        if known is None:
            known = self._columns[name] = _existing(connection, name)
            if not known:
                self._create(connection, name, known)
        missing = [column for column in wanted if column not in known]
        if missing or name not in self._tables:
            for column in missing[: MAX_COLUMNS - len(known)]:
                kind = kind_of(wanted[column])
                self._add(connection, name, column, kind)
                known[column] = kind
            self._tables[name] = _table(name, known)
        return self._tables[name], known

    def index(self, connection: Connection, name: str, column: str) -> None:
        """Make sure that rows are found by *column*, in the order of their time."""
        if name in self._indexed:
            return
        table = self._tables[name]
        made = sa.Index(f"ix_{name}_{column}", table.c[column], table.c.timestamp)
        connection.execute(CreateIndex(made, if_not_exists=True))
        self._indexed.add(name)

    def _create(self, connection: Connection, name: str, known: dict[str, Kind]) -> None:
        known["id"] = "varchar"
        connection.execute(CreateTable(_table(name, known), if_not_exists=True))

    def _add(self, connection: Connection, name: str, column: str, kind: Kind) -> None:
        preparer = connection.dialect.identifier_preparer
        holder = sa.Table(name, sa.MetaData(), sa.Column(column, _TYPES[kind]))
        definition = CreateColumn(holder.c[column]).compile(dialect=connection.dialect)
        quoted = preparer.format_table(holder)
        connection.exec_driver_sql(f"ALTER TABLE {quoted} ADD COLUMN {definition}")


def _existing(connection: Connection, name: str) -> dict[str, Kind]:
    inspector = sa.inspect(connection)
    # Not has_table(): SQLite has functions, such as json_each, that pass for tables there.
    if name not in inspector.get_table_names():
        return {}
    return {each["name"]: _kind(each["type"]) for each in inspector.get_columns(name)}


def _kind(declared: sa.types.TypeEngine[Any]) -> Kind:
    if isinstance(declared, sa.Boolean):
        return "boolean"
    if isinstance(declared, sa.Integer):
        return "integer"
    if isinstance(declared, sa.Float):
        return "float"
    return "varchar"


def _table(name: str, columns: Mapping[str, Kind]) -> sa.Table:
    return sa.Table(
        name,
        sa.MetaData(),
        *(
            sa.Column(column, _TYPES[kind], primary_key=column == "id")
            for column, kind in columns.items()
        ),
    )
