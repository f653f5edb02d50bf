"""Calls of the server which the next page makes again in the browser."""

import json
import logging
import re
from typing import Any, Final

import pytest
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from segment_identity import Analytics, Identity, InvalidCall
from segment_identity.browser import snippet
from segment_identity.pending import LIFE, ROOM
from segment_identity.testing import capture

from .support import DOCUMENT, HTTPS, Acts, Page, Site, Sites, set_cookies


def act_and_go_on(identity: Identity) -> Response:
    identity.track("Signed Up", {"plan": "pro"}, browser=True)
    return RedirectResponse("/page", 303)


def sign_up(identity: Identity) -> Response:
    identity.identify("ada", {"plan": "pro"}, browser=True)
    return act_and_go_on(identity)


ACTS: Final[Acts] = {
    "/act": act_and_go_on,
    "/sign-up": sign_up,
    "/act-again": lambda identity: identity.track("Again", browser=True),
    "/bob": lambda identity: identity.identify("bob"),
    "/out": lambda identity: identity.reset(),
    "/steps": lambda identity: RedirectResponse("/more-steps", 303),
    "/more-steps": lambda identity: RedirectResponse("/page", 303),
    "/large": lambda identity: identity.track("Large", {"text": "x" * ROOM}, browser=True),
}
SHARED: Final = {"Cache-Control": "public, max-age=60", "CDN-Cache-Control": "max-age=60"}


def page(request: Request) -> Response:
    return HTMLResponse(f"<head>{snippet(request, write_key='w')}</head>")


def shared_page(request: Request) -> Response:
    return HTMLResponse(f"<head>{snippet(request, write_key='w')}</head>", headers=SHARED)


def viewed(request: Request) -> Response:
    request.state.identity.track("Viewed", browser=True)
    answer = page(request)
    request.state.identity.track("Viewed Late", browser=True)
    return answer


PAGES: Final[dict[str, Page]] = {"/page": page, "/shared": shared_page, "/viewed": viewed}


def waiting(response: Any) -> list[Any]:
    """Return the calls that a page makes when it opens."""
    told = re.search(r"\}\)\((\{.*\})\)</script>", response.text)
    assert told is not None, response.text
    calls: list[Any] = json.loads(told[1]).get("pending", {}).get("calls", [])
    return calls


def events(response: Any) -> list[Any]:
    return [call[1] for call in waiting(response)]


@pytest.fixture
def site(open_site: Sites) -> Site:
    opened = open_site(ACTS, pages=PAGES)
    opened.client.follow_redirects = False
    opened.go()
    return opened


def test_a_call_survives_a_redirect_and_is_made_once(site: Site) -> None:
    answer = site.submit("/sign-up")
    assert answer.headers["location"] == "/page"
    calls = waiting(site.go("/page"))
    sent = site.events()
    assert [message["type"] for message in sent] == ["identify", "track"]
    assert calls == [
        ["identify", "ada", {"plan": "pro"}, calls[0][-1]],
        ["track", "Signed Up", {"plan": "pro"}, calls[1][-1]],
    ]
    for call, message in zip(calls, sent, strict=True):
        assert call[-1] == {
            "messageId": message["messageId"],
            "timestamp": message["timestamp"],
            "integrations": {"Segment.io": False},
        }
    assert waiting(site.go("/page")) == []
    assert len(site.events()) == 2


def test_the_cookie_is_signed_brief_and_out_of_reach_of_scripts(site: Site) -> None:
    cookie = set_cookies(site.submit("/act"))["ajs_pending"]
    assert {name: said for name, said in cookie.items() if name not in ("value", "expires")} == {
        "max-age": str(LIFE),
        "path": "/",
        "samesite": "Lax",
        "httponly": "",
    }
    assert "Signed" not in cookie["value"]


@pytest.mark.parametrize(
    ("options", "name", "more"),
    [
        ({}, "__Host-ajs_pending", {"secure": ""}),
        (
            {"cookie_domain": "shop.example"},
            "__Secure-ajs_pending",
            {"secure": "", "domain": "shop.example"},
        ),
    ],
)
def test_the_cookie_has_the_scope_of_the_identity(
    open_site: Sites, options: dict[str, Any], name: str, more: dict[str, str]
) -> None:
    site = open_site(ACTS, pages=PAGES, base_url=HTTPS, **options)
    site.client.follow_redirects = False
    cookie = set_cookies(site.submit("/act"))[name]
    assert more.items() <= cookie.items()
    answer = site.go("/page")
    assert events(answer) == ["Signed Up"]
    gone = [line for line in answer.headers.get_list("set-cookie") if line.startswith(name)]
    assert gone
    assert all("Max-Age=0" in line for line in gone)
    assert site.client.cookies.get(name) is None


def test_a_response_with_calls_is_kept_out_of_caches(site: Site) -> None:
    for answer in (site.submit("/act"), site.go("/page")):
        assert answer.headers["cache-control"] == "private"
        assert answer.headers["vary"] == "Cookie"


def test_calls_survive_several_redirects(site: Site) -> None:
    site.submit("/act")
    site.go("/steps")
    site.go("/more-steps")
    assert events(site.go("/page")) == ["Signed Up"]


