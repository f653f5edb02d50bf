"""What `snippet` prints, and what it refuses."""

import json
import math
import re
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from segment_identity import ActingAs, ConfigurationError, InvalidCall, NotInstalled
from segment_identity.browser import Markup, bridge, snippet
from segment_identity.browser.literals import literal

from .support import HTTPS, Sites

PUBLIC: Final = {"metrics": {"sampleRate": 0}, "integrations": {"Segment.io": {"apiKey": "w"}}}


def shown(open_site: Sites, *, base_url: str = "http://www.shop.example", **given: Any) -> str:
    """Return the page with the snippet; options of the middleware are those it knows."""
    options = {name: given.pop(name) for name in ("cookie_domain", "track_pages") if name in given}

    def page(request: Request) -> Response:
        return HTMLResponse(snippet(request, **{"write_key": "w", **given}))

    return open_site(pages={"/": page}, base_url=base_url, **options).go().text


def told(page: str) -> dict[str, Any]:
    """Return what the page tells its script."""
    found = re.search(r"\}\)\((\{.*\})\)</script>", page)
    assert found is not None
    said: dict[str, Any] = json.loads(found[1])
    return said


def test_segments_bundle_is_the_usual_one(open_site: Sites) -> None:
    said = told(shown(open_site))
    assert said["writeKey"] == "w"
    assert said["script"] == "https://cdn.segment.com/analytics.js/v1/w/analytics.min.js"
    assert said["cdn"] == "https://cdn.segment.com"
    assert "settings" not in said
    assert said["collector"] == "/v1"
    assert said["page"] == {}


def test_a_bundle_of_the_site_needs_no_other_host(open_site: Sites) -> None:
    page = shown(open_site, script="/static/index.js")
    assert told(page)["settings"] == PUBLIC
    assert "cdn" not in told(page)
    assert "https://" not in page


def test_settings_may_be_given_or_fetched(open_site: Sites) -> None:
    settings = {"integrations": {"Segment.io": {"apiKey": "w"}, "Mixpanel": {"token": 7}}}
    given = told(shown(open_site, script="/index.js", cdn_settings=settings))
    assert given["settings"] == settings
    fetched = told(shown(open_site, script="/index.js", cdn_url="https://cdn.example/"))
    assert fetched["cdn"] == "https://cdn.example"
    assert "settings" not in fetched


@pytest.mark.parametrize(
    ("options", "domain", "secure"),
    [
        ({}, None, False),
        ({"base_url": HTTPS}, None, True),
        ({"base_url": HTTPS, "cookie_domain": "shop.example"}, "shop.example", True),
    ],
)
def test_analytics_js_is_told_how_the_server_writes_cookies(
    open_site: Sites, options: dict[str, Any], domain: str | None, secure: bool
) -> None:
    assert told(shown(open_site, **options))["options"] == {
        "cookie": {
            "domain": domain,
            "maxage": 365,
            "path": "/",
            "sameSite": "Lax",
            "secure": secure,
        },
        "storage": {"stores": ["cookie", "localStorage", "memory"]},
        "useQueryString": False,
        "integrations": {},
    }


def test_a_page_call_beside_the_servers_own_is_for_the_browser_only(open_site: Sites) -> None:
    said = told(shown(open_site, track_pages=True))
    assert said["page"] == {"integrations": {"Segment.io": False}}
    assert "page" not in told(shown(open_site, page=False, track_pages=True))


@pytest.mark.parametrize(
    ("given", "collector"),
    [
        ("/v1", "/v1"),
        ("/app/events", "/app/events"),
        ("https://events.example.com/v1", "https://events.example.com/v1"),
        ("http://localhost:9000", "http://localhost:9000"),
        ("events.example.com/v1", "https://events.example.com/v1"),
    ],
)
def test_events_go_where_the_app_says(open_site: Sites, given: str, collector: str) -> None:
    assert told(shown(open_site, api_host=given))["collector"] == collector


def test_integrations_are_those_of_analytics_js(open_site: Sites) -> None:
    said = told(shown(open_site, integrations={"All": True, "Mixpanel": False}))
    assert said["options"]["integrations"] == {"All": True, "Mixpanel": False}


def test_a_nonce_is_the_elements_own(open_site: Sites) -> None:
    assert shown(open_site, nonce="abc=").startswith('<script nonce="abc=">')
    assert shown(open_site, nonce='"><b>').startswith('<script nonce="&quot;&gt;&lt;b&gt;">')
    assert shown(open_site).startswith("<script>")


HOSTILE: Final = "</script><!--<script>\u2028\u2029&\"'\\"


