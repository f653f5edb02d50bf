"""The one logger, and the rule that one reason makes one line a minute."""

import logging
from typing import Final

logger: Final = logging.getLogger("segment_identity")

ONCE: Final = float("inf")


class Throttle:
    """Lets one line per key through in *every* seconds; `ONCE` means once for good."""

    __slots__ = ("_every", "_last")

    def __init__(self, every: float = 60.0) -> None:
        self._every = every
        self._last: dict[str, float] = {}

    def allows(self, key: str, now: float) -> bool:
        """Tell whether *key* may be logged at *now* (seconds of any steady clock)."""
        # No lock: two threads may both be let through, which costs a line, while a lock that is
        # held during a fork would stop the child for good.
        last = self._last.get(key)
        if last is not None and now - last < self._every:
            return False
        self._last[key] = now
        return True
