"""How a visitor came, remembered from the first page to the sign-up and no further."""

from typing import Any, Final

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.responses import Response as Answer

from segment_identity import ActingAs, Attribution, Identity

from .support import (
    DAY,
    HTTPS,
    OTHER_SECRET,
    START,
    Acts,
    Clock,
    Page,
    Site,
    Sites,
    set_cookies,
)

NAME: Final = "ajs_attribution"
CAMPAIGN: Final = "/?utm_source=news&utm_medium=email&utm_campaign=spring"
SPRING: Final = {"name": "spring", "source": "news", "medium": "email"}
SEARCH: Final = "https://search.example/"


def sign_up(user_id: str = "u-1") -> Any:
    def act(identity: Identity) -> None:
        identity.identify(user_id, {"plan": "free"})
        identity.track("Signed Up")
        identity.track("Viewed")

    return act


ACTS: Final[Acts] = {
    "/sign-up": sign_up(),
    "/sign-up-other": sign_up("u-2"),
    "/log-out": lambda identity: identity.reset(),
    "/part": lambda identity: identity.reset(keep_device=True),
    "/track": lambda identity: identity.track("Viewed"),
}


def told(request: Request) -> Answer:
    known: Attribution | None = request.state.identity.attribution
    if known is None:
        return JSONResponse(None)
    return JSONResponse([dict(known.first.campaign), dict(known.last.campaign), known.first.time])


def shared(request: Request) -> Answer:
    return Answer("for all", headers={"cache-control": "public, max-age=60"})


PAGES: Final[dict[str, Page]] = {"/told": told, "/shared": shared}


@pytest.fixture
def site(open_site: Sites) -> Site:
    return open_site(ACTS, pages=PAGES, attribution=True)


def known(site: Site) -> Any:
    return site.fetch("/told").json()


def context_of(site: Site, event: str | None = None) -> dict[str, Any]:
    """Return the context of the last identify, or of the last track event of that name."""
    events = site.events("identify" if event is None else "track")
    found: dict[str, Any] = [each for each in events if each.get("event") == event][-1]["context"]
    return found


def test_the_campaign_of_weeks_ago_is_on_the_sign_up(site: Site) -> None:
    site.go(CAMPAIGN, referer="https://mail.example/inbox?id=7")
    site.clock.now += 20 * DAY
    site.go("/pricing")
    site.submit("/sign-up")
    for event in (None, "Signed Up"):
        context = context_of(site, event)
        assert context["campaign"] == SPRING
        assert context["referrer"] == {"url": "https://mail.example/inbox"}
        assert context["attribution"]["first"] == context["attribution"]["last"]
        assert context["attribution"]["first"] == {
            "timestamp": "2025-06-15T15:06:40.000Z",
            "campaign": SPRING,
            "referrer": {"url": "https://mail.example/inbox"},
            "landingPage": "http://www.shop.example/",
        }


def test_other_events_and_all_traits_and_properties_stay_as_they_are(site: Site) -> None:
    site.go(CAMPAIGN)
    site.submit("/sign-up")
    assert not {"attribution", "campaign"} & set(context_of(site, "Viewed"))
    assert [each["traits"] for each in site.events("identify")] == [{"plan": "free"}]
    assert [each["properties"] for each in site.events("track")] == [{}, {}]


def test_direct_visits_hide_neither_touch_and_later_campaigns_replace_the_last(site: Site) -> None:
    site.go(CAMPAIGN)
    site.clock.now += DAY
    site.go("/")
    site.clock.now += DAY
    site.go("/?utm_source=ads", referer=SEARCH)
    site.clock.now += DAY
    site.go("/")
    site.submit("/sign-up")
    said = context_of(site)["attribution"]
    assert said["first"]["campaign"] == SPRING
    assert said["last"]["campaign"] == {"source": "ads"}
    assert said["last"]["referrer"] == {"url": SEARCH}
    assert context_of(site)["campaign"] == {"source": "ads"}


def test_the_campaign_of_the_request_itself_comes_first(site: Site) -> None:
    site.go("/?utm_source=ads")
    site.clock.now += DAY
    site.submit("/sign-up?utm_source=now")
    assert context_of(site)["campaign"] == {"source": "now"}
    assert context_of(site)["attribution"]["last"]["campaign"] == {"source": "ads"}


