"""The time and new ids, from functions the app may have given."""

import time
from collections.abc import Callable
from typing import Final

from segment_identity import ids
from segment_identity.entropy import new_uuid
from segment_identity.journal import Journal

# What `datetime` can say: the year 10000, in seconds since 1970.
_END_OF_TIME: Final = 253_402_300_800.0


class Sources:
    """Asks the app's clock and id function, and goes on with the system's if they fail."""

    __slots__ = ("_clock", "_new_id", "journal", "new_id", "now")

    def __init__(
        self, clock: Callable[[], float], new_id: Callable[[], str], journal: Journal
    ) -> None:
        self._clock = clock
        self._new_id = new_id
        self.journal = journal
        # The time in seconds since 1970, and a new id; the system's own need no guard.
        self.now = clock if clock is time.time else self._app_now
        self.new_id = new_id if new_id is new_uuid else self._app_id

    def _app_now(self) -> float:
        try:
            now = self._clock()
            if not 0 <= now < _END_OF_TIME:
                raise ValueError("no time in seconds since 1970")
            return now
        except Exception as error:
            self.journal.report("clock", error)
            return time.time()

    def _app_id(self) -> str:
        try:
            return ids.given("new_id", "its result", self._new_id())
        except Exception as error:
            self.journal.report("new_id", error)
            return new_uuid()
