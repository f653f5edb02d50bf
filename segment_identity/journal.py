"""Where advice is given once and caught errors are counted."""

import time
from collections.abc import Callable

from segment_identity.logs import ONCE, Throttle, logger

Count = Callable[[str], None]


class Journal:
    """Logs each piece of advice once and each kind of error at most once a minute."""

    __slots__ = ("_advice", "_count", "_errors")

    def __init__(self, count: Count | None = None) -> None:
        self._advice = Throttle(ONCE)
        self._errors = Throttle()
        self._count = count

    def advise(self, key: str, text: str) -> None:
        """Log *text* if *key* is new."""
        if self._advice.allows(key, 0.0):
            logger.warning(text)

    def report(self, reason: str, error: BaseException) -> None:
        """Count *error* and log its kind, never its text, which may quote personal data."""
        if self._count is not None:
            self._count(reason)
        if self._errors.allows(reason, time.monotonic()):
            logger.error("%s failed with %s; the app goes on", reason, type(error).__name__)