def test_what_a_call_says_comes_before_what_is_remembered(open_site: Sites) -> None:
    given = {"campaign": {"name": "mine"}, "attribution": {"model": "ours"}}
    site = open_site(
        {"/sign-up": lambda identity: identity.identify("u-1", context=given)}, attribution=True
    )
    site.go(CAMPAIGN)
    site.submit("/sign-up")
    assert context_of(site)["campaign"] == {"name": "mine"}
    assert context_of(site)["attribution"] == {"model": "ours"}


def test_a_sign_up_on_the_page_people_land_on_is_attributed_to_it(site: Site) -> None:
    site.go("/sign-up?utm_source=magic-link")
    assert context_of(site)["attribution"]["first"]["campaign"] == {"source": "magic-link"}


def test_the_app_reads_what_is_remembered(site: Site) -> None:
    assert known(site) is None
    site.go(CAMPAIGN)
    site.clock.now += DAY
    site.go("/?utm_source=ads")
    assert known(site) == [SPRING, {"source": "ads"}, START]


def test_without_the_option_nothing_is_remembered_told_or_set(open_site: Sites) -> None:
    site = open_site(ACTS, pages=PAGES)
    site.go(CAMPAIGN)
    site.submit("/sign-up")
    assert known(site) is None
    assert site.cookie(NAME) is None
    assert "attribution" not in context_of(site)


def test_a_list_names_the_events_that_tell(open_site: Sites) -> None:
    site = open_site(ACTS, attribution=["Viewed"])
    site.go(CAMPAIGN)
    site.submit("/sign-up")
    assert "attribution" in context_of(site)
    assert "attribution" in context_of(site, "Viewed")
    assert "attribution" not in context_of(site, "Signed Up")


def test_the_cookie_is_written_when_somebody_arrives_and_not_again(site: Site) -> None:
    assert NAME in set_cookies(site.go("/"))
    assert "set-cookie" not in site.go("/").headers
    assert "set-cookie" not in site.go("/cart", referer="http://www.shop.example/").headers
    assert set(set_cookies(site.go(CAMPAIGN))) == {NAME}
    assert "set-cookie" not in site.go(CAMPAIGN).headers
    assert "set-cookie" not in site.fetch("/").headers


def test_the_cookie_is_like_the_signed_memory(open_site: Sites) -> None:
    site = open_site(base_url=HTTPS, attribution=True, cookie_domain="shop.example")
    answer = site.go(CAMPAIGN)
    set_now = set_cookies(answer)
    mine, memory = set_now["__Secure-" + NAME], set_now["__Secure-ajs_identity"]
    assert {**mine, "value": ""} == {**memory, "value": ""}
    assert answer.headers["cache-control"] == "private"
    assert answer.headers["vary"] == "Cookie"
    assert SPRING["name"] not in mine["value"]


def test_however_much_somebody_brings_the_cookie_stays_small(site: Site) -> None:
    much = "%F0%9F%98%80" * 200
    for number in range(2):
        fields = (f"utm_{name}={number}{much}" for name in ("source", "campaign", "medium", "x"))
        path = f"/{much}?gclid={'a' * 200}&{'&'.join(fields)}"
        site.go(path, referer=f"https://away.example/{number}{much}")
        site.clock.now += DAY
    first, last, _ = known(site)
    assert first != last
    assert len(site.client.cookies[NAME]) < 1_700


def test_a_response_for_everybody_carries_no_cookie(site: Site) -> None:
    assert "set-cookie" not in site.go("/shared?utm_source=ads").headers


def test_a_redirect_keeps_the_campaign_it_came_with(site: Site) -> None:
    site.go(CAMPAIGN, referer=SEARCH)
    site.clock.now += 1
    site.go("/welcome", referer=SEARCH)
    assert known(site) == [SPRING, SPRING, START]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_purpose": "prefetch"},
        {"user_agent": "Googlebot/2.1"},
        {"cookie": "ajs_optout=1"},
    ],
)
def test_nobody_arrives_by_a_silent_request(site: Site, headers: dict[str, str]) -> None:
    assert NAME not in set_cookies(site.go(CAMPAIGN, **headers))
    assert known(site) is None


