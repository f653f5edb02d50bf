"""Put records on a topic and know that they are safe there.

How this works
--------------
librdkafka's idempotent producer numbers records per partition, so what it sends again by itself is
stored once and in order. What we send again, after an error it gave up on, it cannot know. So a
publication ends only when every record was acknowledged or given up, and nothing is left behind in
the client to arrive later; and what was acknowledged before another record failed is remembered, so
that trying again, or isolating a culprit by halving, repeats none of it.
"""

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from segment_identity.errors import Undeliverable
from segment_identity.kafka import client
from segment_identity.topic import Topic

_DEFAULTS: Final[Mapping[str, Any]] = {
    "compression.type": "lz4",
    "message.timeout.ms": 30_000,
}
_FIXED: Final[Mapping[str, Any]] = {
    "acks": "all",
    "enable.idempotence": True,
    # Java's: the same key is in the same partition whichever client wrote it.
    "partitioner": "murmur2_random",
}
# Seconds between two looks at signals and at the queue.
_SLICE: Final = 0.2


class Record(msgspec.Struct, frozen=True):
    """What is put on a topic; *timestamp* is in milliseconds since 1970, 0 for now."""

    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int = 0


class Publisher:
    """Puts records on one topic; connects with the first one."""

    def __init__(self, topic: Topic, options: Mapping[str, Any] | None = None) -> None:
        self._topic = topic
        self._options = dict(options or {})
        self._begin()
        client.check(Producer, self._settings())

    def _begin(self) -> None:
        self._voice = client.Voice(self._topic)
        self._producer: Producer | None = None
        self._taken: set[Record] = set()

    def publish(self, records: Sequence[Record]) -> None:
        """Return when all *records* are safe, or raise when all are either safe or given up."""
        if self._producer is None:
            self._producer = client.opened(Producer, self._settings())
        attempt = _Attempt(self._producer, self._topic.name)
        self._voice.trouble = None
        for record in records:
            if record not in self._taken:
                attempt.put(record)
        attempt.wait()
        if not attempt.errors:
            self._taken.difference_update(records)
            return
        self._taken.update(attempt.taken)
        if any(error.fatal() for error in attempt.errors):
            self.close()
        causes = [client.explained(error, self._voice.trouble) for error in attempt.errors]
        # An event that can never be taken is told last, when it alone is left.
        raise next((each for each in causes if not isinstance(each, Undeliverable)), causes[0])

    def close(self) -> None:
        """End the connections; the next record opens new ones."""
        self._producer = None

    def after_fork(self) -> None:
        """Leave the parent's client alone, for its threads are not in this process."""
        if self._producer is not None:
            # Freeing it would wait for those threads for ever; so it is never freed.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._producer))
        self._begin()

    def _settings(self) -> dict[str, Any]:
        fixed = {**self._options, **_FIXED}
        return client.settings(self._topic, "producer", self._voice, _DEFAULTS, fixed)


class _Attempt:
    """One go at some records, and what came of each."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self.taken: list[Record] = []
        self.errors: list[KafkaError] = []
        self._producer = producer
        self._topic = topic

    def put(self, record: Record) -> None:
        def done(error: KafkaError | None, _: Message) -> None:
            if error is None:
                self.taken.append(record)
            else:
                self.errors.append(error)

        while True:
            try:
                self._producer.produce(
                    self._topic,
                    record.value,
                    record.key,
                    on_delivery=done,
                    timestamp=record.timestamp,
                    headers=list(record.headers),
                )
            except BufferError:
                self._producer.poll(_SLICE)
            except KafkaException as error:
                self.errors.append(error.args[0])
                return
            else:
                return

    def wait(self) -> None:
        while self._producer.flush(_SLICE):
            pass
