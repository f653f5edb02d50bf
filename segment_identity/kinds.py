"""What type a column gets from its first value, and which later values it takes without loss."""

import datetime as dt
import re
from functools import lru_cache
from typing import Final, Literal

import msgspec

Scalar = str | int | float | bool
Kind = Literal["boolean", "integer", "float", "timestamp", "varchar"]

INT64: Final = 2**63
# Integers up to here are each a float of their own.
_EXACT: Final = 2**53
# Databases keep microseconds; what says more is kept as text.
_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_SHORTEST: Final = len("2026-01-31")
_LONGEST: Final = len("2026-01-31T12:00:00.000000+00:00")
_MILLISECONDS: Final = len("2026-01-31T12:00:00.000Z")
# What stands between the digits of such a time.
_BETWEEN: Final = "--T::."
_FRACTION: Final = re.compile(r"(\.[0-9]{3})[0-9]*")


def kind_of(value: Scalar) -> Kind:
    """Return the type a column gets from its first value."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if -INT64 <= value < INT64 else "varchar"
    if isinstance(value, float):
        return "integer" if value.is_integer() and abs(value) < INT64 else "float"
    return "varchar" if moment(value) is None else "timestamp"


def fitted(value: Scalar, kind: Kind) -> Scalar | None:
    """Return *value* as a column of *kind* holds it without loss, or None if it cannot."""
    if kind == "varchar":
        return value if isinstance(value, str) else plain(value)
    if kind == "timestamp":
        return moment(value) if isinstance(value, str) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool | str):
        return None
    if kind == "integer":
        return int(value) if kind_of(value) == "integer" else None
    return float(value) if isinstance(value, float) or abs(value) <= _EXACT else None


def plain(value: float | bool) -> str:
    """Return a number or a truth as JSON says it."""
    return msgspec.json.encode(value).decode()


def moment(text: str) -> str | None:
    """Return an ISO 8601 date or time in UTC, or None if *text* is none; a naive one is UTC.

    In milliseconds, so that texts are in the order of time, unless it says more than that.
    """
    return _moment(text) if _SHORTEST <= len(text) <= _LONGEST else None


def instant_of(text: str) -> str | None:
    """Return the time *text* of a message in UTC and milliseconds, or None if it is none.

    Clients may say nanoseconds, which neither Segment nor a database keeps.
    """
    return _instant_of(text) if len(text) <= 2 * _LONGEST else None


@lru_cache(maxsize=4_096)
def _instant_of(text: str) -> str | None:
    if len(text) == _MILLISECONDS and text[4:20:3] == _BETWEEN and text[-1] == "Z":
        try:
            dt.datetime.fromisoformat(text)
        except ValueError:
            return None
        return text
    found = moment(text) or moment(_FRACTION.sub(r"\1", text, count=1))
    return found if found is None or len(found) == _MILLISECONDS else f"{found[:23]}Z"


@lru_cache(maxsize=4_096)
def _moment(text: str) -> str | None:
    if not _TIMESTAMP.fullmatch(text):
        return None
    try:
        found = dt.datetime.fromisoformat(text)
        if found.tzinfo is None:
            found = found.replace(tzinfo=dt.UTC)
        found = found.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    exact = "microseconds" if found.microsecond % 1000 else "milliseconds"
    return found.replace(tzinfo=None).isoformat(timespec=exact) + "Z"
