"""A Kafka topic, or one of whatever speaks its protocol, as a destination."""

from collections.abc import Mapping, Sequence
from typing import Any

from segment_identity import records
from segment_identity.errors import ConfigurationError
from segment_identity.kafka.publisher import Publisher, Record
from segment_identity.keeping import fingerprint
from segment_identity.topic import topic


class Kafka:
    """Puts each event on a topic as one record, acknowledged by all replicas in sync.

    *url* is `kafka://broker1:9092,broker2:9092/topic?option=value`; its options, and with it those
    in *options*, which may be anything, are librdkafka's. Records are keyed by anonymousId (else
    userId) and spread by Java's rule, so a visitor's events are in one partition, in order.
    *name* is what it is called in `stats()` and in a spool.
    """

    def __init__(
        self, url: str, *, options: Mapping[str, Any] | None = None, name: str | None = None
    ) -> None:
        if options is not None and not isinstance(options, Mapping):
            raise ConfigurationError(f"options was given {type(options).__name__}; want a mapping")
        self.topic = topic(url)
        self.name = name
        self.fingerprint = fingerprint(repr(self.topic))
        self._publisher = Publisher(self.topic, options)

    def __repr__(self) -> str:
        return f"Kafka({self.topic!r})"

    def send(self, batch: Sequence[bytes], /) -> None:
        """Put a batch on the topic and wait until it is safe there."""
        self._publisher.publish([Record(records.key(event), event) for event in batch])

    def close(self) -> None:
        """Close the connections; the next batch opens new ones."""
        self._publisher.close()

    def after_fork(self) -> None:
        """Leave the parent process' connections alone."""
        self._publisher.after_fork()
