"""One reader in a consumer group, which shares the partitions of a topic among its members.

How this works
--------------
The group takes a member for dead that does not poll for some minutes, so a member whose batch takes
long pauses its partitions and keeps polling. Partitions come and go while it polls, a few at a time
(cooperative-sticky), and the others go on meanwhile. Whoever gets a partition starts at the last
committed offset; so offsets are committed only for what is done, and only for partitions that are
still ours. A commit that fails is made again with the next one: until then a record may be read
twice, and never not at all.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from segment_identity.kafka import client
from segment_identity.kafka.client import Voice
from segment_identity.topic import Topic

_DEFAULTS: Final[Mapping[str, Any]] = {
    # A group that is new to a topic starts with what is there, not with what comes next.
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
}
_FIXED: Final[Mapping[str, Any]] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
}
_SLICE: Final = 0.2


class Member:
    """Reads the partitions of *topic* that *group* gives to this process.

    *on_revoke* is called with partitions that are about to go to somebody else, the last moment to
    commit what is done of them, and *on_lost* with those that are gone already.
    """

    def __init__(
        self,
        topic: Topic,
        group: str,
        *,
        on_revoke: Callable[[set[int]], None],
        on_lost: Callable[[set[int]], None],
    ) -> None:
        self.voice = Voice(topic)
        # None until the group has spoken.
        self.owned: set[int] | None = None
        self.at_end: set[int] = set()
        self._topic = topic.name
        self._on_revoke = on_revoke
        self._on_lost = on_lost
        self._held: list[Message] = []
        self._is_paused = False
        self._due: dict[int, int] = {}
        self._is_committing = False
        fixed = {**_FIXED, "group.id": group, "on_commit": self._committed}
        if topic.options.get("group.protocol") != "consumer":
            # With the newer protocol this is the broker's to say.
            fixed["partition.assignment.strategy"] = "cooperative-sticky"
        config = client.settings(topic, "consumer", self.voice, _DEFAULTS, fixed)
        self._consumer = client.opened(Consumer, config)
        self._consumer.subscribe(
            [topic.name], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def take(self, most: int) -> list[Message]:
        """Return up to *most* records, after a moment if there are not so many."""
        self._commit()
        held, self._held = self._held, []
        came = self._consumer.consume(most, _SLICE)
        return [message for message in (*held, *came) if self._is_record(message)]

    def stay(self) -> None:
        """Show that we are alive, and take no more until the next `take`."""
        self._commit()
        if not self._is_paused:
            self._is_paused = True
            self._consumer.pause(self._consumer.assignment())
        message = self._consumer.poll(0)
        if message is not None and self._is_record(message):
            self._held.append(message)

    def go_on(self) -> None:
        """Take records again, if `stay` made a pause."""
        if self._is_paused:
            self._is_paused = False
            self._consumer.resume(self._consumer.assignment())

    def done(self, offsets: Mapping[int, int]) -> None:
        """Commit *offsets*, by partition, of those that are ours."""
        self._due |= {where: at for where, at in offsets.items() if where in (self.owned or ())}
        self._commit()

    def leave(self) -> None:
        """Leave the group, so that the others need not wait to take over."""
        self._consumer.close()

    def _is_record(self, message: Message) -> bool:
        error, partition = message.error(), message.partition() or 0
        if error is None:
            self.at_end.discard(partition)
            # One of a partition that went away within the same call is somebody else's.
            return self.owned is not None and partition in self.owned
        if error.code() == KafkaError._PARTITION_EOF:
            self.at_end.add(partition)
        elif error.fatal():
            raise client.explained(error)
        else:
            self.voice.say(error.name())
        return False

    def _commit(self, *, hurry: bool = False) -> None:
        if not self._due or (self._is_committing and not hurry):
            return
        offsets = [TopicPartition(self._topic, where, at) for where, at in self._due.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            self.voice.say(error.args[0].name())
        else:
            self._is_committing = True

    def _committed(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        self._is_committing = False
        for each in partitions:
            failure = error or each.error
            if failure is not None:
                # While the group shares out anew no commit is taken; that is nobody's fault.
                if failure.code() != KafkaError.REBALANCE_IN_PROGRESS:
                    self.voice.say(failure.name())
            elif self._due.get(each.partition) == each.offset:
                del self._due[each.partition]

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = _numbers(partitions)
        self.owned = (self.owned or set()) | numbers
        self.at_end -= numbers
        if self._is_paused:
            consumer.incremental_assign(partitions)
            consumer.pause(partitions)

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = _numbers(partitions)
        self._on_revoke(numbers)
        self._commit(hurry=True)
        self._forget(numbers)

    def _lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = _numbers(partitions)
        self._on_lost(numbers)
        self._forget(numbers)

    def _forget(self, numbers: set[int]) -> None:
        self.owned = (self.owned or set()) - numbers
        self.at_end -= numbers
        self._held = [each for each in self._held if (each.partition() or 0) not in numbers]
        for number in numbers:
            self._due.pop(number, None)


def _numbers(partitions: list[TopicPartition]) -> set[int]:
    return {each.partition for each in partitions}
