"""The tools of the fault suite do what they say."""

import gzip
import http.client
import itertools
import json
import random
import time
from collections.abc import Iterator, Mapping

import pytest

from .collecting import Collecting, Proxying
from .processes import Beside
from .proxy import Fault, drawn
from .record import Report
from .script import WELL, Script, Step
from .table import HEAD, Table


@pytest.fixture(scope="module")
def collector() -> Iterator[Collecting]:
    with Collecting(keep=True) as collecting:
        yield collecting


@pytest.fixture(autouse=True)
def _nothing_before(collector: Collecting) -> None:
    collector.clear()


def post(
    to: Beside,
    body: bytes,
    path: str = "/v1/batch",
    headers: Mapping[str, str] | None = None,
    timeout: float = 5.0,
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", to.port, timeout=timeout)
    try:
        connection.request("POST", path, body, headers or {})
        response = connection.getresponse()
        response.read()
        return response.status, response.headers.get("Retry-After", "")
    finally:
        connection.close()


def batch(*numbers: int, event: str = "Seen") -> bytes:
    return json.dumps(
        {
            "batch": [
                {
                    "type": "track",
                    "messageId": f"m-{number}",
                    "anonymousId": "a",
                    "event": event,
                    "properties": {"number": number},
                }
                for number in numbers
            ],
            "sentAt": "2026-01-01T00:00:00Z",
        }
    ).encode()


def test_events_are_counted_by_id(collector: Collecting) -> None:
    assert post(collector, batch(1, 2, 3)) == (200, "")
    zipped = gzip.compress(batch(3, 4))
    extra = {"Content-Encoding": "gzip", "X-Retry-Count": "1"}
    assert post(collector, zipped, headers=extra)[0] == 200
    report = collector.report()
    assert (report.events, report.distinct, report.repeated) == (5, 4, 1)
    assert [sent.retry_count for sent in report.requests] == [None, "1"]
    assert report.requests[0].sent_at == "2026-01-01T00:00:00Z"
    assert collector.order() == {"a": [1, 2, 3, 4]}
    assert [len(body["batch"]) for body in collector.messages()] == [3, 2]


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/v1/track", b'{"messageId":"1","userId":"a","properties":{}}', "application/json"),
        (
            "/batch/",
            b'{"api_key":"k","batch":[{"uuid":"1","distinct_id":"a","event":"e"}]}',
            "application/json",
        ),
        (
            "/track",
            b"data=%5B%7B%22event%22%3A%22e%22%2C%22properties%22%3A%7B%22%24insert_id%22%3A%221%22"
            b"%2C%22distinct_id%22%3A%22a%22%7D%7D%5D&verbose=1",
            "application/x-www-form-urlencoded",
        ),
    ],
    ids=["segment", "posthog", "mixpanel"],
)
def test_each_system_is_understood(
    collector: Collecting, path: str, body: bytes, kind: str
) -> None:
    assert post(collector, body, path, {"Content-Type": kind})[0] == 200
    assert (collector.report().distinct, collector.report().without_id) == (1, 0)


@pytest.mark.parametrize(
    "body",
    [
        b'{"batch":[{"messageId":"1","properties":{"price":NaN}}]}',
        b'{"batch":[{"messageId":"1","properties":{"name":"\xff"}}]}',
        b'{"batch":[{"messageId":"1"},]}',
        b'{"batch":[{"messageId":"' + b"1" * 600_000 + b'"}]}',
    ],
    ids=["NaN", "no UTF-8", "comma", "too large"],
)
def test_what_is_no_strict_batch_is_refused(collector: Collecting, body: bytes) -> None:
    assert post(collector, body)[0] == 400
    assert collector.report().events == 0


def test_the_script_is_played(collector: Collecting) -> None:
    collector.play(
        Step(status=429, retry_after=2, requests=1),
        Step(status=503, retry_after=60, as_date=True, requests=1),
        Step(poison="Poison", requests=2),
        Step(cut=True, requests=1),
        Step(latency=0.2, requests=1),
    )
    assert post(collector, batch(1)) == (429, "2")
    assert post(collector, batch(1))[1].endswith("GMT")
    assert post(collector, batch(1, event="Poison"))[0] == 400
    assert post(collector, batch(2))[0] == 200
    with pytest.raises(http.client.RemoteDisconnected):
        post(collector, batch(3))
    begin = time.monotonic()
    assert post(collector, batch(4))[0] == 200
    assert time.monotonic() - begin >= 0.2
    assert [sent.status for sent in collector.report().requests] == [429, 503, 400, 200, 0, 200]
    assert collector.order() == {"a": [2, 3, 4]}


