"""The Kafka destination, against a real broker."""

import json
import logging
import socket
import time
from collections import defaultdict

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from delivery.support import emit, run
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from segment_identity import (
    Analytics,
    ConfigurationError,
    Fault,
    IdentityMiddleware,
    Unauthorized,
    Unavailable,
    Undeliverable,
)
from segment_identity.destinations.kafka import Kafka
from segment_identity.topic import OPTIONS, Role

from .broker import PASSWORD, Broker
from .partitions import murmur2, partition

EVENT = b'{"type":"track","event":"Seen","messageId":"m-%d","anonymousId":"a-%d","text":"%b"}'
VISITORS = 8


def event(number: int, size: int = 0) -> bytes:
    """Return an event that does not compress below *size* bytes."""
    noise = bytes(33 + murmur2(b"%d %d" % (number, at)) % 90 for at in range(size))
    return EVENT % (number, number % VISITORS, noise.replace(b'"', b"'").replace(b"\\", b"/"))


def nowhere(**options: object) -> str:
    """Return a URL that no broker answers."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    query = "&".join(f"{key.replace('_', '.')}={value}" for key, value in options.items())
    return f"kafka://127.0.0.1:{port}/events?message.timeout.ms=400&{query}"


def test_a_visit_is_on_the_topic_in_order_and_in_one_partition(broker: Broker) -> None:
    """The rule for the partition is Java's, so other clients' records of this visitor join."""
    broker.create("visits", 4)
    analytics = Analytics(broker.url("visits"))

    async def step(request: Request) -> Response:
        request.state.identity.track("Step", {"number": int(request.path_params["number"])})
        return PlainTextResponse(request.state.identity.anonymous_id)

    app = Starlette(
        routes=[Route("/{number}", step)],
        middleware=[
            Middleware(IdentityMiddleware, secret_key="Rk3vTq9w-YbN2xLm8", analytics=analytics)
        ],
    )
    visitors = []
    with TestClient(app) as first, TestClient(app) as second:
        for number in range(40):
            visitors += [each.get(f"/{number}").text for each in (first, second)]
    assert analytics.stats().delivered == 80
    seen = defaultdict(list)
    for record in broker.records("visits"):
        message = json.loads(record.value() or b"")
        assert record.key() == message["anonymousId"].encode()
        assert record.partition() == partition(record.key() or b"", 4)
        seen[message["anonymousId"]].append(message["properties"]["number"])
    assert dict(seen) == {each: list(range(40)) for each in set(visitors)}
    assert len(seen) == 2


def test_the_partitions_of_the_tests_are_those_of_java() -> None:
    """Known answers, from the tests of Kafka's own Java client."""
    assert murmur2(b"21") == -973932308 % 2**32
    assert murmur2(b"foobar") == -790332482 % 2**32
    assert murmur2(b"a-little-bit-long-string") == -985981536 % 2**32


def test_send_returns_when_all_is_safe_and_close_is_no_end(broker: Broker) -> None:
    broker.create("closing")
    kafka = Kafka(broker.url("closing"))
    for number in range(3):
        kafka.send([event(number)])
        kafka.close()
    assert [each.value() for each in broker.records("closing")] == [event(n) for n in range(3)]


def test_one_oversize_event_is_isolated_and_the_others_are_there_once(broker: Broker) -> None:
    """The others were acknowledged in other partitions, or shared a request with the culprit."""
    broker.create("small", 4, max_message_bytes=9_000)
    faults: list[Fault] = []
    events = [event(number) for number in range(120)]
    events[77] = event(77, 12_000)
    kafka = Kafka(broker.url("small"))
    with pytest.raises(Undeliverable, match=r"^MSG_SIZE_TOO_LARGE$"):
        kafka.send([events[77]])
    analytics = Analytics(kafka, on_error=faults.append)
    for each in events:
        analytics.emit(json.loads(each))
    assert analytics.close(20)
    stats = analytics.stats()
    assert (stats.delivered, stats.dead_lettered) == (119, 1)
    arrived = defaultdict(list)
    for record in broker.records("small"):
        number = int(json.loads(record.value() or b"")["messageId"][2:])
        arrived[number % VISITORS].append(number)
    sent = [number for number in range(120) if number != 77]
    assert arrived == {who: [n for n in sent if n % VISITORS == who] for who in range(VISITORS)}
    assert [each.reason for each in faults] == ["dead_lettered"]


def test_an_event_larger_than_any_broker_takes_is_undeliverable(broker: Broker) -> None:
    broker.create("large")
    kafka = Kafka(broker.url("large", message_max_bytes=2_000))
    with pytest.raises(Undeliverable):
        kafka.send([event(0), event(1, 4_000), event(2)])
    kafka.send([event(0)])
    kafka.send([event(2)])
    assert [each.value() for each in broker.records("large")] == [event(0), event(2)]


def test_a_broker_that_does_not_answer_is_unavailable_in_time() -> None:
    kafka = Kafka(nowhere())
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"_MSG_TIMED_OUT, _(TRANSPORT|ALL_BROKERS_DOWN)"):
        kafka.send([event(0)])
    assert time.monotonic() - began < 20
    kafka.close()


