"""What the bridge does in a real page: Chromium, and the real Analytics.js where it runs."""

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

import pytest
from browser.analytics_page import bundle
from browser.bridge_site import DAYS_LATER, BridgeSite, open_bridge_site
from browser.chromium import needs_chromium, new_visitor, open_chromium
from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, needs_chromium]

OLDER: Final = "01de5700-0000-4000-8000-000000000001"
VERSIONS: Final = {"1.84.3": "@segment/analytics-next", "1.84.1": "analytics-next-older"}
PLAIN: Final = ("ajs_anonymous_id", "ajs_user_id", "ajs_group_id")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    with new_visitor(chromium) as context:
        yield context


@pytest.fixture(scope="module")
def bare() -> Iterator[BridgeSite]:
    """A site whose pages have the bridge and no Analytics.js."""
    with open_bridge_site(None) as site:
        yield site


@pytest.fixture(scope="module", params=VERSIONS)
def site(request: pytest.FixtureRequest) -> Iterator[BridgeSite]:
    package = VERSIONS[request.param]
    if not bundle(package).exists():
        pytest.skip(f"{package} is missing: run npm ci in tests/conformance")
    with open_bridge_site(bundle(package)) as running:
        yield running


def opened(visitor: BrowserContext, url: str) -> Page:
    """Open a page, and wait until Analytics.js runs if it is there."""
    page = visitor.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(url)
    page.wait_for_function("!window.analytics || analytics.initialized")
    return page


def cookies(visitor: BrowserContext) -> dict[str, str]:
    return {each.get("name", ""): unquote(each.get("value", "")) for each in visitor.cookies()}


def in_page(page: Page) -> dict[str, Any]:
    """Return what Analytics.js says."""
    said: dict[str, Any] = page.evaluate(
        """() => ({
            anonymousId: analytics.user().anonymousId(),
            userId: analytics.user().id(),
            groupId: analytics.group().id(),
            traits: analytics.user().traits(),
        })"""
    )
    return said


def on_server(page: Page) -> dict[str, Any]:
    said: dict[str, Any] = page.evaluate("fetch('/who').then(answer => answer.json())")
    return said


def stored(page: Page) -> list[str | None]:
    """Return the ids in localStorage."""
    texts = page.evaluate("keys => keys.map(key => localStorage.getItem(key))", PLAIN)
    return [None if text is None else json.loads(text) for text in texts]


def test_a_new_id_is_copied_to_local_storage(visitor: BrowserContext, bare: BridgeSite) -> None:
    page = opened(visitor, bare.url)
    held = cookies(visitor)
    assert "ajs_sync" not in held
    assert stored(page) == [held["ajs_anonymous_id"], None, None]


def test_an_older_id_in_local_storage_wins_and_says_so(
    visitor: BrowserContext, bare: BridgeSite
) -> None:
    page = opened(visitor, bare.url)
    first = cookies(visitor)["ajs_anonymous_id"]
    page.goto("about:blank")
    visitor.clear_cookies()
    page.goto(bare.url)
    held = cookies(visitor)
    assert held["ajs_anonymous_id"] == first
    replaced = json.loads(held["ajs_sync"])["replaced"]
    assert replaced not in (None, first)
    page.reload()
    assert "ajs_sync" not in cookies(visitor)
    assert on_server(page)["anonymousId"] == first


def test_an_older_person_comes_along_as_a_claim(visitor: BrowserContext, bare: BridgeSite) -> None:
    visitor.add_init_script(
        f"""localStorage.ajs_anonymous_id = '"{OLDER}"'; localStorage.ajs_user_id = '"ada"'"""
    )
    page = opened(visitor, bare.url)
    assert page.evaluate("segmentIdentity.ids()") == {
        "anonymousId": OLDER,
        "userId": "ada",
        "groupId": None,
    }
    said = on_server(page)
    assert (said["anonymousId"], said["userId"], said["hint"]) == (OLDER, None, "ada")


@pytest.mark.parametrize("first", ["ada", "42", "1e5", "true-ish", "Zoë; née=Ü", "a%20b"])
def test_any_id_survives_the_bridge(visitor: BrowserContext, bare: BridgeSite, first: str) -> None:
    page = opened(visitor, bare.url)
    page.evaluate("who => fetch('/act/identify?argument=' + encodeURIComponent(who))", first)
    assert page.evaluate("segmentIdentity.ids().userId") == first
    # The page hears of cookies that changed a moment later.
    page.wait_for_function("localStorage.ajs_user_id")
    page.goto("about:blank")
    visitor.clear_cookies()
    page.goto(bare.url)
    assert page.evaluate("segmentIdentity.ids().userId") == first
    assert on_server(page)["hint"] == first


