"""The one logger, and the rule that one reason makes one line a minute."""

import logging
import threading
from typing import Final

logger: Final = logging.getLogger("segment_identity")

ONCE: Final = float("inf")


class Throttle:
    """Lets one line per key through in *every* seconds; `ONCE` means once for good."""

    __slots__ = ("_every", "_last", "_lock")

    def __init__(self, every: float = 60.0) -> None:
        self._every = every
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def allows(self, key: str, now: float) -> bool:
        """Tell whether *key* may be logged at *now* (seconds of any steady clock)."""
        with self._lock:
            last = self._last.get(key)
            if last is not None and now - last < self._every:
                return False
            self._last[key] = now
            return True
