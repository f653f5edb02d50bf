"""Count monthly tracked users (Segment: MTUs and Throughput)."""

import re
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from segment_identity.cookieless import HEX, LENGTH, PREFIX
from segment_identity.errors import InvalidCall
from segment_identity.warehouse.profile_tables import IDS
from segment_identity.warehouse.profile_views import CALLS

_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


class Mtu(msgspec.Struct, frozen=True):
    """How many were tracked in a month: users, and devices that carried no user in that month.

    *daily* counts the ids that `cookieless` made, which tell a visitor of one day and not a person,
    so they are in neither. Segment, to which an anonymousId is a visitor, bills each of them.
    """

    month: str
    users: int
    anonymous: int
    daily: int = 0

    @property
    def total(self) -> int:
        """Return users and devices together."""
        return self.users + self.anonymous


def mtu(connection: Connection, month: str) -> Mtu:
    """Return the count of one *month*, such as `2026-01`, by the time of the calls in UTC.

    Profiles do not matter here, nor do ids that cannot be a person's.
    """
    start, end = bounds(month)
    calls = sa.table(CALLS, *map(sa.column, ("anonymous_id", "user_id", "timestamp")))
    seen = (
        sa.select(calls.c.anonymous_id, calls.c.user_id)
        .distinct()
        .where(calls.c.timestamp >= start, calls.c.timestamp < end)
        .cte("seen")
    )
    users = (
        sa.select(seen.c.user_id.label("value")).where(_is("user_id", seen.c.user_id)).distinct()
    )
    with_user = sa.select(seen.c.anonymous_id).where(
        seen.c.anonymous_id.is_not(None), _is("user_id", seen.c.user_id)
    )
    devices = (
        sa.select(seen.c.anonymous_id.label("value"), _is_daily(seen.c.anonymous_id).label("daily"))
        .where(
            _is("anonymous_id", seen.c.anonymous_id),
            seen.c.anonymous_id.not_in(with_user),
        )
        .distinct()
        .cte("devices")
    )

    def count(query: sa.Select[Any]) -> sa.ScalarSelect[int]:
        return sa.select(sa.func.count()).select_from(query.subquery()).scalar_subquery()

    lasting = sa.select(devices).where(~devices.c.daily)
    daily = sa.select(devices).where(devices.c.daily)
    row = connection.execute(sa.select(count(users), count(lasting), count(daily))).one()
    return Mtu(month, *row)


def bounds(month: str) -> tuple[str, str]:
    """Return the first moment of a month and that of the next, as texts."""
    found = _MONTH.fullmatch(month) if isinstance(month, str) else None
    if found is None:
        raise InvalidCall(f"mtu() was given {month!r:.40} as month; want one such as '2026-01'")
    year, number = int(found[1]), int(found[2])
    following = f"{year:04}-{number + 1:02}" if number < 12 else f"{year + 1:04}-01"
    return month, following


def _is_daily(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Tell whether an anonymousId is one that lasts a day, by what all of those look like."""
    without_digits = sa.func.rtrim(column, HEX)
    return sa.and_(sa.func.length(column) == LENGTH, without_digits == PREFIX)


def _is(kind: str, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return column.in_(sa.select(IDS.c.value).where(IDS.c.type == kind))
