"""Reading a topic into a destination, in this process, against a real broker."""

import json
import threading
import time
from collections.abc import Callable, Sequence

import pytest
from confluent_kafka import Producer
from delivery.support import PATIENCE, Failing, Gate

from segment_identity import ConfigurationError, Unavailable, Undeliverable
from segment_identity.destinations import Memory
from segment_identity.destinations.kafka import Kafka
from segment_identity.streaming import Report, consume

from .broker import Broker


def event(number: int, name: str = "Seen") -> bytes:
    """Return an event that is told from others by its number."""
    message = {"type": "track", "event": name, "messageId": f"m-{number}", "userId": "u-1"}
    return json.dumps(message).encode()


def put(broker: Broker, topic: str, *values: bytes | None) -> None:
    """Put *values* on a topic with one partition."""
    producer = Producer({"bootstrap.servers": broker.address, "log_level": 0})
    for value in values:
        producer.produce(topic, value, b"u-1", headers={"traced": b"yes"})
    assert producer.flush(PATIENCE) == 0


def ids(memory: Memory) -> list[str]:
    """Return the messageIds that arrived."""
    return [each["messageId"] for each in memory.messages]


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Reader:
    """Runs `consume` in a thread until it is told to stop."""

    def __init__(self, url: str, memory: Memory, **options: object) -> None:
        self.stop = threading.Event()
        self.report: Report | None = None
        self._thread = threading.Thread(target=self._run, args=(url, memory, options))
        self._thread.start()

    def _run(self, url: str, memory: Memory, options: dict[str, float]) -> None:
        self.report = consume(url, memory, stop=self.stop, group="readers", **options)  # type: ignore[arg-type]

    def end(self) -> Report:
        """Stop it and return its report."""
        self.stop.set()
        self._thread.join(PATIENCE)
        assert self.report is not None
        return self.report


class Picky(Memory):
    """Takes no batch with an event called Poison."""

    def send(self, batch: Sequence[bytes], /) -> None:
        """Refuse or add the batch."""
        if any(b"Poison" in each for each in batch):
            raise Undeliverable("poison")
        super().send(batch)


def test_what_is_on_a_topic_arrives_in_order_and_is_done_with(broker: Broker) -> None:
    broker.create("plain")
    put(broker, "plain", *(event(number) for number in range(1_200)))
    memory = Memory()
    report = consume(broker.url("plain"), memory, until_idle=0.1)
    assert report == Report(read=1_200, delivered=1_200)
    assert ids(memory) == [f"m-{number}" for number in range(1_200)]
    assert broker.committed("segment_identity", "plain", 1) == 1_200
    assert consume(broker.url("plain"), memory, until_idle=0.1) == Report()


