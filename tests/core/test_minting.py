"""On which requests an identity is made, kept and counted."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import minting
from segment_identity.minting import Mint, Occasion, Silence

CHROME: Final = (
    b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    b"Chrome/126.0.0.0 Safari/537.36"
)
PAGE: Final = {
    b"sec-fetch-dest": b"document",
    b"sec-fetch-mode": b"navigate",
    b"sec-fetch-site": b"none",
    b"sec-fetch-user": b"?1",
    b"accept": b"text/html,application/xhtml+xml,*/*;q=0.8",
    b"user-agent": CHROME,
}
NAVIGATION: Final = Occasion(navigation=True)
SUBRESOURCE: Final = Occasion(navigation=False)


def silent(why: Silence) -> Occasion:
    return Occasion(navigation=False, silence=why)


DESTINATIONS: Final = """
    audio audioworklet document embed empty fencedframe font frame iframe image json manifest object
    paintworklet report script serviceworker sharedworker style track video webidentity worker xslt
""".split()


@pytest.mark.parametrize("destination", DESTINATIONS)
@pytest.mark.parametrize("mode", ["navigate", "same-origin", "no-cors", "cors", "websocket", None])
@pytest.mark.parametrize("site", ["none", "same-origin", "same-site", "cross-site"])
def test_only_a_document_is_a_navigation(destination: str, mode: str | None, site: str) -> None:
    """Whatever the mode says: an iframe navigates, too, and is part of a page."""
    headers = {b"sec-fetch-dest": destination.encode(), b"sec-fetch-site": site.encode()}
    if mode is not None:
        headers[b"sec-fetch-mode"] = mode.encode()
    assert minting.occasion("GET", headers).navigation is (destination == "document")


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        pytest.param({b"sec-fetch-dest": b" Document "}, True, id="blanks and capitals"),
        pytest.param({b"sec-fetch-mode": b"navigate"}, True, id="the mode alone"),
        pytest.param({b"sec-fetch-mode": b"cors"}, False, id="a fetch by its mode"),
        pytest.param({b"sec-fetch-site": b"same-origin"}, False, id="the site alone"),
        pytest.param(
            {b"sec-fetch-dest": b"hologram", b"sec-fetch-mode": b"no-cors"},
            False,
            id="a destination of the future",
        ),
        pytest.param(
            {b"sec-fetch-dest": b"hologram", b"sec-fetch-site": b"none"},
            False,
            id="a destination of the future without a mode",
        ),
        pytest.param({}, True, id="no headers at all"),
        pytest.param({b"accept": b"text/html,*/*;q=0.8"}, True, id="an old browser"),
        pytest.param({b"accept": b"*/*"}, True, id="a program"),
        pytest.param({b"accept": b"TEXT/HTML"}, True, id="capitals"),
        pytest.param({b"accept": b"application/json"}, False, id="an API client"),
        pytest.param({b"accept": b"image/avif,image/webp"}, False, id="an image"),
        pytest.param({b"accept": b"text/css,*/*;q=0.1"}, True, id="an old browser's style sheet"),
        pytest.param({b"accept": b""}, False, id="an empty Accept"),
        pytest.param(
            {b"sec-fetch-dest": b"empty", b"accept": b"text/html"}, False, id="fetch of HTML"
        ),
        pytest.param(
            {b"sec-fetch-dest": b"document", b"accept": b"application/json"},
            True,
            id="Accept says nothing beside Sec-Fetch",
        ),
    ],
)
def test_a_navigation_is_told_by_its_headers(headers: dict[bytes, bytes], wanted: bool) -> None:
    assert minting.occasion("GET", headers) == Occasion(navigation=wanted)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_form_navigates_as_a_link_does(method: str) -> None:
    assert minting.occasion(method, PAGE) == NAVIGATION


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_some_methods_make_no_visitor(method: str) -> None:
    assert minting.occasion(method, PAGE) == silent("method")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"sec-purpose", b"prefetch"),
        (b"sec-purpose", b"prefetch;prerender"),
        (b"sec-purpose", b"prefetch;anonymous-client-ip"),
        (b"sec-purpose", b"Prerender"),
        (b"purpose", b"prefetch"),
        (b"x-purpose", b"preview"),
        (b"x-purpose", b"instant, prefetch"),
        (b"x-moz", b"prefetch"),
    ],
)
def test_a_page_nobody_asked_for_makes_no_visitor(name: bytes, value: bytes) -> None:
    assert minting.occasion("GET", {**PAGE, name: value}) == silent("speculative")


@pytest.mark.parametrize("value", [b"", b"navigation", b"fetch"])
def test_another_purpose_is_a_visit(value: bytes) -> None:
    assert minting.occasion("GET", {**PAGE, b"purpose": value}) == NAVIGATION


BOTS: Final = {
    "Googlebot": b"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Bingbot": b"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0)",
    "Baiduspider": b"Mozilla/5.0 (compatible; Baiduspider/2.0)",
    "Yahoo": b"Mozilla/5.0 (compatible; Yahoo! Slurp)",
    "GPTBot": b"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.2",
    "Facebook": b"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "WhatsApp": b"WhatsApp/2.23.20.0",
    "Slack": b"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Twitter": b"Twitterbot/1.0",
    "headless Chrome": CHROME.replace(b"Chrome/", b"HeadlessChrome/"),
    "Lighthouse": CHROME + b" Chrome-Lighthouse",
    "Kubernetes": b"kube-probe/1.29",
    "load balancer": b"ELB-HealthChecker/2.0",
    "Pingdom": b"Pingdom.com_bot_version_1.4",
    "UptimeRobot": b"Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "a phone that is also a bot": b"Mozilla/5.0 (Linux; Android 10; CUBOT X20) Googlebot/2.1",
    "capitals": b"SOMEBOT/1.0",
}


@pytest.mark.parametrize("agent", BOTS.values(), ids=BOTS.keys())
def test_a_bot_makes_no_visitor(agent: bytes) -> None:
    assert minting.occasion("GET", {**PAGE, b"user-agent": agent}) == silent("bot")


@pytest.mark.parametrize("agent", BOTS.values(), ids=BOTS.keys())
def test_a_bot_is_a_visitor_where_bots_are_tracked(agent: bytes) -> None:
    assert minting.occasion("GET", {**PAGE, b"user-agent": agent}, track_bots=True) == NAVIGATION


PEOPLE: Final = {
    "Chrome": CHROME,
    "Firefox": b"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Safari": b"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    b"(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "CUBOT phone": b"Mozilla/5.0 (Linux; Android 10; CUBOT X20 PRO) Chrome/126.0.0.0 Mobile",
    "small cubot": b"Mozilla/5.0 (Linux; Android 9; cubot_note_s) Chrome/120",
    "WhatsApp's own browser": CHROME + b" [WhatsApp]",
    "none": b"",
    "not UTF-8": b"\xff\xfe",
    "a bot's name beyond the limit": b"x" * 512 + b"bot",
}


@pytest.mark.parametrize("agent", PEOPLE.values(), ids=PEOPLE.keys())
def test_a_person_is_no_bot(agent: bytes) -> None:
    assert minting.occasion("GET", {**PAGE, b"user-agent": agent}) == NAVIGATION


def test_an_opt_out_makes_no_visitor() -> None:
    assert minting.occasion("GET", PAGE, refusal="opted_out") == silent("opted_out")


def test_an_excluded_path_makes_no_visitor() -> None:
    assert minting.occasion("GET", PAGE, excluded=True) == silent("excluded")


def test_the_strictest_silence_is_the_one_given() -> None:
    """What is excluded or opted out is not spoken of at all, so it must not look like a bot."""
    headers = {**PAGE, b"user-agent": BOTS["Googlebot"], b"purpose": b"prefetch"}
    assert minting.occasion("HEAD", headers, refusal="opted_out", excluded=True) == silent(
        "excluded"
    )
    assert minting.occasion("HEAD", headers, refusal="opted_out") == silent("opted_out")


@pytest.mark.parametrize(
    ("occasion", "mint", "used", "wanted"),
    [
        pytest.param(NAVIGATION, "navigation", False, True, id="a navigation"),
        pytest.param(NAVIGATION, "never", False, False, id="a navigation, never"),
        pytest.param(NAVIGATION, "always", False, True, id="a navigation, always"),
        pytest.param(SUBRESOURCE, "navigation", False, False, id="a sub-resource"),
        pytest.param(SUBRESOURCE, "navigation", True, True, id="a sub-resource with a verb"),
        pytest.param(SUBRESOURCE, "always", False, True, id="a sub-resource, always"),
        pytest.param(SUBRESOURCE, "never", True, False, id="a verb, never"),
        pytest.param(silent("bot"), "always", False, False, id="a bot, always"),
        pytest.param(silent("opted_out"), "always", False, False, id="opted out, always"),
        pytest.param(silent("method"), "navigation", False, False, id="HEAD"),
    ],
)
def test_an_id_may_be_stored(occasion: Occasion, mint: Mint, used: bool, wanted: bool) -> None:
    assert minting.may_mint(occasion, mint, used=used) is wanted


KINDS: Final = ("identify", "track", "page", "screen", "group", "alias")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("why", [None, "method", "speculative", "bot", "opted_out", "excluded"])
def test_what_a_silent_request_records(kind: str, why: Silence | None) -> None:
    """Nobody did anything there; what the app says of somebody stays true, if it may be said."""
    said_by_app = kind in ("identify", "group", "alias") and why in ("method", "speculative", "bot")
    occasion = Occasion(navigation=why is None, silence=why)
    assert minting.is_recorded(kind, occasion) is (why is None or said_by_app)


HTML: Final = b"text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("occasion", "method", "status", "content_type", "wanted"),
    [
        pytest.param(NAVIGATION, "GET", 200, HTML, True, id="a page"),
        pytest.param(NAVIGATION, "GET", 203, b"Text/HTML", True, id="capitals"),
        pytest.param(NAVIGATION, "GET", 200, b"application/xhtml+xml", True, id="XHTML"),
        pytest.param(NAVIGATION, "POST", 200, HTML, False, id="a form"),
        pytest.param(NAVIGATION, "GET", 303, HTML, False, id="a redirect"),
        pytest.param(NAVIGATION, "GET", 304, HTML, False, id="not modified"),
        pytest.param(NAVIGATION, "GET", 404, HTML, False, id="not found"),
        pytest.param(NAVIGATION, "GET", 500, HTML, False, id="an error"),
        pytest.param(NAVIGATION, "GET", 204, HTML, False, id="no content"),
        pytest.param(NAVIGATION, "GET", 205, HTML, False, id="a form to be cleared"),
        pytest.param(NAVIGATION, "GET", 206, HTML, False, id="a part"),
        pytest.param(NAVIGATION, "GET", 200, b"application/json", False, id="JSON"),
        pytest.param(NAVIGATION, "GET", 200, b"application/pdf", False, id="a download"),
        pytest.param(NAVIGATION, "GET", 200, b"", False, id="no type"),
        pytest.param(SUBRESOURCE, "GET", 200, HTML, False, id="a fetched fragment"),
        pytest.param(silent("bot"), "GET", 200, HTML, False, id="a bot"),
    ],
)
def test_a_page_view_is_a_page_shown_to_a_person(
    occasion: Occasion, method: str, status: int, content_type: bytes, wanted: bool
) -> None:
    assert minting.is_page_view(occasion, method, status, content_type) is wanted


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({b"sec-fetch-dest": b"empty"}, True),
        ({b"sec-fetch-dest": b" Empty"}, True),
        ({b"sec-fetch-dest": b"document"}, False),
        ({b"sec-fetch-dest": b"image"}, False),
        ({}, False),
    ],
)
def test_a_script_call_is_told_from_a_page(headers: dict[bytes, bytes], wanted: bool) -> None:
    assert minting.is_script_call(headers) is wanted


NAMES: Final = st.sampled_from(
    [
        b"sec-fetch-dest",
        b"sec-fetch-mode",
        b"sec-fetch-site",
        b"sec-purpose",
        b"purpose",
        b"accept",
        b"user-agent",
    ]
)


@given(st.text(max_size=8), st.dictionaries(NAMES, st.binary(max_size=80)))
def test_any_request_can_be_judged(method: str, headers: dict[bytes, bytes]) -> None:
    judged = minting.occasion(method, headers)
    assert not (judged.navigation and judged.silence)
