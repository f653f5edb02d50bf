"""The time and new ids, from functions the app may have given."""

import time
from collections.abc import Callable

from segment_identity import ids
from segment_identity.entropy import new_uuid
from segment_identity.journal import Journal
from segment_identity.messages import checked_time

# Counts and logs an error, by reason.
Report = Callable[[str, BaseException], None]


class Sources:
    """Asks the app's clock and id function, and goes on with the system's if they fail."""

    __slots__ = ("_new_id", "journal", "makes_uuids", "new_id", "now")

    def __init__(
        self, clock: Callable[[], float], new_id: Callable[[], str], journal: Journal
    ) -> None:
        self._new_id = new_id
        self.journal = journal
        # The time in seconds since 1970, and a new id; the system's own need no guard.
        self.now = sound(clock, journal.report)
        self.makes_uuids = new_id is new_uuid
        self.new_id = new_id if self.makes_uuids else self._app_id

    def _app_id(self) -> str:
        try:
            return ids.given("new_id", "its result", self._new_id())
        except Exception as error:
            self.journal.report("new_id", error)
            return new_uuid()


def sound(clock: Callable[[], float], report: Report) -> Callable[[], float]:
    """Return *clock*, or one that goes on with the system's where it raises or says no time."""
    if clock is time.time:
        return clock

    def now() -> float:
        try:
            return checked_time(clock())
        except Exception as error:
            report("clock", error)
            return time.time()

    return now