class Sized(Memory):
    """Notes how many events it was given at once."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.batch_events = most
        self.sizes: list[int] = []

    def send(self, batch: Sequence[bytes], /) -> None:
        """Note and add the batch."""
        self.sizes.append(len(batch))
        super().send(batch)


@pytest.mark.parametrize("most", [700, 100_000])
def test_as_many_records_are_read_as_the_destination_takes(broker: Broker, most: int) -> None:
    topic = f"sized-{most}"
    broker.create(topic)
    put(broker, topic, *(event(number) for number in range(1_200)))
    sized = Sized(most)
    assert consume(broker.url(topic), sized, until_idle=0.1).delivered == 1_200
    assert 500 < max(sized.sizes) <= most


def test_poison_is_put_aside_as_it_came_with_the_reason(broker: Broker) -> None:
    broker.create("mixed")
    poison = [b"{", b"[]", None, b'{"type":"track"}', event(7, "Poison"), event(11, "Poison")]
    sound = [event(number) for number in range(30)]
    values: list[bytes | None] = [*sound[:7], *poison, *sound[7:]]
    put(broker, "mixed", *values)
    memory = Picky()
    report = consume(broker.url("mixed"), memory, until_idle=0.1)
    assert report.dead_lettered == {
        "not_json": 1,
        "not_an_object": 1,
        "empty": 1,
        "no_message_id": 1,
        "refused": 2,
    }
    assert report.delivered == 30
    assert ids(memory) == [f"m-{number}" for number in range(30)]
    dead = broker.records("mixed.dead-letters")
    assert [each.value() for each in dead] == [each or b"" for each in poison]
    assert {each.key() for each in dead} == {b"u-1"}
    assert dict(dead[4].headers() or ()) == {
        "traced": b"yes",
        "segment_identity.reason": b"refused",
        "segment_identity.error": b"Undeliverable",
        "segment_identity.topic": b"mixed",
        "segment_identity.partition": b"0",
        "segment_identity.offset": b"11",
    }
    assert broker.committed("segment_identity", "mixed", 1) == 36


def test_dead_letters_have_another_chance_when_their_topic_is_consumed(broker: Broker) -> None:
    broker.create("second")
    put(broker, "second", event(0, "Poison"), b"{", event(1))
    consume(broker.url("second"), Picky(), until_idle=0.1)
    mended = Memory()
    report = consume(broker.url("second.dead-letters"), mended, until_idle=0.1)
    assert report == Report(read=2, delivered=1, dead_lettered={"not_json": 1})
    assert ids(mended) == ["m-0"]


def test_nothing_passes_a_dead_letter_that_cannot_be_kept(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    broker.create("stuck")
    broker.create("shut", max_message_bytes=10)
    put(broker, "stuck", event(0), b"{", event(1))
    memory = Memory()
    reader = Reader(broker.url("stuck"), memory, dead_letters="shut")
    until(lambda: "kafka topic stuck: dead_letters (Unavailable, 1 events)" in caplog.text)
    report = reader.end()
    assert report.abandoned > 0
    assert not report.dead_lettered
    assert broker.committed("readers", "stuck", 1) <= 1


def test_a_dead_letter_that_is_too_large_is_kept_as_a_pointer(broker: Broker) -> None:
    broker.create("huge")
    broker.create("graves", max_message_bytes=5_000)
    noise = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(4_000))
    put(broker, "huge", event(0), noise.encode(), event(1))
    memory = Memory()
    report = consume(broker.url("huge"), memory, dead_letters="graves", until_idle=0.1)
    assert report == Report(3, 2, {"not_json": 1}, retries=0)
    [dead] = broker.records("graves")
    assert (dead.key(), dead.value()) == (None, b"")
    assert dict(dead.headers() or ())["segment_identity.offset"] == b"1"


def test_a_destination_that_is_down_for_long_costs_neither_the_place_nor_a_record(
    broker: Broker,
) -> None:
    """The group takes one for dead that does not poll for two seconds here."""
    broker.create("patient", 2)
    put(broker, "patient", *(event(number) for number in range(20)))
    options = {"session_timeout_ms": 1_500, "max_poll_interval_ms": 2_000}
    memory = Failing(Unavailable("down", retry_after=0.1))
    reader = Reader(broker.url("patient", heartbeat_interval_ms=500, **options), memory)
    until(lambda: memory.attempts > 0)
    time.sleep(3)
    assert broker.members("readers") == [2]
    put(broker, "patient", event(20))
    memory.is_up = True
    until(lambda: len(memory.messages) == 21)
    report = reader.end()
    assert sorted(ids(memory)) == sorted(f"m-{number}" for number in range(21))
    assert (report.read, report.delivered, report.abandoned) == (21, 21, 0)
    assert report.retries >= 10
    assert broker.committed("readers", "patient", 2) == 21


def test_a_reader_that_is_stopped_leaves_what_is_not_done_to_the_next(broker: Broker) -> None:
    broker.create("stopped")
    put(broker, "stopped", *(event(number) for number in range(10)))
    down = Failing()
    reader = Reader(broker.url("stopped"), down)
    until(lambda: down.attempts > 0)
    assert reader.end() == Report(read=10, abandoned=10, retries=down.attempts)
    hanging = Gate()
    reader = Reader(broker.url("stopped"), hanging, shutdown_timeout=0.2)
    assert hanging.entered.wait(PATIENCE)
    assert reader.end() == Report(read=10, abandoned=10)
    hanging.opened.set()
    slow = Gate()
    reader = Reader(broker.url("stopped"), slow)
    assert slow.entered.wait(PATIENCE)
    reader.stop.set()
    slow.opened.set()
    assert reader.end() == Report(read=10, delivered=10)
    assert broker.committed("readers", "stopped", 1) == 10


def test_a_second_reader_takes_over_half_without_reading_anything_twice(broker: Broker) -> None:
    """The first is in the middle of a batch when it has to give partitions away."""
    broker.create("shared", 4)
    first, second = Gate(), Memory()
    producer = Producer({"bootstrap.servers": broker.address, "partitioner": "murmur2_random"})

    def spread(start: int, end: int) -> None:
        for number in range(start, end):
            producer.produce("shared", event(number), b"k-%d" % number)
        assert producer.flush(PATIENCE) == 0

    spread(0, 100)
    one = Reader(broker.url("shared"), first)
    assert first.entered.wait(PATIENCE)
    two = Reader(broker.url("shared"), second)
    # The group has made its mind up, and the first has heard that two partitions are to go.
    until(lambda: sorted(broker.members("readers")) == [0, 2])
    time.sleep(1)
    first.opened.set()
    until(lambda: broker.members("readers") == [2, 2])
    spread(100, 200)
    until(lambda: len(first.messages) + len(second.messages) >= 200)
    reports = [one.end(), two.end()]
    assert sorted(ids(first) + ids(second)) == sorted(f"m-{number}" for number in range(200))
    assert second.messages
    assert sum(each.delivered for each in reports) == 200
    assert broker.committed("readers", "shared", 4) == 200


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"batch": 0}, "batch was given 0; want 1 to 10,000"),
        ({"batch": True}, "batch was given True"),
        ({"batch": 10_001}, "want 1 to 10,000"),
        ({"group": " "}, "group was given no name"),
        ({"until_idle": 0}, "until_idle was given 0; want a number above 0"),
        ({"shutdown_timeout": "1"}, "shutdown_timeout was given '1'"),
        ({"dead_letters": "t"}, "want another one"),
        ({"dead_letters": "a topic"}, "'a topic' as the name of a topic"),
        ({"url": "kafka://b/t?session.timeout.ms=s3cr3t"}, "session.timeout.ms"),
        ({"destination": "carrier-pigeon:"}, "consume was given a URL that starts with 'carrier-"),
        ({"destination": "kafka://c,B:9092/t"}, "one topic as source and destination"),
        ({"destination": Kafka("kafka://b/t?client.id=s3cr3t")}, "want another destination"),
        ({"destination": Memory}, "consume was given type as a destination"),
        ({"url": None}, "Kafka was given NoneType as a URL; want 'kafka://"),
        ({"url": "kafka://b:65536/t"}, "with a broker that is none"),
        ({"dead_letters": 7}, "Kafka was given int as the name of a topic"),
        ({"dead_letters": ""}, "Kafka was given none as the name of a topic"),
        ({"stop": True}, "stop was given bool; want a threading.Event"),
    ],
)
def test_an_argument_that_cannot_work_is_refused_in_words(
    options: dict[str, object], wanted: str
) -> None:
    ended = threading.Event()
    ended.set()
    given = {"url": "kafka://b/t", "destination": "memory:", "stop": ended, **options}
    with pytest.raises(ConfigurationError) as caught:
        consume(**given)  # type: ignore[arg-type]
    assert wanted in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
