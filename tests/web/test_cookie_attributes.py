"""What the cookies say about themselves, and what they do to caches."""

from email.utils import formatdate
from typing import Any

import pytest
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse

from segment_identity import Identity

from .support import BROWSER_MADE, HTTP, HTTPS, START, YEAR, Acts, Sites, set_cookies


def sign_in(identity: Identity) -> None:
    """Make somebody known, with a group."""
    identity.identify("ada")
    identity.group("acme")


ACTS: Acts = {
    "/in": sign_in,
    "/out": lambda identity: identity.reset(),
}
PLAIN = {"ajs_anonymous_id", "ajs_user_id", "ajs_group_id", "ajs_sync"}
EXPIRES = formatdate(START + YEAR, usegmt=True)


@pytest.mark.parametrize(
    ("base_url", "options", "name", "domain"),
    [
        pytest.param(HTTP, {}, "ajs_identity", None, id="http"),
        pytest.param(HTTPS, {}, "__Host-ajs_identity", None, id="https"),
        pytest.param(
            HTTP, {"cookie_domain": "shop.example"}, "ajs_identity", "shop.example", id="http-wide"
        ),
        pytest.param(
            HTTPS,
            {"cookie_domain": ".Shop.Example"},
            "__Secure-ajs_identity",
            "shop.example",
            id="https-wide",
        ),
        pytest.param(HTTP, {"secure": True}, "__Host-ajs_identity", None, id="told-secure"),
        pytest.param(HTTPS, {"secure": False}, "ajs_identity", None, id="told-insecure"),
        pytest.param(HTTP, {"cookie_domain": "localhost"}, "ajs_identity", None, id="localhost"),
        pytest.param(HTTPS, {"cookie_domain": "10.0.0.1"}, "__Host-ajs_identity", None, id="ip"),
    ],
)
def test_every_cookie_says_all_it_must(
    open_site: Sites, base_url: str, options: dict[str, Any], name: str, domain: str | None
) -> None:
    site = open_site(ACTS, base_url=base_url, **options)
    cookies = set_cookies(site.go("/in"))
    assert cookies.keys() == PLAIN | {name}
    for each, said in cookies.items():
        assert said["max-age"] == str(YEAR)
        assert said["expires"] == EXPIRES
        assert said["path"] == "/"
        assert said["samesite"] == "Lax"
        assert said.get("domain") == domain
        assert ("secure" in said) is name.startswith("__")
        assert ("httponly" in said) is (each == name)


def test_deleting_cookies_names_the_same_scope(open_site: Sites) -> None:
    site = open_site(ACTS, base_url=HTTPS)
    site.go("/in")
    gone = set_cookies(site.go("/out"))
    for name in ("ajs_user_id", "ajs_group_id"):
        said = gone[name]
        assert (said["value"], said["max-age"], said["path"]) == ("", "0", "/")
        assert "secure" in said
        assert "domain" not in said


def test_wide_cookies_are_deleted_with_their_host_only_twins(open_site: Sites) -> None:
    site = open_site(ACTS, base_url=HTTPS, cookie_domain="shop.example")
    site.go("/in")
    lines = site.go("/out").headers.get_list("set-cookie")
    deleted = [line for line in lines if line.startswith("ajs_user_id=;")]
    assert sorted("Domain=shop.example" in line for line in deleted) == [False, True]


def test_identity_is_shared_by_subdomains(open_site: Sites) -> None:
    site = open_site(ACTS, base_url=HTTPS, cookie_domain="shop.example")
    site.go("/in")
    first = site.cookie("ajs_anonymous_id")
    other = open_site(
        base_url="https://blog.shop.example",
        cookie_domain="shop.example",
        cookies=site.client.cookies,
    )
    said = other.who()
    assert (said["anonymous_id"], said["user_id"]) == (first, "ada")


def test_response_with_an_identity_is_private(open_site: Sites) -> None:
    headers = open_site().go().headers
    assert headers["cache-control"] == "private"
    assert headers["vary"] == "Cookie"


