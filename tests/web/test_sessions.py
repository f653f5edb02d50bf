"""Sessions: which events of a visitor belong together."""

from typing import Any, Final

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.responses import Response as Answer
from starlette.testclient import TestClient

from segment_identity import Identity

from .support import (
    DAY,
    DOCUMENT,
    FETCH,
    HTTP,
    HTTPS,
    Acts,
    Page,
    Site,
    Sites,
    set_cookies,
)

NAME: Final = "ajs_session"
MINUTE: Final = 60.0


def views(identity: Identity) -> None:
    identity.track("Viewed")


def leaves(identity: Identity) -> None:
    identity.reset()
    identity.track("Left")


def views_much(identity: Identity) -> None:
    identity.track("Viewed")
    identity.track("Viewed", {"again": True})
    identity.page("Home")
    identity.track("Viewed", context={"mine": 1})


ACTS: Final[Acts] = {
    "/view": views,
    "/much": views_much,
    "/log-in": lambda identity: identity.identify("u-1"),
    "/log-in-other": lambda identity: identity.identify("u-2"),
    "/log-out": lambda identity: identity.reset(),
    "/leave": leaves,
    "/part": lambda identity: identity.reset(keep_device=True),
}


def told(request: Request) -> Answer:
    return JSONResponse(request.state.identity.session_id)


def shared(request: Request) -> Answer:
    request.state.identity.track("Viewed")
    return Answer("for all", headers={"cache-control": "public"})


PAGES: Final[dict[str, Page]] = {"/told": told, "/shared": shared}


@pytest.fixture
def site(open_site: Sites) -> Site:
    return open_site(ACTS, pages=PAGES, sessions=True)


def ids(site: Site) -> list[int]:
    """Return the session of every message."""
    return [each["context"]["sessionId"] for each in site.events()]


def starts(site: Site) -> list[bool]:
    """Return which messages begin a session."""
    return [each["context"].get("sessionStart", False) for each in site.events()]


def test_all_messages_of_a_visit_are_one_session_and_the_first_begins_it(site: Site) -> None:
    site.go("/")
    site.clock.now += 10 * MINUTE
    site.go("/much")
    site.clock.now += 25 * MINUTE
    site.fetch("/view")
    assert len(ids(site)) == 5
    assert len(set(ids(site))) == 1
    assert starts(site) == [True, False, False, False, False]


def test_half_an_hour_without_activity_ends_a_session(site: Site) -> None:
    site.go("/view")
    site.clock.now += 30 * MINUTE
    site.go("/view")
    site.clock.now += 30 * MINUTE + 1
    site.go("/view")
    first, second, third = ids(site)
    assert first == second != third
    assert starts(site) == [True, False, True]


def test_days_of_visits_are_each_a_session(site: Site) -> None:
    for _ in range(5):
        site.go("/view")
        site.fetch("/view")
        site.clock.now += DAY
    assert len(ids(site)) == 10
    assert len(set(ids(site))) == 5
    assert starts(site) == [True, False] * 5


def test_activity_without_events_keeps_a_session_alive_if_a_person_opens_pages(site: Site) -> None:
    site.go("/view")
    for _ in range(6):
        site.clock.now += 25 * MINUTE
        site.go("/")
    site.go("/view")
    assert len(set(ids(site))) == 1


def test_a_page_that_polls_in_the_background_keeps_no_session_alive(site: Site) -> None:
    site.go("/view")
    for _ in range(6):
        site.clock.now += 10 * MINUTE
        assert "set-cookie" not in site.fetch("/").headers
    site.go("/view")
    assert len(set(ids(site))) == 2


def test_another_campaign_does_not_end_a_session(site: Site) -> None:
    site.go("/view?utm_source=a")
    site.go("/view?utm_source=b")
    assert len(set(ids(site))) == 1


def test_the_timeout_is_an_option(open_site: Sites) -> None:
    site = open_site(ACTS, sessions=60)
    site.go("/view")
    site.clock.now += 61
    site.go("/view")
    assert len(set(ids(site))) == 2


def test_without_the_option_there_are_no_sessions(open_site: Sites) -> None:
    site = open_site(ACTS, pages=PAGES)
    site.go("/view")
    assert "sessionId" not in site.events()[0]["context"]
    assert site.cookie(NAME) is None
    assert site.fetch("/told").json() is None


def test_the_cookie_is_renewed_now_and_then_and_not_with_every_response(site: Site) -> None:
    assert NAME in set_cookies(site.go("/much"))
    written = 0
    for _ in range(60):
        site.clock.now += 10
        written += NAME in set_cookies(site.go("/view"))
    assert written == 5
    assert len(set(ids(site))) == 1


def test_the_cookie_is_like_the_signed_memory(open_site: Sites) -> None:
    site = open_site(base_url=HTTPS, sessions=True)
    answer = site.go("/view")
    set_now = set_cookies(answer)
    mine, memory = set_now["__Host-" + NAME], set_now["__Host-ajs_identity"]
    assert {**mine, "value": ""} == {**memory, "value": ""}
    assert answer.headers["cache-control"] == "private"
    assert answer.headers["vary"] == "Cookie"


def test_a_response_for_everybody_carries_no_cookie_and_its_events_a_session(site: Site) -> None:
    site.go("/")
    site.clock.now += DAY
    assert "set-cookie" not in site.go("/shared").headers
    site.go("/view")
    assert len(set(ids(site))) == 1


def test_requests_that_come_together_are_one_session(site: Site) -> None:
    site.go("/view")
    site.clock.now += DAY
    cookie = "; ".join(f"{name}={value}" for name, value in site.client.cookies.items())
    with TestClient(site.client.app, base_url=HTTP) as other:
        for kind in (DOCUMENT, FETCH, FETCH, DOCUMENT):
            site.clock.now += 0.3
            other.get("/view", headers={**kind, "cookie": cookie})
            other.cookies.clear()
    assert len(set(ids(site)[1:])) == 1
    assert ids(site)[0] != ids(site)[1]


