"""Bring one batch of records to an end: each is delivered, or safe among the dead letters.

How this works
--------------
A job runs in a thread of its own, so that its reader can meanwhile show the group that it is alive,
however long a destination hangs or is away. It goes through the batch in order, in parts as large
as a destination takes, and marks each record that is done. What fails for the world's reasons is
tried again until the job is stopped; what fails for its own is halved until the culprit stands
alone, and that one is put aside before anything after it counts as done.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from confluent_kafka import Message

from segment_identity import records, retry
from segment_identity.batching import batch_length
from segment_identity.consumption import Report
from segment_identity.destinations.protocol import Destination
from segment_identity.streaming.dead_letters import DeadLetters

# Told of a reason, how many events it concerns and the kind of error.
Tell = Callable[[str, int, str], None]


class Job:
    """One batch on its way to *destination*."""

    def __init__(
        self,
        batch: Sequence[Message],
        destination: Destination,
        dead_letters: DeadLetters,
        tell: Tell,
    ) -> None:
        self.finished = threading.Event()
        # Whether it waits to try again, so that waiting for it is in vain.
        self.is_waiting = False
        # Partitions that are somebody else's by now.
        self.lost: set[int] = set()
        self._batch = batch
        self._destination = destination
        self._dead_letters = dead_letters
        self._tell = tell
        self._done = [False] * len(batch)
        self._delivered = self._retries = 0
        self._dead: Counter[str] = Counter()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin, in a thread that does not keep the process from ending."""
        threading.Thread(target=self._run, name="segment_identity consume", daemon=True).start()

    def stop(self) -> None:
        """Let it end after the attempt that is under way."""
        self._stopped.set()

    def progress(self) -> list[tuple[int, int, bool]]:
        """Return partition, offset and whether it is done, of every record not lost."""
        return [
            (partition, message.offset() or 0, done)
            for message, done in zip(self._batch, self._done, strict=True)
            if (partition := message.partition() or 0) not in self.lost
        ]

    def report(self) -> Report:
        """Return what has come of the batch."""
        dead = dict(self._dead)
        rest = len(self._batch) - self._delivered - sum(dead.values())
        return Report(len(self._batch), self._delivered, dead, rest, self._retries)

    def _run(self) -> None:
        try:
            self._go_through()
        except _Stopped:
            pass
        finally:
            self.finished.set()

    def _go_through(self) -> None:
        sound: list[int] = []
        for index, message in enumerate(self._batch):
            flaw = records.flaw(message.value())
            if flaw is None:
                sound.append(index)
            else:
                self._bury(index, flaw, "Record")
        while sound:
            length = batch_length(len(self._batch[index].value() or b"") for index in sound)
            self._deliver(sound[:length])
            del sound[:length]

    def _deliver(self, part: list[int]) -> None:
        rest = [part]
        while rest:
            indices = rest.pop()
            events = [self._batch[index].value() or b"" for index in indices]
            error = self._insist(partial(self._destination.send, events), len(events), "retrying")
            if error is None:
                for index in indices:
                    self._done[index] = True
                self._delivered += len(indices)
            elif len(indices) > 1:
                middle = len(indices) // 2
                rest += [indices[middle:], indices[:middle]]
            else:
                self._bury(indices[0], "refused", type(error).__name__)

    def _bury(self, index: int, reason: str, kind: str) -> None:
        self._tell("dead_lettered", 1, kind if reason == "refused" else reason)
        put = partial(self._dead_letters.put, self._batch[index], reason, kind)
        while self._insist(put, 1, "dead_letters") is not None:
            # Whatever it is, nothing may be passed over.
            self._wait(retry.delay(16, random.random()))
        self._dead[reason] += 1
        self._done[index] = True

    def _insist(self, act: Callable[[], None], events: int, trouble: str) -> BaseException | None:
        """Try until it works or the fault is the events' own, which is returned.

        What fails for other reasons is told as *trouble*.
        """
        attempts = 0
        while not self._stopped.is_set():
            try:
                act()
            except BaseException as error:
                # Even SystemExit: what it ends is this thread, and the reader would wait for ever.
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
    """The reader wants no more of this batch."""
