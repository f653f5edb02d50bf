"""The inspector over HTTP: who may see it, what it shows, and that nothing shown is run."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from delivery.support import Failing
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from segment_identity import Analytics, ConfigurationError, IdentityMiddleware
from segment_identity.inspector import Inspector
from segment_identity.inspector.watching import Watch
from segment_identity.stitching import Policy
from segment_identity.warehouse import Warehouse

TOKEN: Final = "t0ken-of-enough-characters"
HERE: Final = ("127.0.0.1", 50_000)
HOSTILE: Final = "<script>alert(1)</script>\u2028</script><img src=x onerror=alert(2)>\"'"


async def act(request: Request) -> Response:
    """Do what the query says."""
    identity, query = request.state.identity, request.query_params
    if "user" in query:
        identity.identify(query["user"], {"plan": query.get("plan", "free")})
    if "event" in query:
        identity.track(query["event"], {"note": query["event"]})
    return PlainTextResponse("done")


@pytest.fixture
def warehouse(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'analytics.db'}"


@pytest.fixture
def analytics(warehouse: str) -> Iterator[Analytics]:
    made = Analytics(warehouse, shutdown_timeout=20)
    yield made
    made.close()


def site(analytics: Analytics, **options: Any) -> Starlette:
    """Return an app with an inspector."""
    return Starlette(
        routes=[Route("/act", act), Mount("/inspector", Inspector(analytics, **options))],
        middleware=[
            Middleware(
                IdentityMiddleware, secret_key="Rk3vTq9w-YbN2xLm8-tests", analytics=analytics
            )
        ],
    )


def browser(
    app: Starlette, client: tuple[str, int] = HERE, headers: dict[str, str] | None = None
) -> TestClient:
    """Return a browser on this machine."""
    return TestClient(app, "http://localhost", client=client, headers=headers)


def test_on_this_machine_it_shows_who_the_browser_is_and_why(analytics: Analytics) -> None:
    here = browser(site(analytics))
    here.get("/act", params={"user": "ada"})
    page = here.get("/inspector/").text
    assert "Browser and server agree" in page
    assert here.cookies["ajs_anonymous_id"] in page
    assert "ada" in page
    assert "signed" in page
    memory = here.cookies["ajs_identity"]
    assert memory not in page
    assert memory.rpartition(".")[2] not in page


@pytest.mark.parametrize("path", ["/inspector/", "/inspector", "/inspector/stream"])
def test_to_everybody_else_there_is_nothing(analytics: Analytics, path: str) -> None:
    app = site(analytics)
    assert browser(app, ("203.0.113.7", 1)).get(path).status_code == 404
    assert browser(app, headers={"X-Forwarded-For": "127.0.0.1"}).get(path).status_code == 404
    assert browser(app, headers={"Host": "rebound.example"}).get(path).status_code == 404


def test_a_token_opens_it_from_anywhere_and_does_not_stay_in_the_address(
    analytics: Analytics,
) -> None:
    away = browser(site(analytics, token=TOKEN), ("203.0.113.7", 1))
    assert away.get("/inspector/").status_code == 404
    assert away.get("/inspector/", params={"token": TOKEN[:-1]}).status_code == 404
    opened = away.get("/inspector/people?id=ada&token=" + TOKEN, follow_redirects=False)
    assert opened.status_code == 303
    assert opened.headers["location"] == "/inspector/people?id=ada"
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/inspector" in cookie
    assert away.get("/inspector/").status_code == 200
    here = browser(site(analytics, token=TOKEN))
    assert here.get("/inspector/").status_code == 404


def test_every_page_says_what_may_run_in_it(analytics: Analytics, warehouse: str) -> None:
    here = browser(site(analytics, warehouse=warehouse))
    for path in ("", "people", "people?id=x", "portrait", "delivery", "static/inspector.js"):
        headers = here.get(f"/inspector/{path}").headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
    assert here.get("/inspector/static/app.py").status_code == 404
    assert here.get("/inspector/static/..%2Fapp.py").status_code == 404


def test_a_person_is_shown_with_their_past_and_nothing_of_it_is_markup(
    analytics: Analytics, warehouse: str
) -> None:
    here = browser(site(analytics, warehouse=warehouse))
    here.get("/act", params={"event": HOSTILE})
    here.get("/act", params={"user": "ada", "plan": HOSTILE})
    here.get("/act", params={"user": "ada", "plan": "gold"})
    assert analytics.flush(20)
    page = here.get("/inspector/people", params={"id": "ada"}).text
    assert "an anonymous past" in page
    assert "2 values" in page
    assert "gold" in page
    assert here.cookies["ajs_anonymous_id"] in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img" not in page
    by_device = here.get("/inspector/people", params={"id": here.cookies["ajs_anonymous_id"]})
    assert "<h1" in by_device.text
    assert "ada" in by_device.text


@pytest.mark.parametrize(("policy", "owner"), [("first", "ada"), ("last", "bob")])
def test_a_shared_device_is_shown_with_whom_the_policy_gives_it_to(
    tmp_path: Path, policy: Policy, owner: str
) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    with Analytics(Warehouse(url, profiles=policy)) as analytics:
        for number, user in enumerate(("ada", "bob")):
            visitor = analytics.identity(anonymous_id="kiosk-0042", user_id=user)
            visitor.track("Seen", timestamp=f"2026-01-0{number + 1}T12:00:00Z")
        assert analytics.flush(20)
        here = browser(site(analytics, warehouse=url, policy=policy))
        page = here.get("/inspector/people", params={"id": "kiosk-0042"}).text
    assert f'<h1 class="id">{owner}</h1>' in page
    assert "stay apart" in page


@pytest.mark.parametrize("sought", ["nobody", HOSTILE, "x" * 5_000, "user_id:", "\x00"])
def test_an_id_that_nobody_has_is_said_so(
    analytics: Analytics, warehouse: str, sought: str
) -> None:
    here = browser(site(analytics, warehouse=warehouse))
    here.get("/act", params={"user": "ada"})
    assert analytics.flush(20)
    answer = here.get("/inspector/people", params={"id": sought})
    assert answer.status_code == 200
    assert "Nobody has this id" in answer.text
    assert "<script>alert" not in answer.text


def test_a_warehouse_that_is_not_there_yet_is_said_so(analytics: Analytics, tmp_path: Path) -> None:
    here = browser(site(analytics, warehouse=f"sqlite:///{tmp_path / 'later.db'}"))
    assert "There is no warehouse" in here.get("/inspector/people", params={"id": "ada"}).text


def test_a_destination_that_is_away_shows_with_what_waits() -> None:
    away = Failing()
    with Analytics(away, "memory:") as analytics:
        here = browser(site(analytics))
        here.get("/act", params={"event": "Seen"})
        assert not analytics.flush(0.5)
        page = here.get("/inspector/delivery").text
        away.is_up = True
    assert "retrying" in page or "down" in page
    assert "next attempt" in page or "trying now" in page
    assert "well" in page


def test_events_stream_as_they_come_after_those_that_came() -> None:
    watch = Watch()

    async def run() -> list[bytes]:
        for number in range(3):
            watch(json.dumps({"number": number}).encode())
        listener = watch.listen(after=1)
        stream = listener.stream()
        got = [await anext(stream) for _ in range(4)]
        later = asyncio.get_running_loop().run_in_executor(None, watch, b'{"number": 3}')
        got.append(await asyncio.wait_for(anext(stream), 10))
        await later
        watch.forget(listener)
        assert watch.streams == 0
        return got

    assert asyncio.run(run()) == [
        b"retry: 2000\n\n",
        b'id: 2\ndata: {"number": 1}\n\n',
        b'id: 3\ndata: {"number": 2}\n\n',
        b": up to date\n\n",
        b'id: 4\ndata: {"number": 3}\n\n',
    ]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"token": "short"}, "at least 16 random characters"),
        ({"token": 16 * [1]}, "at least 16 random characters"),
        ({"policy": "middle"}, "policy was given 'middle'"),
        ({"warehous": "sqlite:///x.db"}, "mean 'warehouse'"),
    ],
)
def test_a_wrong_option_is_told_in_words(options: dict[str, Any], wanted: str) -> None:
    with Analytics("memory:") as analytics, pytest.raises(ConfigurationError, match=wanted):
        Inspector(analytics, **options)