@pytest.mark.parametrize(
    "given",
    [
        {"write_key": HOSTILE},
        {"script": HOSTILE},
        {"integrations": {HOSTILE: HOSTILE}},
        {"script": "/a.js", "cdn_settings": {HOSTILE: HOSTILE}},
    ],
)
def test_nothing_given_ends_the_script(open_site: Sites, given: dict[str, Any]) -> None:
    page = shown(open_site, **given)
    assert page.isascii()
    after_bridge = page.split("</script>", 1)[1]
    assert after_bridge.count("<") == after_bridge.count(">") - after_bridge.count("=>") == 2
    assert told(page)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_literal_is_the_same_value_in_harmless_signs(value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        return
    written = literal({"it": value})
    assert written.isascii()
    assert not set(written) & set("<>&\n\r")
    assert json.loads(written) == {"it": value}


def test_what_is_printed_is_html_already(open_site: Sites) -> None:
    kinds: list[type] = []

    def page(request: Request) -> Response:
        printed = snippet(request, write_key="w")
        kinds.append(type(printed))
        return HTMLResponse(printed.__html__())

    open_site(pages={"/": page}).go()
    assert kinds == [Markup]


@pytest.mark.parametrize(
    ("options", "headers", "cookies", "clears"),
    [
        pytest.param({}, {}, {"ajs_optout": "1"}, True, id="opted out"),
        pytest.param({}, {"User-Agent": "Googlebot/2.1"}, {}, False, id="a bot"),
        pytest.param({"exclude": ["/"]}, {}, {}, False, id="excluded"),
        pytest.param({"consent": lambda connection: None}, {}, {}, False, id="not asked yet"),
        pytest.param({"consent": lambda connection: False}, {}, {}, True, id="refused"),
        pytest.param({"gpc": True}, {"Sec-GPC": "1"}, {}, True, id="gpc"),
        pytest.param({"cookieless": True}, {}, {}, True, id="nothing is kept"),
        pytest.param(
            {"user": lambda connection: ActingAs("u-1", "s-1")}, {}, {}, False, id="staff"
        ),
        pytest.param(
            {"user": lambda connection: ActingAs("u-1", "s-1", record=True)},
            {},
            {},
            False,
            id="recorded staff",
        ),
    ],
)
def test_analytics_js_is_not_loaded_for_whom_nothing_is_recorded(
    open_site: Sites,
    options: dict[str, Any],
    headers: dict[str, str],
    cookies: dict[str, str],
    clears: bool,
) -> None:
    """The bridge stays, which takes what is left in localStorage away after a withdrawal."""

    def page(request: Request) -> Response:
        printed = snippet(request, write_key="w")
        assert printed.startswith(bridge(request))
        return HTMLResponse(printed.removeprefix(bridge(request)))

    site = open_site(pages={"/": page}, **options)
    site.write(**cookies)
    rest = site.go(**headers).text
    # Only who refused is forgotten; who was not asked, or is not there, may come back.
    assert ("removeItem('ajs_pending')" in rest) == clears
    assert clears or rest == ""


def test_the_bridge_comes_first_and_alone_without_a_browser_to_share_with(
    open_site: Sites,
) -> None:
    def page(request: Request) -> Response:
        printed = snippet(request, write_key="w", nonce="n")
        assert printed.startswith(bridge(request, nonce="n"))
        assert printed.count('<script nonce="n">') == 2
        return HTMLResponse("as it should")

    def no_page(request: Request) -> Response:
        assert snippet(request, write_key="w") == ""
        return HTMLResponse("as it should")

    assert open_site(pages={"/": page}).go().text == "as it should"
    assert open_site(pages={"/": no_page}, browser=False).go().text == "as it should"


@pytest.mark.parametrize("control", ["public, max-age=60", None])
@pytest.mark.parametrize("consent", [True, False, None])
def test_what_one_visitor_agreed_to_is_in_no_shared_cache(
    open_site: Sites, control: str | None, consent: bool | None
) -> None:
    """Whoever is next may have refused, and would get Analytics.js all the same."""
    headers = {} if control is None else {"Cache-Control": control}

    def page(request: Request) -> Response:
        return HTMLResponse(snippet(request, write_key="w"), headers=headers)

    asked = open_site(pages={"/": page}, consent=lambda _: consent).fetch("/")
    assert (asked.headers["cache-control"], asked.headers["vary"]) == ("private", "Cookie")
    unasked = open_site(pages={"/": page}).fetch("/")
    assert unasked.headers.get("cache-control") == control


def test_a_page_that_may_still_be_shown_has_it(open_site: Sites) -> None:
    def page(request: Request) -> Response:
        return HTMLResponse(snippet(request, write_key="w"))

    site = open_site(pages={"/": page})
    assert told(site.go(Sec_Purpose="prefetch;prerender").text)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"write_key": ""}, ConfigurationError, "write_key was given an empty text"),
        ({"write_key": None}, ConfigurationError, "write_key was given None"),
        ({"script": ""}, ConfigurationError, "script was given ''; want the address"),
        ({"script": 7}, ConfigurationError, "script was given 7"),
        ({"cdn_url": "cdn.example"}, ConfigurationError, "cdn_url was given 'cdn.example'"),
        ({"cdn_settings": {}}, ConfigurationError, "cdn_settings was given without script"),
        ({"cdn_url": 7}, ConfigurationError, "cdn_url was given 7"),
        ({"cdn_url": "http://[::1"}, ConfigurationError, "cdn_url was given 'http://[::1'"),
        ({"api_host": "http://[::1"}, ConfigurationError, "api_host was given 'http://[::1'"),
        ({"nonce": 7}, ConfigurationError, "nonce was given int; want a str or None"),
        ({"page": "no"}, ConfigurationError, "page was given 'no'; want True or False"),
        ({"api_host": ""}, ConfigurationError, "api_host was given ''; want a path"),
        ({"api_host": "ftp://a/b"}, ConfigurationError, "api_host was given"),
        ({"api_host": "//"}, ConfigurationError, "api_host was given"),
        ({"api_host": "a b"}, ConfigurationError, "api_host was given"),
        ({"integrations": ["All"]}, InvalidCall, "snippet() was given list as integrations"),
    ],
)
def test_a_mistake_is_told_at_the_call(
    open_site: Sites, given: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=re.escape(told)):
        shown(open_site, **given)


def test_the_middleware_is_needed() -> None:
    with pytest.raises(NotInstalled, match="add the middleware"):
        snippet(Request({"type": "http"}), write_key="w")
