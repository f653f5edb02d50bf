"""Feed a destination from a Kafka topic."""

import threading
import time
from typing import Final

from segment_identity import options
from segment_identity.consumption import Report, added, committable, is_idle
from segment_identity.destinations.kafka import Kafka
from segment_identity.destinations.naming import single
from segment_identity.destinations.protocol import Destination
from segment_identity.destinations.wishes import wishes
from segment_identity.errors import ConfigurationError
from segment_identity.logs import Throttle, logger
from segment_identity.streaming.dead_letters import DeadLetters
from segment_identity.streaming.job import Job
from segment_identity.streaming.member import Member
from segment_identity.topic import Topic, topic

MAX_BATCH: Final = 10_000
# Seconds: between two looks at a job, before its partitions are paused, and how long a partition
# that somebody else shall have may wait for it.
_SLICE: Final = 0.2
_PATIENCE: Final = 1.0
_REVOKE: Final = 5.0


def consume(
    url: str,
    destination: Destination | str,
    *,
    group: str = "segment_identity",
    batch: int | None = None,
    until_idle: float | None = None,
    dead_letters: str | None = None,
    stop: threading.Event | None = None,
    shutdown_timeout: float = 10.0,
) -> Report:
    """Hand what is on a topic to *destination*, until *stop* is set or nothing has come for a time.

    *url* is `kafka://broker:9092/topic`. Readers with the same *group* share the topic, in other
    processes, too. As many records as *batch*, or as *destination* takes, are read at once, and
    their offsets are committed when it took them; so an event may come twice, with the same
    `messageId`, and none is left out. What is no event, or is refused for good, goes to the topic
    *dead_letters* (else the topic's name and `.dead-letters`). With *until_idle* it ends when the
    topic is read to its end and nothing has come for so many seconds; without, when *stop* is set:
    a batch under way then has *shutdown_timeout* seconds to end, and is otherwise left to the next
    reader.

    Closes *destination*. Call it from one thread; it makes another for the destination.
    """
    options.positive("shutdown_timeout", shutdown_timeout)
    options.event("stop", stop)
    if until_idle is not None:
        options.positive("until_idle", until_idle)
    if batch is not None:
        _check(batch)
    if not isinstance(group, str) or not group.strip():
        raise ConfigurationError("group was given no name; want one such as 'warehouse'")
    source = topic(url)
    aside = source.named(f"{source.name}.dead-letters" if dead_letters is None else dead_letters)
    if aside.name == source.name:
        raise ConfigurationError("dead_letters was given the topic itself; want another one")
    target = single(destination, "consume")
    if isinstance(target, Kafka) and target.topic.is_same_as(source):
        raise ConfigurationError(
            "consume was given one topic as source and destination, where each event would go "
            "round for ever; want another destination"
        )
    most = min(wishes(target).limit.events, MAX_BATCH) if batch is None else batch
    stream = _Stream(source, group, target, DeadLetters(aside), most, shutdown_timeout)
    return stream.run(stop or threading.Event(), until_idle)


def _check(batch: int) -> None:
    if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= MAX_BATCH:
        raise ConfigurationError(f"batch was given {batch!r}; want 1 to {MAX_BATCH:,}")


class _Stream:
    """One reader, its present job, and what came of all before."""

    def __init__(
        self,
        source: Topic,
        group: str,
        destination: Destination,
        dead_letters: DeadLetters,
        batch: int,
        shutdown_timeout: float,
    ) -> None:
        self._name = source.name
        self._destination = destination
        self._dead_letters = dead_letters
        self._batch = batch
        self._shutdown_timeout = shutdown_timeout
        self._throttle = Throttle()
        self._report = Report()
        self._job: Job | None = None
        self._member = Member(source, group, on_revoke=self._revoke, on_lost=self._lose)

    def run(self, stop: threading.Event, until_idle: float | None) -> Report:
        """Read and deliver until it is time to stop."""
        member, since = self._member, time.monotonic()
        known = None
        try:
            while not stop.is_set():
                messages = member.take(self._batch)
                if messages or member.owned != known:
                    known, since = set(member.owned or ()), time.monotonic()
                if messages:
                    self._deliver(
                        Job(messages, self._destination, self._dead_letters, self._tell), stop
                    )
                    since = time.monotonic()
                elif is_idle(member.owned, member.at_end, time.monotonic() - since, until_idle):
                    break
        finally:
            self._end()
        return self._report

    def _deliver(self, job: Job, stop: threading.Event) -> None:
        self._job = job
        job.start()
        patience = time.monotonic() + _PATIENCE
        while not job.finished.wait(_SLICE):
            if stop.is_set():
                job.stop()
                job.finished.wait(self._shutdown_timeout)
                break
            if time.monotonic() >= patience:
                self._note(job)
                self._member.stay()
        self._note(job)
        self._report = added(self._report, job.report())
        if job.finished.is_set():
            self._job = None
        self._member.go_on()

    def _note(self, job: Job) -> None:
        self._member.done(committable(job.progress()))

    def _revoke(self, partitions: set[int]) -> None:
        """Wait for a job that may end soon, for what it does would be done again elsewhere."""
        job = self._job
        if job is not None:
            if not job.is_waiting:
                job.finished.wait(_REVOKE)
            self._note(job)
        self._lose(partitions)

    def _lose(self, partitions: set[int]) -> None:
        if self._job is not None:
            self._job.lost |= partitions

    def _end(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.stop()
        self._member.leave()
        if job is None or job.finished.is_set():
            # Not under the hands of a destination that hangs.
            self._destination.close()
            self._dead_letters.close()

    def _tell(self, reason: str, events: int, kind: str) -> None:
        # An error's text may quote events, so only its kind is logged.
        if self._throttle.allows(reason, time.monotonic()):
            logger.warning("kafka topic %s: %s (%s, %d events)", self._name, reason, kind, events)
