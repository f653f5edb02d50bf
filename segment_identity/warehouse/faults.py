"""Tell which of a database's errors pass, which lie in the events, and which nobody expected."""

import sqlite3
from typing import Final

import sqlalchemy as sa

from segment_identity.errors import Unavailable, Undeliverable

_IN_THE_EVENTS: Final = (sa.exc.DataError, sa.exc.IntegrityError, sa.exc.NotSupportedError)
# A plain "SQL error": a column that another process just added, a table it dropped, or a bug.
_SURPRISE: Final = sqlite3.SQLITE_ERROR


def explained(error: sa.exc.SQLAlchemyError) -> Exception:
    """Return the error that tells the lane what to do; its text never quotes an event."""
    kind = type(error).__name__
    if isinstance(error, _IN_THE_EVENTS):
        return Undeliverable(kind)
    origin = getattr(error, "orig", None)
    if getattr(origin, "sqlite_errorcode", None) == _SURPRISE:
        return RuntimeError(kind)
    return Unavailable(kind)
