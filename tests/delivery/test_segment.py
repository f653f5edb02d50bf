"""The Tracking API as a destination, over real sockets."""

import base64
import logging
import math
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from segment_identity import Analytics, ConfigurationError, Fault, Unavailable, Undeliverable
from segment_identity.destinations import Segment

from .support import PATIENCE, abandon, adds_up, emit, run
from .tracking_api import TAKEN, tracking_api


def test_a_batch_is_what_segment_documents() -> None:
    with tracking_api() as api:
        with Analytics(api.url) as analytics:
            analytics.identity(user_id="ada").track("One", {"number": 1})
        (request,) = api.requests
    assert request.path == "/v1/batch"
    assert set(request.body) == {"batch", "sentAt"}
    (message,) = request.body["batch"]
    assert (message["event"], message["properties"]) == ("One", {"number": 1})
    assert message["timestamp"] <= request.body["sentAt"]
    credentials = base64.b64encode(b"write-key-1:").decode()
    assert request.headers["Authorization"] == f"Basic {credentials}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("segment_identity/")
    assert "X-Retry-Count" not in request.headers


def test_a_large_batch_is_compressed_and_a_small_one_is_not() -> None:
    with tracking_api() as api:
        with Analytics(api.url) as analytics:
            emit(analytics, "Small")
            assert analytics.flush(PATIENCE)
            emit(analytics, *["Large"] * 50)
        small, large = api.requests
    assert small.headers["Content-Encoding"] is None
    assert large.headers["Content-Encoding"] == "gzip"
    assert len(large.raw) * 5 < sum(len(str(each)) for each in large.body["batch"])
    with tracking_api() as api:
        with Analytics(Segment(api.url, compress=False)) as analytics:
            emit(analytics, *["Large"] * 50)
        assert api.requests[0].headers["Content-Encoding"] is None


@pytest.mark.parametrize("missing", ["isal", "none_of_these"])
def test_a_batch_is_compressed_with_or_without_isal(missing: str) -> None:
    with tracking_api() as api:
        run(COMPRESSED, missing, api.url)
    assert [each["event"] for each in api.requests[0].body["batch"]] == ["Large"] * 50
    assert api.requests[0].headers["Content-Encoding"] == "gzip"


COMPRESSED = """
import importlib.util
import sys
has_isal = sys.argv[1] != "isal" and importlib.util.find_spec("isal") is not None
sys.modules[sys.argv[1]] = None
from delivery.support import emit
from segment_identity import Analytics
with Analytics(sys.argv[2]) as analytics:
    emit(analytics, *["Large"] * 50)
assert ("isal.isal_zlib" in sys.modules) == has_isal
"""


def test_batches_wait_for_company_and_go_over_one_kept_connection() -> None:
    with tracking_api() as api, Analytics(Segment(api.url, linger=0.3)) as analytics:
        for round_ in range(3):
            for number in range(10):
                emit(analytics, f"Event {round_}-{number}")
            assert analytics.flush(PATIENCE)
    assert [len(each.events) for each in api.requests] == [10, 10, 10]
    assert len({id(each.connection) for each in api.requests}) == 1


@pytest.mark.parametrize("status", [500, 429])
def test_a_passing_failure_is_tried_again_with_its_count_and_a_new_time(status: int) -> None:
    with tracking_api((status, {}), (status, {})) as api:
        with Analytics(api.url, shutdown_timeout=PATIENCE) as analytics:
            emit(analytics, "One")
        first, second, third = api.requests
    assert [each.headers["X-Retry-Count"] for each in api.requests] == [None, "1", "2"]
    assert first.body["batch"] == second.body["batch"] == third.body["batch"]
    assert first.body["sentAt"] < second.body["sentAt"] < third.body["sentAt"]
    assert analytics.stats().delivered == 1


