"""Whatever fails of ours, the app's answer is served; faults are counted and nothing is raised.

Every fault here is real: an option that is a function raises.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from segment_identity import Analytics, IdentityMiddleware
from segment_identity.destinations import Memory

from .support import DOCUMENT, SECRET


class Broken:
    """A function that works *works* times and raises ever after."""

    def __init__(self, answer: Any = None, *, works: int = 0) -> None:
        self.answer = answer
        self.left = works

    def __call__(self, *_: object) -> Any:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("broken, with ada@example.com in the text")
        return self.answer


def idle(_: Request) -> Response:
    """Never touch the identity."""
    return JSONResponse("served", headers={"x-app": "1"})


def read(request: Request) -> Response:
    """Read everything there is."""
    identity = request.state.identity
    assert isinstance(identity.anonymous_id, str)
    assert identity.user_id is None
    _ = (identity.user_id_hint, identity.traits, identity.is_provisional, identity.to_dict())
    return idle(request)


def act(request: Request) -> Response:
    """Call every verb."""
    identity = request.state.identity
    identity.identify("ada", {"plan": "free"})
    identity.track("Clicked")
    identity.page("Home")
    identity.screen("Home")
    identity.group("acme")
    identity.alias("ada-2")
    identity.set_anonymous_id("device-42")
    identity.reset()
    return idle(request)


ENDPOINTS = {"idle": idle, "read": read, "act": act}
FAULTS: dict[str, Callable[[], dict[str, Any]]] = {
    "clock": lambda: {"clock": Broken()},
    "clock-later": lambda: {"clock": Broken(1_750_000_000.0, works=1)},
    "new-id": lambda: {"new_id": Broken()},
    "new-id-later": lambda: {"new_id": Broken("made-0001", works=1)},
    "user": lambda: {"user": Broken()},
    "exclude": lambda: {"exclude": Broken()},
}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("cookie", ["", "ajs_anonymous_id=device-0042; ajs_user_id=ada"])
def test_answer_is_served_and_the_fault_is_counted(
    stack: ExitStack,
    caplog: pytest.LogCaptureFixture,
    endpoint: str,
    fault: str,
    cookie: str,
) -> None:
    analytics = stack.enter_context(Analytics(Memory()))
    options = FAULTS[fault]()
    app = Starlette(
        routes=[Route("/", ENDPOINTS[endpoint])],
        middleware=[
            Middleware(IdentityMiddleware, secret_key=SECRET, analytics=analytics, **options)
        ],
    )
    client = TestClient(app, headers={**DOCUMENT, **({"Cookie": cookie} if cookie else {})})
    for _ in range(2):
        answer = client.get("/")
        assert (answer.status_code, answer.json(), answer.headers["x-app"]) == (200, "served", "1")
    # One id is enough for a visitor who only looks; one the browser brought needs none.
    suffices = fault == "new-id-later" or (fault == "new-id" and cookie)
    if endpoint == "act":
        suffices = False
    assert (sum(analytics.stats().faults.values()) > 0) is not bool(suffices)
    assert "ada" not in caplog.text


def test_same_fault_is_logged_once_a_minute(
    stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    analytics = stack.enter_context(Analytics(Memory()))
    app = Starlette(
        routes=[Route("/", idle)],
        middleware=[
            Middleware(IdentityMiddleware, secret_key=SECRET, analytics=analytics, exclude=Broken())
        ],
    )
    client = TestClient(app, headers=DOCUMENT)
    for _ in range(5):
        client.get("/")
    assert len(caplog.records) == 1
    assert analytics.stats().faults["exclude"] == 5


def test_destination_that_fails_is_not_felt(stack: ExitStack) -> None:
    class Dead(Memory):
        is_up = False

        def send(self, batch: Any, /) -> None:
            if not self.is_up:
                raise ConnectionError
            super().send(batch)

    dead = Dead()
    analytics = Analytics(dead)
    app = Starlette(
        routes=[Route("/", act)],
        middleware=[Middleware(IdentityMiddleware, secret_key=SECRET, analytics=analytics)],
    )
    client = TestClient(app, headers=DOCUMENT)
    for _ in range(20):
        assert client.get("/").json() == "served"
    stats = analytics.stats()
    assert (stats.accepted, stats.pending) == (120, 120)
    dead.is_up = True
    assert analytics.close(30)
    assert len(dead.messages) == 120


@pytest.mark.parametrize("verb", ["track", "page", "identify"])
def test_outside_a_request_faults_are_not_felt_either(stack: ExitStack, verb: str) -> None:
    analytics = stack.enter_context(Analytics(Memory(), clock=Broken(), new_id=Broken()))
    getattr(analytics.identity(anonymous_id="device-0042"), verb)("some-name")
    assert sum(analytics.stats().faults.values()) > 0
