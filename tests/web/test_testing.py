"""`segment_identity.testing`: what people test their apps with."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from segment_identity import Analytics, IdentityMiddleware
from segment_identity.destinations import Memory
from segment_identity.testing import Captured, capture

from .support import SECRET


def sign_up(request: Request) -> Response:
    """Sign somebody up."""
    identity = request.state.identity
    identity.page("Welcome", {"theme": "dark"})
    identity.identify("ada", {"plan": "free"})
    identity.track("Signed Up", {"plan": "free", "seats": 3})
    return HTMLResponse("<p>Hi")


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def client(memory: Memory) -> TestClient:
    return TestClient(
        Starlette(
            routes=[Route("/", sign_up)],
            middleware=[
                Middleware(IdentityMiddleware, secret_key=SECRET, analytics=Analytics(memory))
            ],
        )
    )


def test_fixture_sees_what_the_app_records(client: TestClient, captured_events: Captured) -> None:
    client.get("/")
    tracked = captured_events.assert_tracked("Signed Up", {"plan": "free"}, user_id="ada", times=1)
    assert tracked["properties"] == {"plan": "free", "seats": 3}
    identified = captured_events.assert_identified("ada", {"plan": "free"}, times=1)
    assert identified["anonymousId"] == client.cookies["ajs_anonymous_id"]
    captured_events.assert_identified(anonymous_id=client.cookies["ajs_anonymous_id"])
    captured_events.assert_page("Welcome", {"theme": "dark"})
    captured_events.assert_page()
    assert [each["type"] for each in captured_events] == ["page", "identify", "track"]
    assert captured_events.of_type("track") == [tracked]
    assert len(captured_events) == 3
    captured_events.clear()
    captured_events.assert_nothing()


def test_nothing_reaches_destinations(client: TestClient, memory: Memory) -> None:
    with capture() as captured:
        client.get("/")
    assert len(captured) == 3
    assert memory.messages == []


def test_accounts_say_that_events_were_captured() -> None:
    analytics = Analytics("memory:")
    with capture():
        analytics.identity(user_id="ada").track("Seen")
    stats = analytics.stats()
    assert (stats.accepted, stats.dropped) == (1, {"captured": 1})


def test_after_capture_events_go_their_way(client: TestClient) -> None:
    memory = Memory()
    with Analytics(memory) as analytics:
        with capture():
            analytics.identity(user_id="ada").track("Captured")
        analytics.identity(user_id="ada").track("Sent")
    assert [each["event"] for each in memory.messages] == ["Sent"]


def test_captures_may_be_nested() -> None:
    analytics = Analytics("memory:")
    with capture() as outer, capture() as inner:
        analytics.identity(user_id="ada").track("Seen")
    assert (len(outer), len(inner)) == (1, 1)


def test_capture_ends_with_an_exception() -> None:
    memory = Memory()
    with Analytics(memory) as analytics:
        with pytest.raises(RuntimeError), capture():
            raise RuntimeError
        analytics.identity(user_id="ada").track("Sent")
    assert len(memory.messages) == 1


@pytest.fixture
def captured() -> Captured:
    analytics = Analytics("memory:")
    with capture() as seen:
        ada = analytics.identity(anonymous_id="device-0042")
        ada.identify("ada", {"plan": "free"})
        ada.track("Signed Up", {"plan": "free"})
        ada.page("Welcome")
    return seen


def failure(assertion: object, *args: object, **options: object) -> str:
    """Return what an assertion that must fail says."""
    assert callable(assertion)
    with pytest.raises(AssertionError) as caught:
        assertion(*args, **options)
    return str(caught.value)


def test_failure_shows_what_was_expected_and_what_was_recorded(captured: Captured) -> None:
    said = failure(captured.assert_tracked, "Signed up", {"plan": "gold"}, user_id="ada")
    assert "event='Signed up'" in said
    assert "userId='ada'" in said
    assert "{'plan': 'gold'}" in said
    for part in ("track 'Signed Up'", "'ada'", "'device-0042'", "{'plan': 'free'}", "identify"):
        assert part in said


def test_failure_tells_a_wrong_property_from_a_wrong_name(captured: Captured) -> None:
    said = failure(captured.assert_tracked, "Signed Up", {"plan": "gold"})
    assert "with properties {'plan': 'gold'}" in said


def test_failure_tells_how_often(captured: Captured) -> None:
    said = failure(captured.assert_tracked, "Signed Up", times=2)
    assert "expected 2" in said
    assert "found 1" in said


def test_other_failures_show_what_was_recorded_too(captured: Captured) -> None:
    for said in (
        failure(captured.assert_identified, "bob"),
        failure(captured.assert_identified, traits={"plan": "gold"}),
        failure(captured.assert_page, "Home"),
        failure(captured.assert_nothing),
    ):
        assert "track 'Signed Up'" in said


def test_zero_times_is_a_fair_question(captured: Captured) -> None:
    captured.assert_tracked("Never Done", times=0)
    assert "found 1" in failure(captured.assert_tracked, "Signed Up", times=0)


def test_failure_with_nothing_recorded_says_so() -> None:
    with capture() as seen:
        pass
    assert "nothing was recorded" in failure(seen.assert_tracked, "Signed Up")
    assert "nothing was recorded" in repr(seen)
