"""On which requests an identity is made, stored and counted."""

from typing import Any

import pytest

from segment_identity import Identity

from .support import BROWSER_MADE, FETCH, Acts, Sites

ACTS: Acts = {
    "/track": lambda identity: identity.track("Clicked"),
    "/in": lambda identity: identity.identify("ada"),
    "/read": lambda identity: identity.anonymous_id,
}
BOT = "Mozilla/5.0 (compatible; Examplebot/1.0)"
SILENT = [
    pytest.param("HEAD", {}, "method", id="head"),
    pytest.param("OPTIONS", {}, "method", id="options"),
    pytest.param("GET", {"Sec_Purpose": "prefetch"}, "speculative", id="prefetch"),
    pytest.param("GET", {"Sec_Purpose": "prefetch;prerender"}, "speculative", id="prerender"),
    pytest.param("GET", {"Purpose": "prefetch"}, "speculative", id="old-prefetch"),
    pytest.param("GET", {"User_Agent": BOT}, "bot", id="bot"),
    pytest.param("GET", {"Cookie": "ajs_optout=true"}, "opted_out", id="opted-out"),
]
SUBRESOURCES = ["empty", "image", "script", "style", "font", "iframe", "manifest", "worker"]


def send(site: Any, method: str, headers: dict[str, str], path: str) -> Any:
    """Open *path* with another method or more headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    document = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    return site.client.request(method, path, headers={**document, **named})


@pytest.mark.parametrize("destination", SUBRESOURCES)
def test_subresource_stores_nothing(open_site: Sites, destination: str) -> None:
    site = open_site(ACTS)
    answer = site.fetch("/read", Sec_Fetch_Dest=destination)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(("method", "headers", "reason"), SILENT)
def test_what_no_person_asked_for_stores_nothing(
    open_site: Sites, method: str, headers: dict[str, str], reason: str
) -> None:
    site = open_site(ACTS)
    for path in ("/", "/read", "/track"):
        assert "set-cookie" not in send(site, method, headers, path).headers
    assert site.events() == []
    assert site.dropped() == {reason: 1}


@pytest.mark.parametrize(("method", "headers", "reason"), SILENT[:-1])
def test_what_the_app_says_of_a_person_is_true_of_silent_requests_too(
    open_site: Sites, method: str, headers: dict[str, str], reason: str
) -> None:
    site = open_site(ACTS)
    send(site, method, headers, "/in")
    assert [each["userId"] for each in site.events()] == ["ada"]


def test_nobody_speaks_of_who_opted_out(open_site: Sites) -> None:
    site = open_site(ACTS)
    answer = site.go("/in", Cookie="ajs_optout=true")
    assert "set-cookie" not in answer.headers
    assert site.events() == []
    assert site.dropped() == {"opted_out": 1}


def test_who_opts_out_is_forgotten_and_silent(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go()
    first = site.cookie("ajs_anonymous_id")
    site.write(ajs_optout="true")
    site.go("/track")
    assert list(site.client.cookies) == ["ajs_optout"]
    site.drop("ajs_optout")
    site.go("/track")
    assert [each["anonymousId"] == first for each in site.events()] == [False]


def test_bots_can_be_tracked(open_site: Sites) -> None:
    site = open_site(ACTS, track_bots=True)
    site.go("/track", User_Agent=BOT)
    assert site.cookie("ajs_anonymous_id") is not None
    assert len(site.events()) == 1


@pytest.mark.parametrize(
    ("headers", "stores"),
    [
        ({}, True),
        ({"Accept": "text/html"}, True),
        ({"Accept": "*/*"}, True),
        ({"Accept": "application/json"}, False),
        ({"Accept": "image/png"}, False),
        ({"Sec-Fetch-Dest": "", "Sec-Fetch-Mode": "navigate"}, True),
        ({"Sec-Fetch-Mode": "cors"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, False),
    ],
)
def test_browsers_without_all_fetch_headers(
    open_site: Sites, headers: dict[str, str], stores: bool
) -> None:
    site = open_site()
    del site.client.headers["accept"]
    site.client.get("/", headers=headers)
    assert (site.cookie("ajs_anonymous_id") is not None) is stores


def test_provisional_id_is_stored_once_a_verb_is_called(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.fetch("/track")
    stored = site.cookie("ajs_anonymous_id")
    assert stored is not None
    assert site.events()[0]["anonymousId"] == stored


def test_provisional_says_so_until_it_is_used(open_site: Sites) -> None:
    seen: list[bool] = []

    def act(identity: Identity) -> None:
        seen.append(identity.is_provisional)
        identity.track("Clicked")
        seen.append(identity.is_provisional)

    open_site({"/": act}).fetch()
    assert seen == [True, False]


def test_navigation_is_not_provisional(open_site: Sites) -> None:
    seen: list[bool] = []
    open_site({"/": lambda identity: seen.append(identity.is_provisional)}).go()
    assert seen == [False]


def test_one_request_has_one_id(open_site: Sites) -> None:
    seen: list[str] = []

    def act(identity: Identity) -> None:
        seen.append(identity.anonymous_id)
        identity.track("Clicked")
        seen.append(identity.anonymous_id)

    site = open_site({"/": act})
    site.fetch()
    assert {*seen, site.cookie("ajs_anonymous_id")} == {seen[0]}


def test_always_stores_on_every_request_of_a_person(open_site: Sites) -> None:
    site = open_site(mint="always")
    site.fetch()
    assert site.cookie("ajs_anonymous_id") is not None


@pytest.mark.parametrize(("method", "headers", "reason"), SILENT)
def test_always_stores_nothing_nobody_asked_for(
    open_site: Sites, method: str, headers: dict[str, str], reason: str
) -> None:
    site = open_site(mint="always")
    assert "set-cookie" not in send(site, method, headers, "/").headers


def test_never_stores_no_id_of_its_own(open_site: Sites) -> None:
    site = open_site(ACTS, mint="never")
    for path in ("/", "/read", "/track"):
        assert "set-cookie" not in site.go(path).headers
    assert len(site.events()) == 1


def test_never_still_signs_the_id_the_browser_made(open_site: Sites) -> None:
    site = open_site(ACTS, mint="never")
    site.write(ajs_anonymous_id=BROWSER_MADE)
    site.go("/in")
    said = site.who()
    assert (said["anonymous_id"], said["user_id"]) == (BROWSER_MADE, "ada")


@pytest.mark.parametrize(
    ("path", "is_excluded"),
    [("/health", True), ("/health/live", True), ("/healthy", False), ("/api/v1", True)],
)
def test_excluded_prefixes(open_site: Sites, path: str, is_excluded: bool) -> None:
    site = open_site({path: ACTS["/track"]}, exclude=["/health", "/api/"])
    answer = site.go(path)
    assert ("set-cookie" not in answer.headers) is is_excluded
    assert len(site.events()) == (not is_excluded)
    assert site.dropped() == ({"excluded": 1} if is_excluded else {})


def test_exclude_as_a_function(open_site: Sites) -> None:
    site = open_site(ACTS, exclude=lambda connection: "x-internal" in connection.headers)
    assert "set-cookie" not in site.go("/track", X_Internal="1").headers
    assert "set-cookie" in site.go("/track").headers
    assert len(site.events()) == 1


def test_known_visitor_is_the_same_on_an_excluded_path(open_site: Sites) -> None:
    seen: list[str | None] = []
    site = open_site({"/in": lambda identity: seen.append(identity.user_id)}, exclude=["/in"])
    ready = open_site({"/login": lambda identity: identity.identify("ada")})
    ready.go("/login")
    site.client.cookies.update(ready.client.cookies)
    site.go("/in")
    assert seen == ["ada"]


def test_global_privacy_control_can_be_read(open_site: Sites) -> None:
    client = open_site().client
    for value, signalled in (("1", True), ("0", False), ("true", False)):
        assert client.get("/who", headers={**FETCH, "Sec-GPC": value}).json()["gpc"] is signalled
