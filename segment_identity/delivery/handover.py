"""Bring one batch of events to an end: each is delivered, or safe among the dead letters.

How this works
--------------
A handover goes through the batch in order, in parts as large as a destination takes, and marks each
event that is done. What fails for the world's reasons is tried again until the handover is stopped;
what fails for its own is halved until the culprit stands alone, and that one is put aside before
anything after it counts as done.
"""

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from segment_identity import records, retry
from segment_identity.batching import batch_length
from segment_identity.consumption import Report
from segment_identity.destinations.protocol import Destination
from segment_identity.destinations.wishes import wishes

# Told of a reason, how many events it concerns and the kind of error.
Tell = Callable[[str, int, str], None]
# Puts the event at an index aside, for a reason and with the kind of error, and returns when safe.
Bury = Callable[[int, str, str], None]


class Handover:
    """One batch on its way to *destination*; *values* are what ought to be events."""

    def __init__(
        self,
        values: Sequence[bytes | None],
        destination: Destination,
        bury: Bury,
        tell: Tell,
        stopped: threading.Event | None = None,
    ) -> None:
        # Whether it waits to try again, so that waiting for it is in vain.
        self.is_waiting = False
        self.done = [False] * len(values)
        self._values = values
        self._destination = destination
        self._limit = wishes(destination).limit
        self._put_aside = bury
        self._tell = tell
        self._delivered = self._retries = 0
        self._dead: Counter[str] = Counter()
        self._stopped = stopped or threading.Event()

    def stop(self) -> None:
        """Let it end after the attempt that is under way."""
        self._stopped.set()

    def report(self) -> Report:
        """Return what has come of the batch."""
        dead = dict(self._dead)
        rest = len(self._values) - self._delivered - sum(dead.values())
        return Report(len(self._values), self._delivered, dead, rest, self._retries)

    def run(self) -> None:
        """Go through the batch, until it is done or stopped."""
        with contextlib.suppress(_Stopped):
            self._go_through()

    def _go_through(self) -> None:
        sound: list[int] = []
        for index, value in enumerate(self._values):
            flaw = records.flaw(value)
            if flaw is None:
                sound.append(index)
            else:
                self._bury(index, flaw, "Record")
        while sound:
            sizes = (len(self._values[index] or b"") for index in sound)
            length = batch_length(sizes, self._limit)
            self._deliver(sound[:length])
            del sound[:length]

    def _deliver(self, part: list[int]) -> None:
        rest = [part]
        while rest:
            indices = rest.pop()
            events = [self._values[index] or b"" for index in indices]
            error = self._insist(partial(self._send, events), len(events), "retrying")
            if error is None:
                for index in indices:
                    self.done[index] = True
                self._delivered += len(indices)
            elif len(indices) > 1:
                middle = len(indices) // 2
                rest += [indices[middle:], indices[:middle]]
            else:
                self._bury(indices[0], "refused", type(error).__name__)

    def _send(self, events: list[bytes]) -> None:
        # A list of its own, as a destination may empty it.
        self._destination.send(list(events))

    def _bury(self, index: int, reason: str, kind: str) -> None:
        self._tell("dead_lettered", 1, kind if reason == "refused" else reason)
        put = partial(self._put_aside, index, reason, kind)
        while self._insist(put, 1, "dead_letters") is not None:
            # Whatever it is, nothing may be passed over.
            self._wait(retry.delay(16, random.random()))
        self._dead[reason] += 1
        self.done[index] = True

    def _insist(self, act: Callable[[], None], events: int, trouble: str) -> BaseException | None:
        """Try until it works or the fault is the events' own, which is returned.

        What fails for other reasons is told as *trouble*.
        """
        attempts = 0
        while not self._stopped.is_set():
            try:
                act()
            except BaseException as error:
                # Even SystemExit: what it ends is this thread, and a reader would wait for ever.
                attempts += 1
                if retry.verdict(error, attempts) == "split":
                    return error
                self._retries += 1
                self._tell(trouble, events, type(error).__name__)
                self._wait(retry.pause(error, attempts - 1, random.random()))
            else:
                return None
        raise _Stopped

    def _wait(self, seconds: float) -> None:
        self.is_waiting = True
        self._stopped.wait(seconds)
        self.is_waiting = False


class _Stopped(Exception):
    """Nobody wants more of this batch."""