def test_retries_are_counted_for_each_batch_anew() -> None:
    with tracking_api((500, {}), TAKEN, (500, {})) as api, Analytics(api.url) as analytics:
        for name in ("One", "Two"):
            emit(analytics, name)
            assert analytics.flush(PATIENCE)
    assert [each.headers["X-Retry-Count"] for each in api.requests] == [None, "1", None, "1"]


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed(form: str) -> None:
    until = datetime.fromtimestamp(time.time() + 2, UTC)
    wait = "2" if form == "seconds" else format_datetime(until, usegmt=True)
    with tracking_api((429, {"Retry-After": wait})) as api, Analytics(api.url) as analytics:
        emit(analytics, "One")
        time.sleep(0.7)
        began = len(api.requests)
        assert analytics.flush(PATIENCE)
    # An HTTP date has whole seconds, so it may ask for a little less than two.
    assert began == 1
    assert len(api.requests) == 2


@pytest.mark.parametrize("status", [400, 413])
def test_one_bad_event_costs_no_other(status: int) -> None:
    with tracking_api(poison="Poison") as api:
        faults: list[Fault] = []
        with Analytics(api.url, on_error=faults.append) as analytics:
            emit(analytics, *["Good"] * 63, "Poison", *["Good"] * 36)
    stats = analytics.stats()
    assert (stats.delivered, stats.dead_lettered, stats.pending) == (99, 1, 0)
    assert len(api.taken) == 99
    assert len(api.requests) <= 16
    assert [each.reason for each in faults] == ["dead_lettered"]


@pytest.mark.parametrize("status", [302, 401, 404])
def test_a_wrong_key_or_address_pauses_and_alarms_and_loses_nothing(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with tracking_api(*[(status, {"Location": "/elsewhere"})] * 50) as api:
        faults: list[Fault] = []
        analytics = Analytics(api.url, on_error=faults.append, shutdown_timeout=0.1)
        emit(analytics, *["Event"] * 20)
        assert not analytics.flush(0.8)
        abandon(analytics)
        stats = analytics.stats()
        assert len(api.requests) == 1
    assert (stats.pending, stats.dead_lettered, stats.delivered) == (20, 0, 0)
    assert adds_up(stats)
    assert {each.reason for each in faults} == {"unauthorized"}
    assert "unauthorized" in caplog.text
    emptied = Segment(api.url, timeout=0.2)
    assert "write-key-1" not in caplog.text + repr(emptied) + str(faults)


def test_a_server_that_is_not_there_is_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    analytics = Analytics(f"http://key@127.0.0.1:{port}/v1", shutdown_timeout=0.1)
    emit(analytics, "One")
    assert not analytics.flush(0.5)
    assert analytics.stats().pending == 1
    abandon(analytics)


def test_a_server_that_never_answers_is_given_up_on_and_asked_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        faults: list[Fault] = []
        analytics = Analytics(
            Segment(f"http://key@127.0.0.1:{port}/v1", timeout=0.2),
            on_error=faults.append,
            shutdown_timeout=0.1,
        )
        emit(analytics, "One")
        assert not analytics.flush(1.5)
        abandon(analytics)
    assert len(faults) >= 2
    assert {each.reason for each in faults} == {"retrying"}


def test_several_connections_keep_the_order_of_every_visitor() -> None:
    with tracking_api((500, {}), TAKEN, (503, {})) as api:
        destination = Segment(api.url, connections=4, linger=0.01)
        with Analytics(destination, shutdown_timeout=PATIENCE) as analytics:
            visitors = [analytics.identity(anonymous_id=f"visitor-{n:02}") for n in range(20)]
            for number in range(100):
                for each in visitors:
                    each.track("Seen", {"number": number})
        connections = {id(each.connection) for each in api.requests}
    assert len(api.taken) == 2_000
    assert len(connections) > 1
    for each in visitors:
        numbers = [
            message["properties"]["number"]
            for message in api.taken
            if message["anonymousId"] == each.anonymous_id
        ]
        assert numbers == list(range(100))


def test_a_closed_destination_is_opened_again_by_the_next_event() -> None:
    with tracking_api() as api:
        analytics = Analytics(api.url)
        for name in ("One", "Two"):
            emit(analytics, name)
            assert analytics.close(PATIENCE)
    assert [each.events for each in api.requests] == [["One"], ["Two"]]


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with tracking_api() as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:secret@127.0.0.1:{proxy.server_address[1]}")
        monkeypatch.setenv("no_proxy", "other.example")
        with Analytics("http://key@collector.example/v1") as analytics:
            emit(analytics, "One")
        (request,) = proxy.requests
    assert request.path == "http://collector.example:80/v1/batch"
    credentials = base64.b64encode(b"me:secret").decode()
    assert request.headers["Proxy-Authorization"] == f"Basic {credentials}"


def test_no_key_is_logged_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with tracking_api((500, {}), (400, {})) as api, Analytics(api.url) as analytics:
        emit(analytics, "One", email="ada@example.com")
        assert analytics.flush(PATIENCE)
    assert "write-key-1" not in caplog.text
    assert base64.b64encode(b"write-key-1:").decode() not in caplog.text
    assert "ada@" not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "https://api.segment.io/v1",
        "https://@api.segment.io/v1",
        "https://key@/v1",
        "https://key@[::1/v1",
        "https://key@host:port/v1",
        "https://key@host:99999/v1",
        "https://key@host:0/v1",
        "https://key@ho st/v1",
        "https://key@host/v1?gzip=no",
        "https://key@host/v1#here",
        "ftp://key@host/v1",
        "https:key@host",
    ],
)
def test_a_url_that_cannot_work_is_refused_without_showing_the_key(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"WRITE_KEY@api\.segment\.io") as caught:
        Segment(url)
    assert "key@" not in str(caught.value).replace("WRITE_KEY@", "")