def test_a_browser_that_asks_not_to_be_shared_keeps_no_click_id(site: Site) -> None:
    site.go("/?utm_source=ads&gclid=abcdefgh", sec_gpc="1")
    site.submit("/sign-up")
    assert context_of(site)["campaign"] == {"source": "ads"}
    assert "referrer" not in context_of(site)


def test_nobody_arrives_by_a_fetch_or_a_form(site: Site) -> None:
    site.fetch("/track?utm_source=ads")
    site.submit("/?utm_source=ads")
    assert known(site) is None


def test_log_out_forgets_it_and_the_next_person_starts_anew(site: Site) -> None:
    site.go(CAMPAIGN)
    site.submit("/sign-up")
    assert set_cookies(site.submit("/log-out"))[NAME]["max-age"] == "0"
    assert known(site) is None
    site.go("/?utm_source=ads")
    site.submit("/sign-up-other")
    assert context_of(site)["attribution"]["first"]["campaign"] == {"source": "ads"}


def test_a_page_that_logs_out_is_nobodys_landing_page(site: Site) -> None:
    site.go(CAMPAIGN)
    site.submit("/sign-up")
    assert set_cookies(site.go("/log-out"))[NAME]["max-age"] == "0"
    assert known(site) is None


@pytest.mark.parametrize("policy", ["rotate", "keep"])
def test_the_next_person_on_a_shared_device_inherits_nothing(open_site: Sites, policy: str) -> None:
    site = open_site(ACTS, pages=PAGES, attribution=True, on_user_change=policy)
    site.go(CAMPAIGN)
    site.submit("/sign-up")
    site.clock.now += DAY
    site.submit("/sign-up-other")
    context = context_of(site)
    assert not {"attribution", "campaign"} & set(context)
    assert known(site) is None
    site.go("/?utm_source=ads")
    assert known(site)[0] == {"source": "ads"}


def test_whoever_keeps_only_the_device_keeps_no_attribution(site: Site) -> None:
    site.go(CAMPAIGN)
    site.submit("/sign-up")
    site.submit("/part")
    assert known(site) is None


def test_an_id_that_the_browser_changed_inherits_nothing(site: Site) -> None:
    site.go(CAMPAIGN)
    site.write(ajs_anonymous_id="7e57ab1e-0000-4000-8000-00000000cafe")
    site.drop("ajs_sync")
    assert known(site) is None
    assert set_cookies(site.go("/"))[NAME]["value"]
    assert known(site)[0] == {}


def test_the_older_id_of_a_browser_takes_over_how_it_came(site: Site) -> None:
    older = "01de5700-0000-4000-8000-000000000001"
    site.go(CAMPAIGN)
    fresh = site.cookie("ajs_anonymous_id")
    site.write(ajs_anonymous_id=older, ajs_sync=f'{{"replaced":"{fresh}"}}')
    site.go("/")
    assert known(site)[0] == SPRING
    site.submit("/sign-up")
    assert context_of(site)["campaign"] == SPRING
    assert site.events("identify")[-1]["anonymousId"] == older


def test_it_works_without_cookies_that_scripts_can_read(open_site: Sites) -> None:
    site = open_site(ACTS, attribution=True, browser=False)
    site.go(CAMPAIGN)
    assert set(site.client.cookies) == {"ajs_identity", NAME}
    site.submit("/sign-up")
    assert context_of(site)["campaign"] == SPRING


def test_somebody_who_always_comes_directly_is_not_forgotten(site: Site) -> None:
    site.go(CAMPAIGN)
    site.clock.now += 31 * DAY
    assert NAME in set_cookies(site.go("/"))
    assert NAME not in set_cookies(site.go("/"))
    assert known(site)[0] == SPRING


