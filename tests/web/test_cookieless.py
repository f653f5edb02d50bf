"""`cookieless=True`: nothing on the device, and an id that lasts a day."""

from collections.abc import Callable
from typing import Any, Final

from segment_identity import Identity

from .support import DAY, HOUR, Clock, Sites

ACTS: Final[dict[str, Callable[[Identity], object]]] = {
    "/track": lambda identity: identity.track("Seen"),
    "/in": lambda identity: identity.identify("ada"),
    "/out": lambda identity: identity.reset(),
}


def test_one_visitor_is_one_id_for_a_day_and_no_cookie_is_set(open_site: Sites) -> None:
    clock = Clock(20_000 * DAY + HOUR)
    site = open_site(ACTS, cookieless=True, mint="always", clock=clock)
    for hours in (0, 5, 22, 23, 24):
        clock.now = 20_000 * DAY + hours * HOUR
        assert "set-cookie" not in site.go("/track").headers
        assert "set-cookie" not in site.fetch("/track").headers
    first, *_ = ids = [each["anonymousId"] for each in site.events()]
    assert ids[:8] == [first] * 8
    assert ids[8] == ids[9] != first
    assert all(each.startswith("d-") for each in ids)


def test_two_visitors_are_two(open_site: Sites) -> None:
    clock = Clock()
    near = open_site(ACTS, cookieless=True, clock=clock)
    far = open_site(ACTS, cookieless=True, clock=clock, peer="198.51.100.5")
    for site in (near, far):
        site.go("/track", User_Agent="Firefox")
    near.go("/track", User_Agent="Safari")
    events = [*near.events(), *far.events()]
    assert len({each["anonymousId"] for each in events}) == 3


def test_the_id_is_that_of_the_last_proxy_trusted(open_site: Sites) -> None:
    site = open_site(ACTS, cookieless=True, trusted_proxies=1)
    for client in ("198.51.100.5", "198.51.100.6", "6.6.6.6, 198.51.100.5"):
        site.go("/track", X_Forwarded_For=client)
    first, second, third = (each["anonymousId"] for each in site.events())
    assert first == third != second


def test_what_was_stored_before_goes(open_site: Sites) -> None:
    before = open_site(ACTS)
    before.go("/in")
    site = open_site(ACTS, cookieless=True, cookies=before.client.cookies)
    site.go("/track")
    assert list(site.client.cookies) == ["ajs_sync"]
    assert [each["userId"] for each in site.events()] == [None]


def test_nobody_is_tied_to_an_id_that_many_share(open_site: Sites) -> None:
    def act(identity: Identity) -> None:
        assert identity.anonymous_id.startswith("d-")
        identity.track("Seen")
        identity.identify("ada")
        identity.track("Signed Up")
        assert identity.anonymous_id.startswith("d-")
        identity.track("Seen Again")

    site = open_site({"/": act}, cookieless=True)
    site.go()
    shared, *named = site.events()
    assert shared["anonymousId"].startswith("d-")
    assert [(each["anonymousId"], each["userId"]) for each in named] == [(None, "ada")] * 3


def test_the_app_may_know_who_it_is_each_time(open_site: Sites) -> None:
    site = open_site(ACTS, cookieless=True, user=lambda _: "ada")
    site.go("/track")
    assert {(each["anonymousId"], each["userId"]) for each in site.events()} == {(None, "ada")}
    assert list(site.client.cookies) == []


def test_a_reset_leaves_the_id_of_the_day(open_site: Sites) -> None:
    def act(identity: Identity) -> None:
        before = identity.anonymous_id
        identity.identify("ada")
        identity.reset()
        assert (identity.anonymous_id, identity.user_id) == (before, None)
        seen.append(before)

    seen: list[Any] = []
    site = open_site({"/": act}, cookieless=True)
    site.go()
    assert len(seen) == 1


def test_consent_and_opt_out_hold_without_cookies_too(open_site: Sites) -> None:
    site = open_site(ACTS, cookieless=True, consent=lambda _: False)
    site.go("/track")
    out = open_site(ACTS, cookieless=True)
    out.write(ajs_optout="1")
    out.go("/track")
    assert (site.events(), out.events()) == ([], [])
    assert (site.dropped(), out.dropped()) == ({"consent": 1}, {"opted_out": 1})


def test_the_key_is_shown_to_nobody(open_site: Sites) -> None:
    seen: list[str] = []

    def act(identity: Identity) -> None:
        seen.append(repr(identity._visit) + repr(identity._visit.settings))  # type: ignore[attr-defined]

    open_site({"/": act}, cookieless=True).go()
    assert "tests" not in seen[0].replace("tests.web", "")
