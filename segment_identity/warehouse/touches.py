"""Read how a person came, first and last, from the pages that their calls name.

What counts as an arrival is decided as it is while they browse (`arrivals`, `attribution`), so it
is known, too, of those whose app did not ask to remember it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from segment_identity import arrivals
from segment_identity.attribution import Attribution, Touch, after
from segment_identity.warehouse import moments
from segment_identity.warehouse.profile_views import calls_tables
from segment_identity.warehouse.timelines import owned

_PAGES: Final = "pages"
_PAGE: Final = "context_page_"
_CAMPAIGN: Final = "context_campaign_"
_OF_PAGE: Final = frozenset(_PAGE + name for name in ("url", "referrer", "search"))
# So many calls of each table are looked at: the first touch is with the oldest ones.
_OLDEST: Final = 20
_NEWEST: Final = 200


def attribution(
    connection: Connection, users: Sequence[str], devices: Sequence[str]
) -> Attribution | None:
    """Return the first touch of *users* and *devices* and the last one; None if no call tells.

    Where they opened pages that tells most; else what they did is asked.
    """
    touches: list[tuple[str, Touch]] = []
    tables = calls_tables(connection)
    for table in sorted(tables, key=lambda each: each != _PAGES):
        columns = tables[table]
        names = [each for each in sorted(columns) if each in _OF_PAGE or each.startswith(_CAMPAIGN)]
        theirs = owned(table, columns, users, devices)
        if _PAGE + "url" in names and "timestamp" in columns and theirs:
            touches += _read(connection, table, names, theirs)
        if table == _PAGES and touches:
            break
    known: Attribution | None = None
    for _, touch in sorted(touches, key=itemgetter(0)):
        known = after(known, touch)
    return known


def _read(
    connection: Connection, table: str, names: Sequence[str], theirs: Sequence[sa.Select[Any]]
) -> Iterator[tuple[str, Touch]]:
    source = sa.table(table, *map(sa.column, ("id", "timestamp", *names)))
    told = sa.select(source.c.timestamp, *(source.c[each] for each in names))
    when: sa.ColumnClause[Any] = sa.column("timestamp")
    has_page = sa.column(_PAGE + "url").is_not(None)
    for order, limit in ((when, _OLDEST), (when.desc(), _NEWEST)):
        # Each in the order of its index, so that a kiosk's thousands of calls are not read.
        ids = [each.where(has_page).order_by(order).limit(limit).subquery() for each in theirs]
        some = sa.union_all(*(sa.select(each.c.id) for each in ids))
        yield from _touches(connection.execute(told.where(source.c.id.in_(some))).mappings())


def _touches(rows: sa.MappingResult) -> Iterator[tuple[str, Touch]]:
    for row in rows:
        when = moments.shown(row["timestamp"])
        if when is not None:
            context: dict[str, Any] = {"page": _part(row, _PAGE), "campaign": _part(row, _CAMPAIGN)}
            now = datetime.fromisoformat(when).timestamp()
            yield when, arrivals.touch(context, site=b"", own=(), now=now)


def _part(row: sa.RowMapping, prefix: str) -> dict[str, str]:
    """Return what the columns with *prefix* say, as the context of the call had it."""
    return {
        name.removeprefix(prefix): str(value)
        for name, value in row.items()
        if name.startswith(prefix) and value is not None
    }
