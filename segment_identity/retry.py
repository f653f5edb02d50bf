"""What to do with a batch that a destination did not take."""

import datetime as dt
import email.utils
import math
from typing import Final, Literal

from segment_identity.errors import Unauthorized, Unavailable, Undeliverable

Verdict = Literal["retry", "split"]
Answer = Literal["taken", "retry", "split", "refused"]

# Seconds.
MAX_RETRY_AFTER: Final = 300.0
_FIRST_DELAY: Final = 0.5
_MAX_DELAY: Final = 60.0
_MAX_SURPRISES: Final = 5
# 5xx that no later attempt changes.
_FINAL: Final = frozenset({501, 505, 511})
_PASSING: Final = frozenset({408, 410, 429, 460})
# Nobody knows us there, or the way leads elsewhere: the events are right and the set-up is not.
_REFUSALS: Final = frozenset({401, 403, 404, 407})


def answer(status: int) -> Answer:
    """Say what the HTTP *status* of a batch means (the rules of Segment's own clients).

    Beside theirs: a 404 or a redirect is a wrong address, for which no event is to blame.
    """
    if 200 <= status < 300:
        return "taken"
    if status in _REFUSALS or 300 <= status < 400:
        return "refused"
    if status in _PASSING or (status >= 500 and status not in _FINAL) or status < 200:
        return "retry"
    return "split"


def retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds a `Retry-After` header asks for, as a number or a date (RFC 9110 10.2.3).

    *now* is in seconds since 1970. What cannot be read is None; nobody waits over five minutes.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            moment = email.utils.parsedate_to_datetime(text)
        except (ValueError, IndexError, TypeError, OverflowError):
            return None
        aware = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment
        seconds = aware.timestamp() - now
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def verdict(error: BaseException, attempts: int) -> Verdict:
    """Say whether to try the same batch again or to split it until the culprit stands alone.

    The network and the disk may come back at any time, so they are asked for ever; an error nobody
    expected is asked a few times, as it may lie in one event.
    """
    if isinstance(error, Undeliverable):
        return "split"
    if isinstance(error, Unavailable | OSError) or attempts < _MAX_SURPRISES:
        return "retry"
    return "split"


def delay(attempts: int, chance: float) -> float:
    """Return the seconds to wait after *attempts* failures; *chance*, in [0, 1), is the jitter.

    Exponential with full jitter, so that many workers do not come back at the same moment; at
    least a tenth, so that none spins.
    """
    longest = min(_MAX_DELAY, _FIRST_DELAY * 2.0 ** min(attempts, 16))
    return longest * max(0.1, chance)


def pause(error: BaseException, failures: int, chance: float) -> float:
    """Return the seconds to leave a destination alone after *failures* failures before this one."""
    if isinstance(error, Unauthorized):
        # No second attempt mends a wrong key.
        return _MAX_DELAY * (0.25 + chance / 4)
    wanted = _seconds(error.retry_after) if isinstance(error, Unavailable) else None
    return delay(failures, chance) if wanted is None else min(max(wanted, 0.05), MAX_RETRY_AFTER)


def _seconds(given: object) -> float | None:
    """Return *given* as a number, or None if it is none: an app may hand on what a header says."""
    try:
        seconds = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(seconds) else seconds
