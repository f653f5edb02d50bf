"""Tell which of a database's errors pass, which lie in the events, and which nobody expected."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa

from segment_identity.errors import (
    SegmentIdentityError,
    Unauthorized,
    Unavailable,
    Undeliverable,
)

# A plain "SQL error": a column that another process just added, a table it dropped, or a bug.
_SURPRISE: Final = sqlite3.SQLITE_ERROR
_IN_THE_EVENTS: Final = (sa.exc.DataError, sa.exc.IntegrityError, sa.exc.NotSupportedError)
# Classes of SQLSTATE (PostgreSQL: Appendix A), by their first characters; the longest one decides.
_STATES: Final[dict[str, type[Exception]]] = {
    "08": Unavailable,  # connection exception
    "22": Undeliverable,  # data exception
    "23": Undeliverable,  # integrity constraint violation
    "25": Unavailable,  # invalid transaction state, such as read-only
    "28": Unauthorized,  # invalid authorization
    "3D": Unauthorized,  # no such database
    "40": Unavailable,  # transaction rollback, such as a deadlock
    "42501": Unauthorized,  # insufficient privilege
    "53": Unavailable,  # insufficient resources
    "54": Undeliverable,  # program limit exceeded
    "55": Unavailable,  # not in prerequisite state, such as a lock that was not to be had
    "57": Unavailable,  # operator intervention
    "58": Unavailable,  # system error
}


def is_of_database(error: BaseException) -> bool:
    """Tell whether SQLAlchemy raised *error*, or psycopg, whose errors all have an SQLSTATE."""
    return isinstance(error, sa.exc.SQLAlchemyError) or hasattr(error, "sqlstate")


def explained(error: BaseException) -> Exception:
    """Return the error that tells the lane what to do; its text never quotes an event."""
    kind = type(error).__name__
    origin = getattr(error, "orig", None) or error
    state = getattr(origin, "sqlstate", None)
    if isinstance(state, str):
        known = [_STATES[state[:n]] for n in (5, 2) if state[:n] in _STATES]
        # The others: a table or a column that somebody dropped, or a bug.
        return known[0](kind) if known else RuntimeError(kind)
    if isinstance(error, _IN_THE_EVENTS):
        return Undeliverable(kind)
    if getattr(origin, "sqlite_errorcode", None) == _SURPRISE:
        return RuntimeError(kind)
    return Unavailable(kind)


@contextmanager
def explaining() -> Iterator[None]:
    """Turn what a database raises into the errors of this package, in words for a person."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        found, kind = explained(error), type(error).__name__
        if isinstance(found, Unauthorized):
            raise Unauthorized(f"the warehouse does not let us in ({kind})") from error
        if isinstance(found, Unavailable):
            raise Unavailable(f"the warehouse cannot be reached, or is busy ({kind})") from error
        # A table or a column that somebody dropped, or that is not as we make them.
        raise SegmentIdentityError(f"the warehouse is not as it should be ({kind})") from error
