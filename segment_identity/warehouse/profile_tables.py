"""The tables that tell who is who: a row for each id, link, alias and trait."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

# Moments and ids are compared as bytes, everywhere.
_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

METADATA: Final = sa.MetaData()


def _table(name: str, keys: Sequence[str], others: Sequence[str]) -> sa.Table:
    return sa.Table(
        name,
        METADATA,
        *(sa.Column(each, _TEXT, primary_key=True, nullable=False) for each in keys),
        *(sa.Column(each, _TEXT, nullable=False) for each in others),
        sqlite_with_rowid=False,
    )


IDS: Final = _table("profile_ids", ["type", "value"], ["first_moment"])
LINKS: Final = _table("profile_links", ["anonymous_id", "user_id"], ["first_moment", "last_moment"])
ALIASES: Final = _table(
    "profile_aliases", ["previous_id", "user_id"], ["first_moment", "last_moment"]
)
TRAITS: Final = _table("profile_traits", ["type", "value", "name"], ["moment", "json"])

# Of forgotten people (`forgotten`).
FORGOTTEN: Final = _table("profile_forgotten", ["digest"], [])
KEYS: Final = _table("profile_keys", ["name"], ["value"])

sa.Index("ix_profile_links_user_id", LINKS.c.user_id)
sa.Index("ix_profile_aliases_user_id", ALIASES.c.user_id)


def create(
    connection: Connection, wanted: Sequence[sa.Table] = tuple(METADATA.sorted_tables)
) -> None:
    """Make those of the tables *wanted* that are missing."""
    for table in wanted:
        connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
        create_indexes(connection, table.name, table.indexes)


def create_indexes(connection: Connection, table: str, wanted: Iterable[sa.Index]) -> None:
    """Make those indexes of a *table* that are missing.

    To ask for one that is there would wait for all who write to the table, and have others wait.
    """
    there = {each["name"] for each in sa.inspect(connection).get_indexes(table)}
    for index in sorted(wanted, key=lambda each: str(each.name)):
        if index.name not in there:
            connection.execute(sa.schema.CreateIndex(index))


def insertion(connection: Connection, table: sa.Table) -> "postgresql.Insert | sqlite.Insert":
    """Return an insert that can say what happens when the row is there already."""
    return _insertion(connection.dialect.name, table)


def _insertion(dialect: str, table: sa.Table) -> "postgresql.Insert | sqlite.Insert":
    if dialect == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def upsert(dialect: str, table: sa.Table) -> sa.Executable:
    """Return an insert that widens the row which is there already, for *dialect*.

    First moments only ever become less, and last ones and traits greater, so neither order nor
    repetition matters; what changes nothing is not written.
    """
    statement = _insertion(dialect, table)
    new, keys = statement.excluded, [each.name for each in table.primary_key]
    changes: dict[str, Any]
    if table is TRAITS:
        newer = sa.tuple_(new.moment, new.json) > sa.tuple_(table.c.moment, table.c.json)
        changes = {"moment": new.moment, "json": new.json}
    else:
        first = new.first_moment < table.c.first_moment
        changes = {"first_moment": _chosen(first, new, table, "first_moment")}
        newer = first
        if "last_moment" in table.c:
            last = new.last_moment > table.c.last_moment
            changes["last_moment"] = _chosen(last, new, table, "last_moment")
            newer = sa.or_(first, last)
    return statement.on_conflict_do_update(index_elements=keys, set_=changes, where=newer)


def _chosen(
    condition: sa.ColumnElement[bool], new: Any, table: sa.Table, name: str
) -> sa.ColumnElement[str]:
    return sa.case((condition, new[name]), else_=table.c[name])
