"""The tables of a warehouse, which grow as new events and properties appear.

How this works
--------------
What is missing is made before the batch that needs it, table by table, each in a transaction of its
own: a writer that waits to change one table while it holds rows of another would wait for ever for
one that does the opposite. A column that is there and empty does no harm, should the batch fail.
Columns are never changed or dropped, so what is remembered of them stays true, whatever other
writers add; what is not remembered is looked up before it is made.
"""

from collections.abc import Mapping, Set
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateColumn, CreateTable

from segment_identity.kinds import Kind, Scalar
from segment_identity.schema import is_ours, is_own, kind_in
from segment_identity.warehouse.database import Database

# PostgreSQL refuses a table of more than 1,600 columns and SQLite one of more than 2,000; what
# comes after these goes to `discards`.
MAX_COLUMNS: Final = 1_000
# No more tables are made for events than make these; a name can be anything that somebody sends.
MAX_TABLES: Final = 5_000


class Tables:
    """Knows which columns exist, and makes those that do not."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kinds: dict[str, dict[str, Kind]] = {}
        self._tables: dict[str, sa.Table] = {}
        self._is_full = False

    def forget(self) -> None:
        """Look again at the database, in which somebody may have dropped a table."""
        self._kinds.clear()
        self._tables.clear()
        self._is_full = False

    def grow(self, name: str, wanted: Mapping[str, Scalar]) -> bool:
        """Make table *name* and its columns *wanted* where they are missing and find room.

        Each is typed by the value that comes first. False if there is no room for the table.
        """
        known = self._kinds.get(name)
        if known is not None and not _missing(name, wanted, known):
            return True
        if known is None and self._is_full and not is_ours(name):
            return False
        with self._database.engine.begin() as connection:
            self._database.lock_schema(connection)
            inspector = sa.inspect(connection)
            # Not has_table(): SQLite has functions, such as json_each, that pass for tables there.
            names = inspector.get_table_names()
            if name not in names and len(names) >= MAX_TABLES and not is_ours(name):
                self._is_full = True
                return False
            known = self._existing(inspector, name) if name in names else {}
            missing = _missing(name, wanted, known)
            added = {column: kind_in(name, column, wanted[column]) for column in missing}
            if not known:
                known = {"id": "varchar"}
                connection.execute(CreateTable(self._table(name, known | added)))
            elif added:
                self._add(connection, name, added)
        self._kinds[name] = known | added
        self._tables[name] = self._table(name, self._kinds[name])
        return True

    def has(self, name: str, columns: Set[str]) -> bool:
        """Tell whether table *name* was grown and has all of *columns*."""
        return columns <= self._kinds.get(name, {}).keys()

    def table(self, name: str) -> tuple[sa.Table, Mapping[str, Kind]]:
        """Return a table that was grown, and the kinds of its columns."""
        return self._tables[name], self._kinds[name]

    def _existing(self, inspector: sa.Inspector, name: str) -> dict[str, Kind]:
        columns = inspector.get_columns(name)
        return {each["name"]: self._database.kind(each["type"]) for each in columns}

    def _add(self, connection: Connection, name: str, added: Mapping[str, Kind]) -> None:
        holder = self._table(name, added)
        compiled = [
            str(CreateColumn(column).compile(dialect=connection.dialect)) for column in holder.c
        ]
        quoted = connection.dialect.identifier_preparer.format_table(holder)
        for clause in self._database.add_clauses(compiled):
            connection.exec_driver_sql(f"ALTER TABLE {quoted} {clause}")

    def _table(self, name: str, columns: Mapping[str, Kind]) -> sa.Table:
        types = self._database.types
        made = [
            sa.Column(column, self._database.key, primary_key=True)
            if column == "id"
            else sa.Column(column, types[kind])
            for column, kind in columns.items()
        ]
        return sa.Table(name, sa.MetaData(), *made)


def _missing(table: str, wanted: Mapping[str, Scalar], known: Mapping[str, Kind]) -> list[str]:
    """Return the columns to make: the table's own always, others as long as there is room."""
    missing = [column for column in wanted if column not in known]
    if len(known) + len(missing) <= MAX_COLUMNS:
        return missing
    own = {column for column in missing if is_own(table, column)}
    others = [column for column in missing if column not in own]
    fitting = {*own, *others[: max(0, MAX_COLUMNS - len(known) - len(own))]}
    return [column for column in missing if column in fitting]