def test_a_closed_port_opens_again(collector: Collecting) -> None:
    collector.play(Step(refuse=True))
    time.sleep(0.1)
    with pytest.raises(ConnectionRefusedError):
        post(collector, batch(1))
    collector.play()
    time.sleep(0.1)
    assert post(collector, batch(1))[0] == 200


def test_a_hanging_collector_never_answers(collector: Collecting) -> None:
    collector.play(Step(hang=True))
    with pytest.raises(TimeoutError):
        post(collector, batch(1), timeout=0.2)
    assert collector.report().events == 0


def test_a_slow_collector_takes_its_time(collector: Collecting) -> None:
    collector.play(Step(rate=5_000))
    begin = time.monotonic()
    assert post(collector, batch(*range(12)))[0] == 200
    assert time.monotonic() - begin >= 0.2


def test_steps_last_for_seconds_or_requests() -> None:
    script = Script([Step(status=500, seconds=5), Step(status=429, requests=2)], 10.0)
    assert [script.request(at).status for at in (10.0, 14.9, 15.0, 99.0, 99.0)] == [
        *(500, 500, 429, 429, 200)
    ]
    assert script.at(100.0) == WELL
    late = Script([Step(status=500, seconds=5), Step(status=503, seconds=5)], 10.0)
    assert [late.at(at).status for at in (16.0, 20.0)] == [503, 200]


@pytest.mark.parametrize(
    ("fault", "arrives"),
    [
        (Fault(cut=150), False),
        (Fault(cut_answer=10), True),
        (Fault(half_close=True), None),
        (Fault(blackhole=True), False),
    ],
    ids=["cut", "answer cut", "half closed", "black hole"],
)
def test_the_proxy_breaks_a_connection(
    collector: Collecting, fault: Fault, arrives: bool | None
) -> None:
    with Proxying(collector, fault) as proxy:
        with pytest.raises((OSError, http.client.HTTPException)):
            post(proxy, batch(1), timeout=0.5)
        if arrives is not None:
            assert collector.report().distinct == arrives
        assert post(proxy, batch(2))[0] == 200


def test_the_proxy_passes_slowly(collector: Collecting) -> None:
    with Proxying(collector, Fault(latency=0.2), Fault(rate=10_000)) as proxy:
        for numbers in ([1], range(10, 30)):
            begin = time.monotonic()
            assert post(proxy, batch(*numbers))[0] == 200
            assert time.monotonic() - begin >= 0.2


def test_a_seed_draws_the_same_faults() -> None:
    one, same, other = (
        list(itertools.islice(drawn(random.Random(seed), 0.5), 20)) for seed in (1, 1, 2)
    )
    assert one == same != other


def test_a_part_of_the_suite_leaves_the_other_rows_of_the_table() -> None:
    report = Report(events=9, distinct=8, without_id=0, requests=[])
    whole, part = Table(), Table()
    for kind in ("spool", "memory"):
        for fault in ("down", "slow"):
            whole.add(fault, kind, 10, report)
    part.add("late", "memory", 7, report)
    part.add("down", "spool", 20, report, dropped=12)
    part.add("down", "segment-analytics-python", 10, report)
    assert whole.text().removeprefix(HEAD).splitlines() == [
        "| down | ours, in memory | 10 | 8 | 2 | 1 |  |",
        "| down | ours, with a spool | 10 | 8 | 2 | 1 |  |",
        "| slow | ours, in memory | 10 | 8 | 2 | 1 |  |",
        "| slow | ours, with a spool | 10 | 8 | 2 | 1 |  |",
    ]
    assert part.text(whole.text()).removeprefix(HEAD).splitlines() == [
        "| down | ours, in memory | 10 | 8 | 2 | 1 |  |",
        "| down | ours, with a spool | 20 | 8 | 12 | 1 | dropped 12 |",
        "| down | segment-analytics-python | 10 | 8 | 2 | 1 |  |",
        "| slow | ours, in memory | 10 | 8 | 2 | 1 |  |",
        "| slow | ours, with a spool | 10 | 8 | 2 | 1 |  |",
        "| late | ours, in memory | 7 | 8 | 0 | 1 |  |",
    ]