def test_what_librdkafka_says_is_one_line_a_minute_without_its_text(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    kafka = Kafka(nowhere(sasl_username="shop", sasl_password="s3cr3t", security_protocol="ssl"))
    with caplog.at_level(logging.DEBUG, "segment_identity"):
        for _ in range(3):
            with pytest.raises(Unavailable):
                kafka.send([event(0)])
    lines = [record.getMessage() for record in caplog.records]
    assert lines
    assert len(lines) == len(set(lines))
    assert all(line.startswith("kafka topic events: ") for line in lines)
    assert "s3cr3t" not in repr(kafka) + "".join(lines)
    assert "127.0.0.1" not in "".join(lines)
    assert capfd.readouterr() == ("", "")


def test_a_wrong_password_is_unauthorized_and_the_right_one_works(broker: Broker) -> None:
    broker.create("guarded")
    wrong = Kafka(broker.guarded_url("guarded", "guessed-pass"))
    with pytest.raises(Unauthorized) as caught:
        wrong.send([event(0)])
    assert "guessed" not in str(caught.value) + repr(wrong)
    right = Kafka(broker.guarded_url("guarded", PASSWORD))
    right.send([event(1)])
    assert [each.value() for each in broker.records("guarded")] == [event(1)]


@pytest.mark.parametrize(
    ("option", "wanted"),
    [
        ("linger.ms=s3cr3t", "queue.buffering.max.ms"),
        ("compression.type=s3cr3t", "the value of compression.codec cannot be used"),
        ("ssl.ca.location=/s3cr3t/ca.pem&security.protocol=ssl", "ssl.ca.location"),
        ("security.protocol=SASL_SSL&sasl.mechanism=PLAIN", "sasl.username and sasl.password"),
    ],
)
def test_a_value_that_cannot_work_is_refused_at_once_and_not_shown(
    option: str, wanted: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Analytics(f"kafka://nowhere.invalid/events?{option}")
    assert wanted in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_options_of_the_object_reach_librdkafka_but_not_past_our_promises() -> None:
    with pytest.raises(ConfigurationError, match=r'No such configuration property: "acks\.all"'):
        Kafka("kafka://nowhere.invalid/events", options={"acks.all": "1"})
    with pytest.raises(ConfigurationError, match="options was given str; want a mapping"):
        Kafka("kafka://nowhere.invalid/events", options="acks=0")  # type: ignore[arg-type]
    Kafka("kafka://nowhere.invalid/events", options={"acks": "0", "enable.idempotence": False})


@pytest.mark.parametrize(("role", "client"), [("producer", Producer), ("consumer", Consumer)])
def test_librdkafka_knows_every_option_that_a_url_may_set(
    role: Role, client: type[Producer] | type[Consumer]
) -> None:
    known = {"group.id": "g"} if role == "consumer" else {}
    refused = {}
    for name in OPTIONS[role]:
        try:
            client({**known, name: "x", "log_level": 0})
        except KafkaException as error:
            refused[name] = str(error)
    unknown = [name for name, text in refused.items() if "No such configuration" in text]
    assert unknown == []
    assert refused


FORK = """
import os, sys
from segment_identity.destinations.kafka import Kafka
from segment_identity import Analytics
from delivery.support import emit

analytics = Analytics(sys.argv[1])
emit(analytics, "Before")
assert analytics.flush(20)
child = os.fork()
emit(analytics, "Child" if child == 0 else "Parent")
if child == 0:
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert analytics.close(20)
"""


def test_parent_and_child_of_a_fork_both_deliver_and_end(broker: Broker) -> None:
    broker.create("forks")
    run(FORK, broker.url("forks"), flags=())
    names = [json.loads(each.value() or b"")["event"] for each in broker.records("forks")]
    assert names[0] == "Before"
    assert sorted(names) == ["Before", "Child", "Parent"]


EXIT = """
import sys
from segment_identity import Analytics
from delivery.support import emit

emit(Analytics(sys.argv[1], shutdown_timeout=0.3), "Never")
"""


def test_a_process_ends_although_its_broker_is_down() -> None:
    began = time.monotonic()
    run(EXIT, nowhere(message_timeout_ms=60_000).replace("message.timeout.ms=400&", ""))
    assert time.monotonic() - began < 20


WITHOUT = """
import sys
sys.modules["confluent_kafka"] = None
import segment_identity
try:
    segment_identity.Analytics("kafka://user:pass@broker/topic")
except segment_identity.MissingExtra as error:
    print(error)
"""


def test_without_its_extra_the_package_works_and_says_what_to_install() -> None:
    said = run(WITHOUT)
    assert "pip install 'segment-identity[kafka]'" in said
    assert "pass" not in said
    assert "user" not in said


def test_events_wait_while_the_broker_restarts(broker: Broker) -> None:
    broker.create("restarts", 2)
    analytics = Analytics(broker.url("restarts"))
    emit(analytics, *(f"Before {number}" for number in range(20)))
    assert analytics.flush(20)
    broker.stop()
    try:
        emit(analytics, *(f"During {number}" for number in range(20)))
        assert not analytics.flush(0.5)
    finally:
        broker.start()
    emit(analytics, *(f"After {number}" for number in range(20)))
    assert analytics.close(30)
    names = [json.loads(each.value() or b"")["event"] for each in broker.records("restarts")]
    wanted = [f"{when} {n}" for when in ("Before", "During", "After") for n in range(20)]
    assert names == wanted