def test_ignored_referrers_are_no_arrival(open_site: Sites) -> None:
    site = open_site(
        pages=PAGES,
        attribution=True,
        ignored_referrers=["pay.example"],
        cookie_domain="shop.example",
    )
    site.go(CAMPAIGN)
    site.clock.now += DAY
    for link in ("https://eu.pay.example/", "https://blog.shop.example/"):
        site.go("/", referer=link, **{"sec-fetch-site": "cross-site"})
    assert known(site)[1] == SPRING


def test_a_job_goes_on_with_what_was_known(open_site: Sites) -> None:
    handed: list[dict[str, Any]] = []
    site = open_site(
        {"/sign-up": lambda identity: handed.append(identity.to_dict())}, attribution=True
    )
    site.go(CAMPAIGN)
    site.submit("/sign-up")
    identity = site.analytics.identity(**handed[0])
    assert identity.attribution is not None
    assert dict(identity.attribution.first.campaign) == SPRING
    identity.track("Welcomed")
    assert context_of(site, "Welcomed")["attribution"]["last"]["campaign"] == SPRING
    assert "campaign" not in context_of(site, "Welcomed")


@pytest.mark.parametrize("token", ["", "x", "e30.abc", "a" * 4_000, '"', "%00", "[" * 900])
def test_a_cookie_of_a_stranger_is_as_good_as_none(site: Site, token: str) -> None:
    site.go(CAMPAIGN)
    site.write(**{NAME: token})
    assert known(site) is None
    site.go("/?utm_source=ads")
    assert known(site)[:2] == [{"source": "ads"}, {"source": "ads"}]
    assert site.faults() == {}


def test_a_cookie_of_another_site_or_visitor_is_none(open_site: Sites) -> None:
    clock = Clock()
    theirs = open_site(secret_key=OTHER_SECRET, attribution=True, clock=clock)
    hers = open_site(attribution=True, clock=clock)
    mine = open_site(pages=PAGES, attribution=True, clock=clock)
    mine.go("/")
    for each in (theirs, hers):
        each.go(CAMPAIGN)
        mine.write(**{NAME: each.client.cookies[NAME]})
        assert known(mine) is None


def test_a_key_can_be_replaced_without_forgetting_how_anybody_came(open_site: Sites) -> None:
    old = open_site(secret_key=OTHER_SECRET, attribution=True)
    old.go(CAMPAIGN)
    new = open_site(
        pages=PAGES, attribution=True, previous_keys=[OTHER_SECRET], cookies=old.client.cookies
    )
    assert known(new)[0] == SPRING
    assert NAME in set_cookies(new.go("/"))
    assert NAME not in set_cookies(new.go("/"))


def test_who_does_not_agree_leaves_no_trace_and_who_no_longer_does_takes_it_along(
    open_site: Sites,
) -> None:
    said: dict[str, bool | None] = {"consent": None}
    site = open_site(
        ACTS,
        pages=PAGES,
        attribution=True,
        sessions=True,
        base_url=HTTPS,
        consent=lambda connection: said["consent"],
    )
    assert "set-cookie" not in site.go(CAMPAIGN).headers
    assert known(site) is None
    said["consent"] = True
    site.go("/?utm_source=ads")
    assert known(site)[0] == {"source": "ads"}
    said["consent"] = False
    gone = set_cookies(site.go("/"))
    assert {gone["__Host-" + name]["max-age"] for name in (NAME, "ajs_session")} == {"0"}
    assert known(site) is None


def test_without_cookies_nobody_is_followed(open_site: Sites) -> None:
    site = open_site(ACTS, pages=PAGES, attribution=True, sessions=True, cookieless=True)
    assert "set-cookie" not in site.go(CAMPAIGN).headers
    site.submit("/sign-up")
    assert site.go("/told?utm_source=ads").json() is None
    assert not {"attribution", "sessionId", "campaign"} & set(context_of(site))


def test_staff_who_act_as_somebody_are_not_how_that_person_came(open_site: Sites) -> None:
    acting = ActingAs("u-1", "staff-1", record=True)
    site = open_site(ACTS, attribution=["Viewed"], sessions=True, user=lambda connection: acting)
    assert "set-cookie" not in site.go(CAMPAIGN).headers
    site.go("/track?utm_source=ads")
    assert not {"attribution", "sessionId"} & set(site.events("track")[-1]["context"])