@pytest.mark.parametrize(
    ("given", "control", "vary"),
    [
        ({"Cache-Control": "max-age=60"}, "max-age=60, private", "Cookie"),
        ({"Cache-Control": "no-store"}, "no-store", "Cookie"),
        ({"Cache-Control": "private, max-age=9"}, "private, max-age=9", "Cookie"),
        ({"Vary": "Accept-Encoding"}, "private", "Accept-Encoding, Cookie"),
        ({"Vary": "*"}, "private", "*"),
        ({"Vary": "cookie"}, "private", "cookie"),
    ],
)
def test_cache_headers_of_the_app_are_joined(
    open_site: Sites, given: dict[str, str], control: str, vary: str
) -> None:
    site = open_site({"/": lambda _: HTMLResponse("<p>Hi", headers=given)})
    headers = site.go().headers
    assert headers.get_list("cache-control") == [control]
    assert headers.get_list("vary") == [vary]


def test_vary_of_a_compressing_middleware_is_kept(open_site: Sites) -> None:
    site = open_site(
        {"/": lambda _: HTMLResponse("<p>Hello" * 200)}, outside=[Middleware(GZipMiddleware)]
    )
    answer = site.go(Accept_Encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert {"Cookie", "Accept-Encoding"} <= set(answer.headers["vary"].split(", "))
    assert "ajs_anonymous_id" in set_cookies(answer)


SHARED = [
    {"Cache-Control": "public, max-age=60"},
    {"Cache-Control": "s-maxage=60"},
    {"cache-control": "max-age=1, IMMUTABLE"},
    {"CDN-Cache-Control": "max-age=60"},
    {"Surrogate-Control": "max-age=60"},
]


@pytest.mark.parametrize("headers", SHARED, ids=lambda headers: ": ".join(*headers.items()))
def test_shared_response_carries_no_identity(open_site: Sites, headers: dict[str, str]) -> None:
    site = open_site({"/": lambda _: HTMLResponse("<p>Hi", headers=headers)})
    answer = site.go()
    assert "set-cookie" not in answer.headers
    assert "vary" not in answer.headers
    name, value = next(iter(headers.items()))
    assert answer.headers.get_list(name) == [value]


@pytest.mark.parametrize("status", [206, 304])
def test_partial_and_unchanged_responses_carry_no_identity(open_site: Sites, status: int) -> None:
    site = open_site({"/": lambda _: HTMLResponse("", status)})
    assert "set-cookie" not in site.go().headers


@pytest.mark.parametrize("status", [200, 204, 303, 404, 500])
def test_other_responses_carry_an_identity(open_site: Sites, status: int) -> None:
    site = open_site({"/": lambda _: HTMLResponse("", status)})
    assert "ajs_anonymous_id" in set_cookies(site.go())


def test_change_lost_on_a_shared_response_is_told_once(
    open_site: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    def act(identity: Identity) -> HTMLResponse:
        identity.identify("ada")
        return HTMLResponse("<p>Hi", headers={"Cache-Control": "public"})

    site = open_site({"/": act})
    site.go()
    site.go()
    assert len(caplog.records) == 1
    assert "shared caches" in caplog.text


def test_cookie_the_app_sets_itself_is_not_doubled(open_site: Sites) -> None:
    def act(_: Identity) -> HTMLResponse:
        answer = HTMLResponse("<p>Hi")
        answer.set_cookie("ajs_anonymous_id", BROWSER_MADE)
        answer.set_cookie("basket", "empty")
        return answer

    site = open_site({"/": act})
    cookies = set_cookies(site.go())
    assert cookies["ajs_anonymous_id"]["value"] == BROWSER_MADE
    assert "basket" in cookies


def test_without_browser_there_is_only_the_signed_cookie(open_site: Sites) -> None:
    site = open_site(ACTS, browser=False, base_url=HTTPS)
    assert set_cookies(site.go("/in")).keys() == {"__Host-ajs_identity"}
    said = site.who()
    assert (said["user_id"], said["group_id"]) == ("ada", "acme")
    assert set_cookies(site.go("/out")).keys() == {"__Host-ajs_identity"}
    assert site.who()["user_id"] is None


def test_without_browser_plain_cookies_mean_nothing(open_site: Sites) -> None:
    site = open_site(ACTS, browser=False)
    site.go("/in")
    before = site.who()
    site.write(ajs_anonymous_id=BROWSER_MADE, ajs_user_id="bob", ajs_reset="1")
    assert site.who() == before
    assert (before["user_id"], before["user_id_hint"]) == ("ada", None)
