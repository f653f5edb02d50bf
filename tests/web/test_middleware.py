"""The life of a visitor over HTTP, from the first page to the log-out."""

import pytest
from starlette.responses import RedirectResponse

from segment_identity import Identity

from .support import (
    BROWSER_MADE,
    DAY,
    HOUR,
    HTTP,
    HTTPS,
    OLDER,
    OTHER_SECRET,
    SECRET,
    Acts,
    Sites,
    set_cookies,
)

ACTS: Acts = {
    "/ada": lambda identity: identity.identify("ada", {"plan": "free"}),
    "/bob": lambda identity: identity.identify("bob"),
    "/traits": lambda identity: identity.identify(traits={"plan": "gold"}),
    "/track": lambda identity: identity.track("Clicked"),
    "/group": lambda identity: identity.group("acme", {"size": 7}),
    "/out": lambda identity: identity.reset(),
    "/leave": lambda identity: identity.reset(keep_device=True),
    "/device": lambda identity: identity.set_anonymous_id("device-42"),
    "/alias": lambda identity: identity.alias("ada@new"),
}


@pytest.mark.parametrize("base_url", [HTTP, HTTPS])
def test_first_page_stores_a_new_id(open_site: Sites, base_url: str) -> None:
    site = open_site(base_url=base_url)
    assert site.go().status_code == 200
    assert site.cookie("ajs_anonymous_id") == site.who()["anonymous_id"]


@pytest.mark.parametrize("base_url", [HTTP, HTTPS])
def test_id_stays_from_page_to_page(open_site: Sites, base_url: str) -> None:
    site = open_site(ACTS, base_url=base_url)
    site.go()
    first = site.cookie("ajs_anonymous_id")
    for path in ("/", "/track", "/traits", "/alias", "/group"):
        site.go(path)
    assert site.cookie("ajs_anonymous_id") == first
    assert {each["anonymousId"] for each in site.events()} == {first}


def test_two_browsers_are_two_visitors(open_site: Sites) -> None:
    here, there = open_site(), open_site()
    here.go()
    there.go()
    assert here.cookie("ajs_anonymous_id") != there.cookie("ajs_anonymous_id")


def test_new_visitor_is_new_once(open_site: Sites) -> None:
    seen: list[bool] = []
    site = open_site({"/": lambda identity: seen.append(identity.is_new)})
    site.go()
    site.go()
    assert seen == [True, False]