@pytest.mark.parametrize(
    "options",
    [{"connections": 0}, {"linger": -1}, {"timeout": 0}, {"timeout": "3"}, {"clock": 7}],
)
def test_an_option_that_cannot_work_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=f"^{min(options)} was given"):
        Segment("https://key@host/v1", **options)  # type: ignore[arg-type]


WITHOUT = """
import sys
sys.modules["urllib3"] = None
import segment_identity
from segment_identity.destinations import Segment
try:
    segment_identity.Analytics("https://key@api.segment.io/v1")
except segment_identity.MissingExtra as error:
    print(error)
"""


def test_without_its_extra_the_package_works_and_says_what_to_install() -> None:
    said = run(WITHOUT)
    assert "pip install 'segment-identity[http]'" in said
    assert "key" not in said


class _Hinting(BaseHTTPRequestHandler):
    """Says of the first request that the answer comes, and then that all is well; no to others."""

    protocol_version = "HTTP/1.1"
    requests = 0

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        _Hinting.requests += 1
        if _Hinting.requests == 1:
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            time.sleep(0.3)
            self.send_response(200)
        else:
            self.send_response(400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


def test_an_answer_that_comes_after_a_hint_is_not_taken_for_that_of_the_next_batch() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hinting) as server:
        threading.Thread(target=server.serve_forever).start()
        segment = Segment(f"http://key@127.0.0.1:{server.server_port}/v1")
        with pytest.raises(Unavailable, match="103"):
            segment.send([b'{"n":1}'])
        with pytest.raises(Undeliverable, match="400"):
            segment.send([b'{"n":2}'])
        segment.close()
        server.shutdown()


@pytest.mark.parametrize("clock", [lambda: math.nan, lambda: 1 / 0, lambda: None])
def test_a_clock_that_says_no_time_costs_no_event(clock: Callable[[], float]) -> None:
    with tracking_api() as api:
        segment = Segment(api.url, clock=clock)
        segment.send([b'{"type":"track","event":"One"}'])
        segment.close()
    assert api.requests[0].events == ["One"]