def test_traits_go_with_whom_they_belong_to(visitor: BrowserContext, site: BridgeSite) -> None:
    page = opened(visitor, site.url)
    page.evaluate("analytics.identify({plan: 'free'})")
    page.evaluate("fetch('/act/identify?argument=ada')")
    assert in_page(page)["traits"] == {"plan": "free"}
    page.evaluate("fetch('/act/identify?argument=bob')")
    assert in_page(page)["traits"] == {}
    page.evaluate("analytics.identify('bob', {plan: 'pro'})")
    page.evaluate("fetch('/act/reset')")
    assert in_page(page)["traits"] == {}


def test_a_running_analytics_js_follows_the_server_at_once(
    visitor: BrowserContext, site: BridgeSite
) -> None:
    page = opened(visitor, site.url)
    page.evaluate("fetch('/act/identify?argument=ada')")
    assert in_page(page)["userId"] == "ada"
    page.evaluate("fetch('/act/group?argument=acme')")
    assert in_page(page)["groupId"] == "acme"
    before = in_page(page)["anonymousId"]
    after = page.evaluate(
        "fetch('/act/reset').then(() => [analytics.user().id(), analytics.user().anonymousId()])"
    )
    assert after[0] is None
    assert after[1] != before
    assert on_server(page)["anonymousId"] == after[1]


def test_events_right_after_a_server_side_log_out_are_nobodys(
    visitor: BrowserContext, site: BridgeSite
) -> None:
    page = opened(visitor, site.url)
    page.evaluate("analytics.identify('ada')")
    sent = page.evaluate(
        "fetch('/act/reset').then(() => analytics.track('Left')).then(context => context.event)"
    )
    assert sent.get("userId") is None
    assert sent["anonymousId"] == on_server(page)["anonymousId"]


def test_a_reset_in_the_page_reaches_the_server(visitor: BrowserContext, site: BridgeSite) -> None:
    page = opened(visitor, site.url)
    page.evaluate("fetch('/act/identify?argument=ada')")
    page.evaluate("analytics.reset()")
    assert cookies(visitor)["ajs_reset"] == "1"
    page.reload()
    assert "ajs_reset" not in cookies(visitor)
    said = on_server(page)
    assert (said["userId"], said["hint"]) == (None, None)


def test_a_reset_is_not_undone_by_what_another_tab_still_sees(
    visitor: BrowserContext, site: BridgeSite
) -> None:
    """Tabs in other processes see localStorage change a moment later."""
    page = opened(visitor, site.url)
    before = in_page(page)["anonymousId"]
    page.evaluate(
        """() => {
            const stale = localStorage.ajs_anonymous_id
            analytics.reset()
            localStorage.ajs_anonymous_id = stale
            window.dispatchEvent(new Event("focus"))
        }"""
    )
    assert "ajs_anonymous_id" not in cookies(visitor)
    assert in_page(page)["anonymousId"] != before


def test_a_page_without_analytics_js_can_reset_too(
    visitor: BrowserContext, bare: BridgeSite
) -> None:
    page = opened(visitor, bare.url)
    before = cookies(visitor)["ajs_anonymous_id"]
    page.evaluate("fetch('/act/identify?argument=ada')")
    page.evaluate("segmentIdentity.reset()")
    assert stored(page) == [None, None, None]
    page.reload()
    said = on_server(page)
    assert (said["userId"], said["hint"]) == (None, None)
    assert said["anonymousId"] != before


def test_an_app_hears_of_a_change_at_once(
    visitor: BrowserContext, bare: BridgeSite, site: BridgeSite
) -> None:
    for url, user in ((bare.url, "ada"), (site.url, "bob")):
        page = opened(visitor, url)
        heard = page.evaluate(
            """async user => {
                const heard = new Promise(resolve => document.addEventListener(
                    "segmentidentity", () => resolve(segmentIdentity.ids().userId)))
                await fetch("/act/identify?argument=" + user)
                return heard
            }""",
            user,
        )
        assert heard == user


def test_a_page_that_is_no_secure_context_hears_when_it_is_seen_again(
    chromium: Browser, visitor: BrowserContext
) -> None:
    with open_bridge_site(None, domain="shop.example") as named:
        page = opened(visitor, named.named_url)
        assert page.evaluate("window.cookieStore === undefined")
        for event, user in (("focus", "ada"), ("pageshow", "bob"), ("visibilitychange", "cleo")):
            page.evaluate(f"fetch('/act/identify?argument={user}')")
            assert stored(page)[1] != user
            page.evaluate(f"window.dispatchEvent(new Event('{event}'))")
            assert stored(page)[1] == user


def test_another_tab_follows(visitor: BrowserContext, site: BridgeSite) -> None:
    first, second = opened(visitor, site.url), opened(visitor, site.url)
    for page in (first, second):
        in_page(page)
    first.evaluate("analytics.identify('ada', {plan: 'pro'})")
    assert in_page(second)["userId"] == "ada"
    first.evaluate("analytics.identify('bob', {plan: 'free'})")
    assert in_page(second) == in_page(first)
    assert in_page(first)["traits"] == {"plan": "free"}
    first.evaluate("analytics.reset()")
    assert in_page(second)["userId"] is None
    assert in_page(second)["anonymousId"] == in_page(first)["anonymousId"]


