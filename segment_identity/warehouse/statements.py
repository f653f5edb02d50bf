"""Texts of statements, which SQLAlchemy makes once for each table and its columns."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

_MOST: Final = 1_000


class Statements:
    """Remembers inserts with positional parameters."""

    def __init__(self, dialect: Dialect, insert: Any) -> None:
        self._dialect = dialect
        self._insert = insert
        self._known: dict[tuple[object, ...], str] = {}

    def insert(
        self, table: sa.Table, names: Sequence[str], *, update: bool, source: str = ""
    ) -> str:
        """Return an insert of *names*, in this order; *update* replaces what has the same id.

        It takes parameters, or the rows of the table *source*.
        """
        key = (table.name, source, update, *names)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            found = self._known[key] = self._made(table, names, update, source)
        return found

    def _made(self, table: sa.Table, names: Sequence[str], update: bool, source: str) -> str:
        columns = [sa.Column(each, table.c[each].type) for each in names]
        statement = self._insert(sa.Table(table.name, sa.MetaData(), *columns))
        if source:
            staged = sa.Table(source, sa.MetaData(), *(sa.Column(each) for each in names))
            statement = statement.from_select(list(names), sa.select(staged))
        changed = {each: statement.excluded[each] for each in names if each != "id"}
        statement = (
            statement.on_conflict_do_update(index_elements=["id"], set_=changed)
            if update and changed
            else statement.on_conflict_do_nothing(index_elements=["id"])
        )
        given = None if source else list(names)
        return str(statement.compile(dialect=self._dialect, column_keys=given))
