"""A topic for the records that no attempt will ever deliver."""

from typing import Final, cast

from confluent_kafka import Message

from segment_identity.errors import Unavailable, Undeliverable
from segment_identity.kafka.publisher import Publisher, Record
from segment_identity.topic import Topic

_PREFIX: Final = "segment_identity."


class DeadLetters:
    """Puts records aside as they came, with headers that say why and where they were."""

    def __init__(self, topic: Topic) -> None:
        self._publisher = Publisher(topic)

    def put(self, message: Message, reason: str, kind: str) -> None:
        """Keep *message*, and return when it is safe.

        One that the topic refuses for its size is kept as a pointer to where it was, without key,
        value and own headers. Raises `Unavailable` while neither can be kept.
        """
        about = (
            (f"{_PREFIX}reason", reason.encode()),
            (f"{_PREFIX}error", kind.encode()),
            (f"{_PREFIX}topic", str(message.topic()).encode()),
            (f"{_PREFIX}partition", b"%d" % (message.partition() or 0)),
            (f"{_PREFIX}offset", b"%d" % (message.offset() or 0)),
        )
        # What was read always has a list; the type is that of what may be written.
        own = cast(list[tuple[str, bytes | None]], message.headers() or [])
        time = max(0, message.timestamp()[1])
        whole = Record(message.key(), message.value() or b"", (*own, *about), time)
        try:
            self._publisher.publish([whole])
        except Undeliverable:
            try:
                self._publisher.publish([Record(None, b"", about, time)])
            except Undeliverable as error:
                raise Unavailable("the topic for dead letters takes none") from error

    def close(self) -> None:
        """Close the connections."""
        self._publisher.close()