def test_a_page_from_the_back_forward_cache_follows(
    visitor: BrowserContext, site: BridgeSite
) -> None:
    page = opened(visitor, site.url)
    page.evaluate("fetch('/act/identify?argument=ada')")
    assert in_page(page)["userId"] == "ada"
    page.evaluate("addEventListener('pageshow', event => window.restored = event.persisted)")
    page.goto(f"{site.url}/act/reset")
    page.go_back(wait_until="commit")
    page.wait_for_function("window.restored === true")
    said = in_page(page)
    assert said["userId"] is None
    assert said["anonymousId"] == on_server(page)["anonymousId"]


def test_cookies_that_expire_come_back_from_both_memories(
    visitor: BrowserContext, site: BridgeSite
) -> None:
    page = opened(visitor, site.url)
    page.evaluate("fetch('/act/identify?argument=ada')")
    before = in_page(page)
    page.goto("about:blank")
    for name in PLAIN:
        visitor.clear_cookies(name=name)
    visitor.set_extra_http_headers({DAYS_LATER: "8"})
    page.goto(site.url)
    page.wait_for_function("analytics.initialized")
    assert in_page(page) == before
    assert on_server(page)["userId"] == "ada"


def test_a_page_forgets_who_no_longer_consents(visitor: BrowserContext, bare: BridgeSite) -> None:
    page = opened(visitor, bare.url)
    page.evaluate("localStorage.ajs_user_traits = '{}'; document.cookie = 'refused=1'")
    page.goto(bare.url)
    assert stored(page) == [None, None, None]
    assert page.evaluate("localStorage.ajs_user_traits") is None
    assert [name for name in cookies(visitor) if name != "refused"] == []


def test_local_storage_alone_sets_no_cookie(visitor: BrowserContext, bare: BridgeSite) -> None:
    """What was consented to only the server and Analytics.js know."""
    page = opened(visitor, bare.url)
    first = cookies(visitor)["ajs_anonymous_id"]
    page.goto("about:blank")
    visitor.clear_cookies()
    page.goto(f"{bare.url}/cached")
    assert cookies(visitor) == {}
    assert page.evaluate("segmentIdentity.ids().anonymousId") == first


@pytest.mark.parametrize(
    "block",
    [
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no') }})",
        "Object.defineProperty(document, 'cookie', {get: () => '', set() {}})",
        "delete window.cookieStore; delete window.CookieStore",
    ],
    ids=["no local storage", "no cookies", "no cookieStore"],
)
def test_blocked_storage_breaks_nothing(
    visitor: BrowserContext, site: BridgeSite, block: str
) -> None:
    visitor.add_init_script(block)
    page = opened(visitor, site.url)
    page.evaluate("analytics.identify('ada', {plan: 'pro'})")
    page.evaluate("analytics.track('Clicked')")
    said = in_page(page)
    assert (said["userId"], said["traits"]) == ("ada", {"plan": "pro"})
    page.evaluate("analytics.reset()")
    assert in_page(page)["userId"] is None
    assert page.evaluate("segmentIdentity.ids()")


def test_without_local_storage_the_server_is_still_followed(
    visitor: BrowserContext, site: BridgeSite
) -> None:
    visitor.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no') }})"
    )
    page = opened(visitor, site.url)
    page.evaluate("fetch('/act/identify?argument=ada')")
    assert in_page(page)["userId"] == "ada"
    page.evaluate("fetch('/act/reset')")
    assert in_page(page)["userId"] is None


def test_a_full_local_storage_keeps_nothing_stale(
    visitor: BrowserContext, bare: BridgeSite
) -> None:
    page = opened(visitor, bare.url)
    page.evaluate("void (Storage.prototype.setItem = () => { throw new DOMException('full') })")
    page.evaluate("fetch('/act/identify?argument=ada')")
    assert page.evaluate("segmentIdentity.ids().userId") == "ada"
    page.evaluate("fetch('/act/identify?argument=bob')")
    assert page.evaluate("segmentIdentity.ids().userId") == "bob"
    assert stored(page) == [None, None, None]


def test_a_page_without_any_storage_gets_no_error(
    visitor: BrowserContext, bare: BridgeSite
) -> None:
    """As in a sandboxed frame, where every look at a cookie throws; Analytics.js does not run."""
    for name in ("document, 'cookie'", "window, 'localStorage'"):
        visitor.add_init_script(
            f"Object.defineProperty({name}, {{get() {{ throw new DOMException('no') }}}})"
        )
    page = opened(visitor, bare.url)
    assert page.evaluate("segmentIdentity.ids().anonymousId") is None


def test_a_page_may_hold_it_twice(visitor: BrowserContext, bare: BridgeSite) -> None:
    page = opened(visitor, bare.url)
    page.evaluate("window.first = segmentIdentity")
    page.add_script_tag(content=page.locator("script").first.inner_text())
    assert page.evaluate("window.first === segmentIdentity")
