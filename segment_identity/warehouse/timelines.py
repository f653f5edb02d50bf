"""Read what one person did, from the tables that have a row for each call."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from segment_identity.profile import Call
from segment_identity.warehouse import moments
from segment_identity.warehouse.profile_tables import IDS
from segment_identity.warehouse.profile_views import TYPES, calls_tables


def timeline(
    connection: Connection,
    users: Sequence[str],
    devices: Sequence[str],
    known_since: str | None,
    limit: int,
) -> tuple[list[Call], bool]:
    """Return the newest *limit* calls of *users* and *devices* in order, and whether that is all.

    Calls of other users on these devices are theirs.
    """
    found: list[Call] = []
    for table, columns in calls_tables(connection).items():
        if {"timestamp", "id"} <= set(columns):
            kind, _ = TYPES[table]
            query = _query(table, columns, users, devices).limit(limit + 1)
            found += (_call(kind, row, known_since) for row in connection.execute(query))
    found.sort(key=lambda call: (call.timestamp, call.message_id))
    return found[-limit:] if limit else [], len(found) <= limit


def owned(
    table: str, columns: Collection[str], users: Sequence[str], devices: Sequence[str]
) -> list[sa.Select[Any]]:
    """Return queries for the ids of the rows that are theirs; each is answered from one index."""
    # Only what is named: a table may have hundreds of columns.
    source = sa.table(table, *map(sa.column, ("id", "user_id", "anonymous_id")))
    queries = []
    if "user_id" in columns and users:
        queries.append(sa.select(source.c.id).where(source.c.user_id.in_(users)))
    if "anonymous_id" in columns and devices:
        query = sa.select(source.c.id).where(source.c.anonymous_id.in_(devices))
        if "user_id" in columns:
            somebody = sa.exists().where(IDS.c.type == "user_id", IDS.c.value == source.c.user_id)
            query = query.where(sa.or_(source.c.user_id.is_(None), ~somebody))
        queries.append(query)
    return queries


def _query(
    table: str, columns: Collection[str], users: Sequence[str], devices: Sequence[str]
) -> sa.Select[Any]:
    _, name = TYPES[table]
    named = ("id", "timestamp", "user_id", "anonymous_id", "context_page_path", name)
    source = sa.table(table, *(sa.column(each) for each in named if each in columns))

    def shown(*names: str) -> sa.ColumnElement[Any]:
        present: list[sa.ColumnElement[Any]] = [source.c[each] for each in names if each in columns]
        return sa.func.coalesce(*present) if len(present) > 1 else (present or [sa.null()])[0]

    ids = owned(table, columns, users, devices)
    mine = sa.union_all(*ids) if ids else sa.select(source.c.id).where(sa.false())
    return (
        sa.select(
            source.c.timestamp,
            shown(name, "context_page_path").label("name"),
            shown("anonymous_id").label("anonymous_id"),
            shown("user_id").label("user_id"),
            source.c.id,
        )
        .where(source.c.id.in_(mine))
        .order_by(source.c.timestamp.desc(), source.c.id.desc())
    )


def _call(kind: str, row: sa.Row[Any], known_since: str | None) -> Call:
    when = moments.shown(row.timestamp) or ""
    was_known = known_since is not None and when >= known_since
    return Call(when, kind, row.name, row.anonymous_id, row.user_id, was_known, row.id)