def test_requests_of_a_known_visitor_without_a_session_are_one(site: Site) -> None:
    cookie = "ajs_anonymous_id=7e57ab1e-0000-4000-8000-00000000cafe"
    for _ in range(3):
        site.client.get("/view", headers={**FETCH, "cookie": cookie})
        site.client.cookies.clear()
    assert len(set(ids(site))) == 1


def test_log_in_stays_in_the_session_and_log_out_ends_it(site: Site) -> None:
    site.go("/view")
    site.submit("/log-in")
    assert set_cookies(site.submit("/log-out"))[NAME]["max-age"] == "0"
    site.go("/view")
    before, log_in, after = ids(site)
    assert before == log_in != after
    assert starts(site) == [True, False, True]


def test_an_event_after_a_reset_is_the_first_of_the_next_session(site: Site) -> None:
    site.submit("/log-in")
    site.submit("/leave")
    site.go("/view")
    log_in, left, viewed = ids(site)
    assert log_in != left == viewed
    assert starts(site) == [True, True, False]


def test_a_session_that_ended_with_its_person_never_comes_back_to_the_device(site: Site) -> None:
    for path in ("/log-in", "/part", "/log-in"):
        site.submit(path)
    one, other = ids(site)
    assert one != other
    assert starts(site) == [True, True]


def test_an_id_that_is_not_stored_leaves_no_session_behind(open_site: Sites) -> None:
    site = open_site(ACTS, sessions=True, mint="never")
    assert "set-cookie" not in site.go("/view").headers
    assert len(ids(site)) == 1


def test_a_twin_of_the_cookie_is_removed_lest_it_hide_the_new_one(open_site: Sites) -> None:
    site = open_site(ACTS, sessions=True, cookie_domain="shop.example")
    site.go("/")
    held = "; ".join(f"{name}={value}" for name, value in site.client.cookies.items())
    site.client.cookies.clear()
    site.clock.now += DAY / 2
    answer = site.go("/view", cookie=f"{held}; {NAME}=twin")
    gone, new = (
        each for each in answer.headers.get_list("set-cookie") if each.startswith(NAME + "=")
    )
    assert gone.startswith(f"{NAME}=; Max-Age=0")
    assert "Domain" not in gone
    assert "Domain=shop.example" in new


@pytest.mark.parametrize("policy", ["rotate", "keep"])
def test_the_next_person_on_a_shared_device_has_another_session(
    open_site: Sites, policy: str
) -> None:
    site = open_site(ACTS, sessions=True, on_user_change=policy)
    site.submit("/log-in")
    site.submit("/log-in-other")
    site.go("/view")
    one, other, still = ids(site)
    assert one != other == still
    assert starts(site) == [True, True, False]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_purpose": "prefetch"},
        {"user_agent": "Googlebot/2.1"},
        {"cookie": "ajs_optout=1"},
    ],
)
def test_a_silent_request_begins_no_session(site: Site, headers: dict[str, str]) -> None:
    for path in ("/", "/view", "/log-in"):
        assert NAME not in set_cookies(site.go(path, **headers))
    assert [each for each in site.events() if "sessionId" in each["context"]] == []
    assert site.client.get("/told", headers={**DOCUMENT, "sec-purpose": "prefetch"}).json() is None


def test_the_app_reads_the_session(site: Site) -> None:
    site.go("/view")
    assert [site.fetch("/told").json()] == ids(site)
    site.clock.now += DAY
    site.go("/")
    told = site.fetch("/told").json()
    site.go("/view")
    assert told == ids(site)[-1] != ids(site)[0]


def test_it_works_without_cookies_that_scripts_can_read(open_site: Sites) -> None:
    site = open_site(ACTS, sessions=True, browser=False)
    site.go("/view")
    site.go("/view")
    assert set(site.client.cookies) == {"ajs_identity", NAME}
    assert len(set(ids(site))) == 1


def test_a_job_goes_on_in_the_session(open_site: Sites) -> None:
    handed: list[dict[str, Any]] = []
    site = open_site({**ACTS, "/job": lambda who: handed.append(who.to_dict())}, sessions=True)
    site.fetch("/job")
    site.analytics.identity(**handed[0]).track("Done")
    site.go("/view")
    assert len(set(ids(site))) == 1
    assert starts(site) == [False, True]
    assert site.analytics.identity(**handed[0]).session_id == ids(site)[0]
    assert site.analytics.identity(user_id="u-1").session_id is None


@pytest.mark.parametrize("token", ["", "x", "e30.abc", "a" * 4_000, '"', "%00", "[" * 900])
def test_a_cookie_of_a_stranger_is_as_good_as_none(site: Site, token: str) -> None:
    site.go("/")
    site.write(**{NAME: token})
    site.go("/view")
    site.go("/view")
    assert len(set(ids(site))) == 1
    assert starts(site) == [True, False]
    assert site.faults() == {}


def test_a_session_of_somebody_else_is_not_taken_over(open_site: Sites) -> None:
    site, hers = open_site(ACTS, sessions=True), open_site(ACTS, sessions=True)
    hers.go("/view")
    site.go("/")
    site.write(**{NAME: hers.client.cookies[NAME]})
    site.go("/view")
    assert ids(site) != ids(hers)


def test_a_host_whose_clock_is_behind_begins_no_session(site: Site) -> None:
    site.go("/view")
    site.clock.now -= 200
    assert NAME not in set_cookies(site.go("/view"))
    assert len(set(ids(site))) == 1