def test_calls_of_several_requests_wait_together(site: Site) -> None:
    site.submit("/act")
    site.submit("/act-again")
    assert events(site.go("/page")) == ["Signed Up", "Again"]


def test_a_page_without_snippet_leaves_calls_to_the_next(site: Site) -> None:
    site.submit("/act")
    assert "set-cookie" not in site.go("/").headers
    assert events(site.go("/page")) == ["Signed Up"]


def test_a_page_makes_the_calls_of_its_own_request(site: Site) -> None:
    answer = site.go("/viewed")
    assert events(answer) == ["Viewed"]
    assert events(site.go("/page")) == ["Viewed Late"]


def test_calls_of_the_request_follow_those_that_waited(site: Site) -> None:
    site.submit("/act")
    assert events(site.go("/viewed")) == ["Signed Up", "Viewed"]
    assert events(site.go("/page")) == ["Viewed Late"]


def test_a_page_of_the_own_request_needs_no_cookie(open_site: Sites) -> None:
    def once(request: Request) -> Response:
        request.state.identity.track("Viewed", browser=True)
        return page(request)

    site = open_site(pages={"/": once})
    assert events(site.go()) == ["Viewed"]
    assert "set-cookie" not in site.go().headers


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Sec-Purpose": "prefetch"}, id="a prefetch"),
        pytest.param({"Sec-Purpose": "prefetch;prerender"}, id="a prerender"),
        pytest.param({"Sec-Fetch-Dest": "empty"}, id="a fetch"),
    ],
)
def test_a_page_nobody_opened_leaves_the_calls_alone(site: Site, headers: dict[str, str]) -> None:
    site.submit("/act")
    answer = site.go("/page", **headers)
    assert waiting(answer) == []
    assert "set-cookie" not in answer.headers
    assert events(site.go("/page")) == ["Signed Up"]


def test_a_page_asked_for_its_headers_leaves_the_calls_alone(site: Site) -> None:
    site.submit("/act")
    assert "set-cookie" not in site.client.head("/page", headers=DOCUMENT).headers
    assert events(site.go("/page")) == ["Signed Up"]


@pytest.mark.parametrize("path", ["/bob", "/out"])
def test_a_call_is_never_made_for_somebody_else(site: Site, path: str) -> None:
    site.submit("/sign-up")
    site.go(path)
    answer = site.go("/page")
    assert waiting(answer) == []
    assert site.cookie("ajs_pending") is None


def test_what_a_person_did_before_leaving_is_not_made_for_the_next(open_site: Sites) -> None:
    def leave(identity: Identity) -> None:
        identity.track("Logged Out", browser=True)
        identity.reset()

    site = open_site({**ACTS, "/leave": leave}, pages=PAGES)
    site.go("/bob")
    assert "ajs_pending" not in set_cookies(site.submit("/leave"))
    assert waiting(site.go("/page")) == []


def test_a_stolen_cookie_is_of_no_use(site: Site, open_site: Sites) -> None:
    site.submit("/sign-up")
    thief = open_site(ACTS, pages=PAGES)
    thief.go()
    thief.write(ajs_pending=site.client.cookies["ajs_pending"])
    assert waiting(thief.go("/page")) == []


def test_a_call_that_waited_too_long_is_not_made(site: Site) -> None:
    site.submit("/act")
    kept = site.client.cookies["ajs_pending"]
    site.clock.now += LIFE + 600
    site.write(ajs_pending=kept)
    assert waiting(site.go("/page")) == []


def test_what_does_not_fit_costs_the_server_nothing(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "segment_identity"):
        for _ in range(2):
            answer = site.submit("/large")
            assert "ajs_pending" not in set_cookies(answer)
    assert len(site.events("track")) == 2
    assert [record.getMessage() for record in caplog.records] == [
        "calls with browser=True were too large or too many to wait for the next page "
        "(together 2048 bytes); only the server has them"
    ]


