"""One batch of records on its way to a destination, beside the reader that took it."""

import threading
from collections.abc import Sequence

from confluent_kafka import Message

from segment_identity.consumption import Report
from segment_identity.delivery.handover import Handover, Tell
from segment_identity.destinations.protocol import Destination
from segment_identity.streaming.dead_letters import DeadLetters


class Job:
    """Hands a batch over in a thread of its own.

    So its reader can meanwhile show the group that it is alive, however long a destination hangs or
    is away.
    """

    def __init__(
        self,
        batch: Sequence[Message],
        destination: Destination,
        dead_letters: DeadLetters,
        tell: Tell,
    ) -> None:
        self.finished = threading.Event()
        # Partitions that are somebody else's by now.
        self.lost: set[int] = set()
        self._batch = batch

        def bury(index: int, reason: str, kind: str) -> None:
            dead_letters.put(batch[index], reason, kind)

        values = [message.value() for message in batch]
        self._handover = Handover(values, destination, bury, tell)

    @property
    def is_waiting(self) -> bool:
        """Whether it waits to try again, so that waiting for it is in vain."""
        return self._handover.is_waiting

    def start(self) -> None:
        """Begin, in a thread that does not keep the process from ending."""
        threading.Thread(target=self._run, name="segment_identity consume", daemon=True).start()

    def stop(self) -> None:
        """Let it end after the attempt that is under way."""
        self._handover.stop()

    def progress(self) -> list[tuple[int, int, bool]]:
        """Return partition, offset and whether it is done, of every record not lost."""
        return [
            (partition, message.offset() or 0, done)
            for message, done in zip(self._batch, self._handover.done, strict=True)
            if (partition := message.partition() or 0) not in self.lost
        ]

    def report(self) -> Report:
        """Return what has come of the batch."""
        return self._handover.report()

    def _run(self) -> None:
        try:
            self._handover.run()
        finally:
            self.finished.set()
