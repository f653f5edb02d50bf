"""What to do with a batch that a destination did not take."""

from typing import Final, Literal

from segment_identity.errors import Unavailable, Undeliverable

Verdict = Literal["retry", "split"]

_FIRST_DELAY: Final = 0.5
_MAX_DELAY: Final = 60.0
_MAX_SURPRISES: Final = 5


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
