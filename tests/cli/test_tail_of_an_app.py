"""Following a running app by its inspector, over real HTTP."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from servers import in_thread
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from segment_identity import Analytics, ConfigurationError, Unauthorized, Unavailable
from segment_identity.inspector import Inspector
from segment_identity.tailing import tail

from .test_command import command, running

TOKEN = 't0ken; of "enough" characters'


@pytest.fixture
def analytics() -> Iterator[Analytics]:
    with Analytics("memory:") as made:
        yield made


@contextmanager
def serving(analytics: Analytics, token: str | None = None) -> Iterator[str]:
    """Serve an app with an inspector and give that one's address."""
    app = Starlette(routes=[Mount("/inspector", Inspector(analytics, token=token))])
    with in_thread(app, timeout_graceful_shutdown=1) as port:
        yield f"http://127.0.0.1:{port}/inspector"


def happen(analytics: Analytics, *names: str) -> None:
    for name in names:
        analytics.identity(user_id="ada").track(name)
    analytics.identity(user_id="ada").page("Home")


def test_the_last_events_are_shown_and_then_each_that_happens(analytics: Analytics) -> None:
    with serving(analytics, TOKEN) as url:
        happen(analytics, "One", "Two", "Three")
        secret = {"SEGMENT_IDENTITY_TOKEN": TOKEN}
        only = ("--json", "-n", "2", "--type", "track")
        with running("tail", url, *only, environment=secret) as process:
            assert process.stdout is not None
            assert [json.loads(process.stdout.readline())["event"] for _ in range(2)] == [
                "Two",
                "Three",
            ]
            happen(analytics, "Four")
            assert json.loads(process.stdout.readline())["event"] == "Four"
            process.send_signal(signal.SIGINT)
            out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) == (0, "", "")


def test_without_following_it_ends_with_what_there_is(analytics: Analytics) -> None:
    with serving(analytics) as url:
        # Nobody is asked for a token on the same machine.
        happen(analytics, "One")
        found = [each["type"] for each in tail(f"{url}/", follow=False)]
        assert list(tail(url, last=0, follow=False)) == []
    assert found == ["track", "page"]


def test_who_has_no_token_is_told_so(analytics: Analytics) -> None:
    with serving(analytics, TOKEN) as url:
        for wrong in (None, "another"):
            with pytest.raises(Unauthorized, match="without its token"):
                list(tail(url, token=wrong, follow=False))
        done = command("tail", url, "--token", "another-0123456789")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "another" not in done.stderr


def test_what_is_no_inspector_is_told_so() -> None:
    app = Starlette(routes=[Route("/stream", lambda _: PlainTextResponse("Hi"))])
    with in_thread(app) as port, pytest.raises(Unavailable, match="answers 200 where"):
        list(tail(f"http://127.0.0.1:{port}", follow=False))


@pytest.mark.parametrize(
    "url",
    ["http://", "http://host:port/", "https://u:p@host/", "http://host/inspector?token=s3cret"],
)
def test_an_address_that_cannot_be_is_told_at_the_call(url: str) -> None:
    with pytest.raises(ConfigurationError, match="want http://host/inspector, and its") as caught:
        tail(url)
    assert "s3cret" not in str(caught.value)


def test_nobody_there_is_told_at_first_and_waited_for_later(analytics: Analytics) -> None:
    stop, told, seen = threading.Event(), threading.Event(), list[str]()
    why: list[str] = []

    def wait(reason: str) -> None:
        why.append(reason)
        told.set()

    def follow(url: str) -> None:
        for message in tail(url, waiting=wait, stop=stop):
            seen.append(message["event"])

    with serving(analytics) as url:
        analytics.identity(user_id="ada").track("One")
        follower = threading.Thread(target=follow, args=(url,))
        follower.start()
        while not seen:
            stop.wait(0.01)
    assert told.wait(30)
    stop.set()
    follower.join(30)
    assert (seen, follower.is_alive()) == (["One"], False)
    assert why == ["127.0.0.1 has ended the stream"]
    with pytest.raises(Unavailable, match="does not answer"):
        list(tail(url))


@pytest.mark.parametrize("arguments", [(), ("sqlite:///a.db",), ("--token", TOKEN)])
def test_the_command_says_what_can_be_followed(arguments: tuple[str, ...]) -> None:
    done = command("tail", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "inspector" in done.stderr