def test_id_the_browser_made_is_adopted(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.write(ajs_anonymous_id=BROWSER_MADE)
    site.go("/track")
    assert site.cookie("ajs_anonymous_id") == BROWSER_MADE
    assert site.events()[0]["anonymousId"] == BROWSER_MADE


def test_adopted_id_is_signed(open_site: Sites) -> None:
    site = open_site()
    site.write(ajs_anonymous_id=BROWSER_MADE)
    site.go()
    site.forget_plain()
    site.clock.now += 2 * DAY
    assert site.who()["anonymous_id"] == BROWSER_MADE


def test_user_the_browser_claims_is_a_hint_only(open_site: Sites) -> None:
    site = open_site()
    site.write(ajs_anonymous_id=BROWSER_MADE, ajs_user_id="ada")
    site.go()
    said = site.who()
    assert (said["user_id"], said["user_id_hint"]) == (None, "ada")


@pytest.mark.parametrize("base_url", [HTTP, HTTPS])
def test_expired_cookies_are_restored_after_a_day(open_site: Sites, base_url: str) -> None:
    site = open_site(ACTS, base_url=base_url)
    site.submit("/ada")
    first = site.cookie("ajs_anonymous_id")
    site.forget_plain()
    site.clock.now += 8 * DAY
    site.go()
    assert site.cookie("ajs_anonymous_id") == first
    assert site.cookie("ajs_user_id") == "ada"
    assert site.who()["user_id"] == "ada"


def test_cookies_gone_within_a_day_are_a_reset(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    first = site.cookie("ajs_anonymous_id")
    site.forget_plain()
    site.clock.now += 12 * HOUR
    site.go()
    assert site.cookie("ajs_anonymous_id") not in (None, first)
    assert site.who()["user_id"] is None


def test_memory_older_than_a_year_is_forgotten(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    first = site.cookie("ajs_anonymous_id")
    site.forget_plain()
    site.clock.now += 366 * DAY
    site.go()
    assert site.cookie("ajs_anonymous_id") not in (None, first)
    assert site.who()["user_id"] is None


def test_clock_of_the_other_host_may_be_behind(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    site.clock.now -= 120
    answer = site.go()
    assert "set-cookie" not in answer.headers
    assert site.who()["user_id"] == "ada"


def test_first_identify_keeps_the_anonymous_id(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/track")
    first = site.cookie("ajs_anonymous_id")
    site.submit("/ada")
    assert site.cookie("ajs_anonymous_id") == first
    assert [(each["anonymousId"], each["userId"]) for each in site.events()] == [
        (first, None),
        (first, "ada"),
    ]


def test_user_is_known_on_the_next_page(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    site.go("/track")
    assert site.events("track")[0]["userId"] == "ada"
    assert site.cookie("ajs_user_id") == "ada"


def test_number_as_user_id_is_quoted_for_analytics_js(open_site: Sites) -> None:
    """Analytics.js would read a bare 42 as a number and 0042 as another one."""
    site = open_site({"/": lambda identity: identity.identify(42)})
    site.go()
    assert site.client.cookies.get("ajs_user_id") == "%2242%22"
    assert site.who()["user_id"] == "42"


def test_identify_again_keeps_the_anonymous_id(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    first = site.cookie("ajs_anonymous_id")
    site.submit("/ada")
    assert site.cookie("ajs_anonymous_id") == first


def test_another_user_gets_another_anonymous_id(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    first = site.cookie("ajs_anonymous_id")
    site.submit("/bob")
    second = site.cookie("ajs_anonymous_id")
    assert second not in (None, first)
    assert [(each["anonymousId"], each["userId"]) for each in site.events()] == [
        (first, "ada"),
        (second, "bob"),
    ]
    assert site.who()["user_id"] == "bob"


def test_another_user_than_the_claimed_one_gets_another_anonymous_id(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.write(ajs_anonymous_id=BROWSER_MADE, ajs_user_id="ada")
    site.submit("/bob")
    assert site.cookie("ajs_anonymous_id") not in (None, BROWSER_MADE)
    assert site.events()[0]["anonymousId"] != BROWSER_MADE


def test_keep_gives_another_user_the_same_device(open_site: Sites) -> None:
    site = open_site(ACTS, on_user_change="keep")
    site.submit("/ada")
    first = site.cookie("ajs_anonymous_id")
    site.submit("/bob")
    assert site.cookie("ajs_anonymous_id") == first
    assert site.who()["user_id"] == "bob"


def test_refuse_leaves_the_user_who_is_there(
    open_site: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(ACTS, on_user_change="refuse")
    site.submit("/ada")
    site.submit("/bob")
    site.submit("/bob")
    assert site.who()["user_id"] == "ada"
    assert [each["userId"] for each in site.events()] == ["ada"]
    assert site.dropped() == {"refused": 2}
    assert len(caplog.records) == 1


@pytest.mark.parametrize("base_url", [HTTP, HTTPS])
def test_reset_makes_a_stranger(open_site: Sites, base_url: str) -> None:
    site = open_site(ACTS, base_url=base_url)
    site.submit("/ada")
    site.go("/group")
    first = site.cookie("ajs_anonymous_id")
    site.submit("/out")
    said = site.who()
    assert said["anonymous_id"] == site.cookie("ajs_anonymous_id") != first
    assert (said["user_id"], said["user_id_hint"], said["group_id"]) == (None, None, None)
    assert site.cookie("ajs_user_id") is None
    assert site.cookie("ajs_group_id") is None


def test_what_a_person_does_after_reset_is_not_theirs(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    site.submit("/out")
    site.go("/track")
    first, after = site.events()
    assert after["userId"] is None
    assert after["anonymousId"] != first["anonymousId"]


def test_resetting_an_untouched_visitor_changes_nothing(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/track")
    first = site.cookie("ajs_anonymous_id")
    answer = site.submit("/out")
    assert site.cookie("ajs_anonymous_id") == first
    assert "set-cookie" not in answer.headers


def test_reset_can_keep_the_device(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    first = site.cookie("ajs_anonymous_id")
    site.submit("/leave")
    said = site.who()
    assert (said["anonymous_id"], said["user_id"]) == (first, None)
    assert site.cookie("ajs_user_id") is None


def test_group_is_remembered_and_told_to_the_browser(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/group")
    assert site.cookie("ajs_group_id") == "acme"
    site.go("/track")
    assert site.who()["group_id"] == "acme"
    assert site.events("track")[0]["context"]["groupId"] == "acme"
    assert site.events("group")[0]["groupId"] == "acme"


def test_set_anonymous_id_keeps_the_person(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    site.go("/device")
    said = site.who()
    assert (said["anonymous_id"], said["user_id"]) == ("device-42", "ada")
    assert site.cookie("ajs_anonymous_id") == "device-42"


def test_anonymous_id_of_a_call_replaces_the_stored_one(open_site: Sites) -> None:
    site = open_site({"/": lambda identity: identity.track("Seen", anonymous_id="kiosk-0007")})
    site.go()
    assert site.events()[0]["anonymousId"] == "kiosk-0007"
    assert site.cookie("ajs_anonymous_id") == "kiosk-0007"
    assert site.who()["anonymous_id"] == "kiosk-0007"


def test_several_verbs_in_one_request_see_each_other(open_site: Sites) -> None:
    def act(identity: Identity) -> None:
        for path in ("/track", "/ada", "/track", "/bob", "/track", "/out", "/track"):
            ACTS[path](identity)

    site = open_site({"/": act})
    site.go()
    events = site.events()
    assert [each["userId"] for each in events] == [None, "ada", "ada", "bob", "bob", None]
    ids = [each["anonymousId"] for each in events]
    assert ids[0] == ids[1] == ids[2]
    assert ids[3] == ids[4]
    assert len({ids[0], ids[3], ids[5]}) == 3
    assert site.cookie("ajs_anonymous_id") == ids[5]


def test_events_before_a_redirect_are_kept(open_site: Sites) -> None:
    def sign_up(identity: Identity) -> RedirectResponse:
        ACTS["/ada"](identity)
        return RedirectResponse("/welcome", 303)

    site = open_site({"/sign-up": sign_up, "/welcome": ACTS["/track"]})
    answer = site.submit("/sign-up")
    assert answer.url.path == "/welcome"
    assert [(each["type"], each["userId"]) for each in site.events()] == [
        ("identify", "ada"),
        ("track", "ada"),
    ]
    assert len({each["anonymousId"] for each in site.events()}) == 1


def test_alias_ties_the_device_and_changes_no_id(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/alias")
    device = site.cookie("ajs_anonymous_id")
    (event,) = site.events()
    assert (event["userId"], event["previousId"]) == ("ada@new", device)
    assert site.who()["user_id"] is None


def test_two_ids_from_the_browser_are_ambiguous(open_site: Sites) -> None:
    """A sibling site may have planted the first, so nobody is tied to it."""
    site = open_site(ACTS)
    cookie = f"ajs_anonymous_id={BROWSER_MADE}; ajs_anonymous_id={OLDER}"
    site.submit("/ada", Cookie=cookie)
    assert site.events()[0]["anonymousId"] not in (BROWSER_MADE, OLDER)


def test_signed_id_wins_over_a_planted_one(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go()
    own = site.cookie("ajs_anonymous_id")
    held = "; ".join(f"{name}={value}" for name, value in site.client.cookies.items())
    site.fetch("/track", Cookie=f"ajs_anonymous_id={BROWSER_MADE}; {held}")
    assert site.events()[0]["anonymousId"] == own


def test_steady_visitor_gets_no_cookie(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    for path in ("/", "/track"):
        answer = site.go(path)
        assert "set-cookie" not in answer.headers
        assert "cache-control" not in answer.headers
        assert "vary" not in answer.headers


def test_cookies_are_renewed_after_a_day(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    first = site.cookie("ajs_anonymous_id")
    site.clock.now += DAY - 1
    assert "set-cookie" not in site.go().headers
    site.clock.now += 2
    renewed = set_cookies(site.go())
    assert renewed.keys() == {"ajs_identity", "ajs_anonymous_id", "ajs_user_id"}
    assert renewed["ajs_anonymous_id"]["value"] == first
    assert "set-cookie" not in site.go().headers


def test_renewal_keeps_a_visitor_for_ever(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    first = site.cookie("ajs_anonymous_id")
    for _ in range(4):
        site.clock.now += 300 * DAY
        site.go()
    said = site.who()
    assert (said["anonymous_id"], said["user_id"]) == (first, "ada")


def test_old_key_still_verifies_and_the_new_one_signs(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    first = site.cookie("ajs_anonymous_id")
    rotated = open_site(
        cookies=site.client.cookies, secret_key=OTHER_SECRET, previous_keys=[SECRET]
    )
    assert "ajs_identity" in set_cookies(rotated.go())
    assert "set-cookie" not in rotated.go().headers
    final = open_site(cookies=rotated.client.cookies, secret_key=OTHER_SECRET)
    said = final.who()
    assert (said["anonymous_id"], said["user_id"]) == (first, "ada")


def test_memory_of_an_unknown_key_is_no_memory(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    first = site.cookie("ajs_anonymous_id")
    said = open_site(cookies=site.client.cookies, secret_key=OTHER_SECRET).who()
    assert (said["anonymous_id"], said["user_id"], said["user_id_hint"]) == (first, None, "ada")


def test_torn_memory_is_no_memory(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.submit("/ada")
    token = site.client.cookies["ajs_identity"]
    for torn in (token[:-1], "x" + token, token + "A", token.partition(".")[0], '"', ""):
        site.write(ajs_identity=torn)
        assert site.who()["user_id"] is None, torn