def test_a_public_page_with_calls_of_somebody_is_made_private(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    public = site.go("/shared").headers
    assert public["cache-control"] == "public, max-age=60"
    site.submit("/act")
    with caplog.at_level(logging.WARNING, "segment_identity"):
        answer = site.go("/shared")
    assert events(answer) == ["Signed Up"]
    assert answer.headers["cache-control"] == "private"
    assert "cdn-cache-control" not in answer.headers
    assert site.cookie("ajs_pending") is None
    assert "made private" in caplog.text
    assert site.go("/shared").headers["cache-control"] == "public, max-age=60"


def test_a_public_redirect_carries_no_calls(
    open_site: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    def act(request: Request) -> Response:
        request.state.identity.track("Signed Up", browser=True)
        return RedirectResponse("/page", headers=SHARED)

    site = open_site(pages={"/act": act, **PAGES})
    site.go()
    with caplog.at_level(logging.WARNING, "segment_identity"):
        assert waiting(site.go("/act")) == []
    assert "shared caches" in caplog.text


def test_what_is_not_recorded_is_not_made_either(site: Site) -> None:
    site.write(ajs_optout="1")
    site.submit("/act")
    assert site.cookie("ajs_pending") is None
    assert site.events() == []


def nobody_wants(message: dict[str, Any]) -> None:
    return None


def breaks(message: dict[str, Any]) -> None:
    raise RuntimeError("broken")


@pytest.mark.parametrize(
    "options", [{"before_send": nobody_wants}, {"before_send": breaks}, {"sample": 0.0}]
)
def test_what_the_app_has_dropped_is_not_made_either(
    open_site: Sites, options: dict[str, Any]
) -> None:
    with Analytics("memory:", **options) as analytics:
        site = open_site(ACTS, pages=PAGES, analytics=analytics)
        site.client.follow_redirects = False
        site.go()
        site.submit("/act")
        assert site.cookie("ajs_pending") is None
        assert waiting(site.go("/page")) == []


def test_what_the_app_has_changed_is_made_as_it_was_sent(open_site: Sites) -> None:
    """What `before_send` takes out of an event may not go to a third party in the browser."""

    def sparing(message: dict[str, Any]) -> dict[str, Any]:
        message["properties"].pop("email", None)
        message["context"]["campaign"].pop("term", None)
        message["event"] = message["event"].upper()
        return message

    def act(request: Request) -> Response:
        request.state.identity.track(
            "Joined",
            {"email": "ada@example.com", "plan": "pro"},
            context={"campaign": {"name": "spring", "term": "ada"}, "app": {"name": "shop"}},
            browser=True,
        )
        return page(request)

    with Analytics("memory:", before_send=sparing) as analytics:
        site = open_site(pages={"/act": act}, analytics=analytics)
        ((method, event, properties, options),) = waiting(site.go("/act"))
    assert (method, event, properties) == ("track", "JOINED", {"plan": "pro"})
    assert options["context"] == {"campaign": {"name": "spring"}, "app": {"name": "shop"}}


def test_an_event_that_the_app_leaves_in_no_shape_for_a_page_is_the_servers_alone(
    open_site: Sites,
) -> None:
    def odd(message: dict[str, Any]) -> dict[str, Any]:
        return {"messageId": message["messageId"], "type": "track", "properties": 7}

    with Analytics("memory:", before_send=odd) as analytics:
        site = open_site(ACTS, pages=PAGES, analytics=analytics)
        site.client.follow_redirects = False
        site.submit("/act")
        assert waiting(site.go("/page")) == []
        stats = analytics.stats()
    assert (stats.accepted, stats.dropped, stats.faults) == (1, {}, {"browser": 1})


def test_what_a_test_captures_is_made_as_ever(site: Site) -> None:
    with capture() as captured:
        site.submit("/act")
    assert len(captured.messages) == 1
    assert events(site.go("/page")) == ["Signed Up"]


@pytest.mark.parametrize("verb", ["identify", "track", "page", "screen", "group", "alias"])
def test_every_verb_that_records_can_be_made_again(open_site: Sites, verb: str) -> None:
    def act(identity: Identity) -> None:
        getattr(identity, verb)("some-name", browser=True)

    site = open_site({"/": act}, pages=PAGES)
    site.go()
    assert [call[0] for call in waiting(site.go("/page"))] == [verb]


@pytest.mark.parametrize("given", [1, "yes", None])
def test_browser_is_true_or_false(given: Any) -> None:
    with Analytics("memory:") as analytics, pytest.raises(InvalidCall, match="as browser; want a"):
        analytics.identity(user_id="u-1").track("Renewed", browser=given)


def test_a_job_has_no_page(caplog: pytest.LogCaptureFixture) -> None:
    with Analytics("memory:") as analytics, caplog.at_level(logging.WARNING, "segment_identity"):
        analytics.identity(user_id="u-1").track("Renewed", browser=True)
        analytics.identity(user_id="u-1").track("Renewed", browser=True)
        assert analytics.stats().accepted == 2
    assert [record.getMessage() for record in caplog.records] == [
        "a call with browser=True was made where no page can follow (in a job, on a websocket, "
        "once the response had begun, or with the middleware's browser=False); "
        "only the server has it"
    ]


def test_a_call_after_the_response_began_is_the_servers_alone(
    open_site: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    def late(request: Request) -> Response:
        identity = request.state.identity

        def act() -> None:
            identity.track("Late", browser=True)

        answer = PlainTextResponse("")
        answer.background = BackgroundTask(act)
        return answer

    site = open_site(pages={"/late": late, **PAGES})
    with caplog.at_level(logging.WARNING, "segment_identity"):
        site.go("/late")
    assert len(site.events("track")) == 1
    assert "no page can follow" in caplog.text
    assert waiting(site.go("/page")) == []


def test_a_server_only_identity_has_no_page(
    open_site: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(ACTS, browser=False)
    with caplog.at_level(logging.WARNING, "segment_identity"):
        answer = site.client.post("/act", headers=DOCUMENT, follow_redirects=False)
    assert list(set_cookies(answer)) == ["ajs_identity"]
    assert "no page can follow" in caplog.text
    assert len(site.events("track")) == 1
