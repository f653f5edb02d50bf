"""Set right what a client's clock says (Segment: timestamps in the HTTP Tracking API).

A client says when something happened and when it sent that, both by its own clock. The difference
is true even if the clock is not, so `timestamp = receivedAt - (sentAt - originalTimestamp)`. Times
are whole milliseconds since 1970 here, as fractions of seconds do not add up.
"""

import datetime as dt
from functools import lru_cache
from typing import Any, Final

_DAY: Final = 86_400_000
# How far a browser's event may lie back, and how far any may lie ahead.
MAX_AGE: Final = 30 * _DAY
_LEEWAY: Final = 300_000
# Larger numbers are milliseconds: as seconds they would be in the year 5138.
_MAX_SECONDS: Final = 10**11
_MAX_TEXT: Final = 64
_FRACTIONS: Final = {f".{milliseconds:03d}Z": milliseconds for milliseconds in range(1_000)}


def read(said: Any) -> int | None:
    """Return the time that *said* means, ISO 8601 or a number since 1970; None if none."""
    if type(said) is str:
        fraction = _FRACTIONS.get(said[19:]) if len(said) == 24 else None
        if fraction is None:
            return _read(said) if len(said) <= _MAX_TEXT else None
        # As JavaScript writes it; and messages of one batch share their second.
        second = _read(said[:19])
        return None if second is None else second + fraction
    if type(said) is int or type(said) is float:
        return round(said * 1_000 if abs(said) < _MAX_SECONDS else said)
    return None


@lru_cache(maxsize=64)
def _read(said: str) -> int | None:
    try:
        moment = dt.datetime.fromisoformat(said)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return round(moment.timestamp() * 1_000)
    except (ValueError, OverflowError):
        return None


def corrected(original: int | None, sent: int | None, received: int, oldest: int) -> int:
    """Return when it happened by our clock; *received* if what the client says cannot be.

    Nothing may have happened before *oldest*, nor more than a few minutes from now.
    """
    if original is None:
        return received
    moment = original if sent is None else received - (sent - original)
    return moment if oldest <= moment <= received + _LEEWAY else received
