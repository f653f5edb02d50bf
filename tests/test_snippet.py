"""The snippet with the real Analytics.js in a real Chromium."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from browser.chromium import needs_chromium, new_visitor, open_chromium
from browser.snippet_site import KEY, SnippetSite, open_snippet_site
from playwright.sync_api import Browser, BrowserContext

from segment_identity import Identity

pytestmark = [pytest.mark.browser, needs_chromium]

_MODULES: Final = Path(__file__).parent / "conformance" / "node_modules"
BROWSER: Final = Path(__file__).parents[1] / "segment_identity" / "browser"
HOSTILE: Final = (
    "</script><script>document.title='Hacked'</script><!-- <script> ]]> & "
    "\u2028\u2029 \"'`${1}\\ é 🌱"
)
PROPERTIES: Final = {HOSTILE: HOSTILE, "deep": [{"price": 9.5, "none": None, "yes": True}]}


def sign_up(identity: Identity) -> None:
    identity.identify("ada", {"plan": "pro"}, browser=True)
    identity.track("Signed Up", {"plan": "pro"}, browser=True)


def join(identity: Identity) -> None:
    identity.identify("ada")
    identity.group("acme")


def call_the_rest(identity: Identity) -> None:
    identity.group("acme", {"size": 9}, browser=True)
    identity.screen("Start", {"a": 1}, browser=True)
    identity.alias("ada", "old", browser=True)


ACTS: Final[dict[str, Callable[[Identity], object]]] = {
    "/sign-up": sign_up,
    "/join": join,
    "/bob": lambda identity: identity.identify("bob", {"plan": "free"}, browser=True),
    "/out": lambda identity: identity.reset(),
    "/hostile": lambda identity: identity.track(HOSTILE, PROPERTIES, browser=True),
    "/view": lambda identity: identity.page("Home", {"a": 1}, category="Docs", browser=True),
    "/rest": call_the_rest,
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("@segment/analytics-next", id="1.84.3"),
        pytest.param("analytics-next-older", id="1.84.1"),
    ],
)
def package(request: pytest.FixtureRequest) -> Path:
    found = _MODULES / str(request.param)
    if not found.exists():
        pytest.skip(f"{request.param} is missing: run npm ci in tests/conformance")
    return found


@pytest.fixture
def site(package: Path) -> Iterator[SnippetSite]:
    with open_snippet_site(package, ACTS) as running:
        yield running


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    with new_visitor(chromium) as context:
        yield context


class Tab:
    """One tab, and everything it had to complain about."""

    def __init__(self, visitor: BrowserContext, site: SnippetSite, host: str = "127.0.0.1") -> None:
        self.page = visitor.new_page()
        self.site = site
        self.url = site.at(host)
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, path: str = "/") -> "Tab":
        self.page.goto(self.url + path)
        return self.ready()

    def ready(self) -> "Tab":
        """Wait until Analytics.js runs, and has done what was asked of it until now."""
        self.until("!Array.isArray(window.analytics) && document.title == 'Ready'")
        self.page.evaluate("analytics.track('Settled')")
        self.until("received.some(event => event.event == 'Settled')")
        return self

    def until(self, true: str) -> None:
        """Wait until something is true; Playwright's own wait is against the page's policy."""
        late = time.monotonic() + 10
        while not self.page.evaluate(true):
            assert time.monotonic() < late, true
            time.sleep(0.02)

    def received(self, *but: str) -> list[dict[str, Any]]:
        """Return the events that the destination in the page got."""
        got: list[dict[str, Any]] = self.page.evaluate("JSON.parse(JSON.stringify(received))")
        return [each for each in got if each.get("event") != "Settled" and each["type"] not in but]

    def posted(self, name: str) -> list[dict[str, Any]]:
        """Return what came to the collector, once *name* has."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            if name in {each.get("event") or each["type"] for each in self.site.posted}:
                return self.site.posted
            time.sleep(0.02)
        pytest.fail(f"{name} was never posted")

    def cookies(self) -> dict[str, dict[str, Any]]:
        """Return every cookie by name, with all that belongs to it; lives are in minutes."""
        held: list[dict[str, Any]] = [{**each} for each in self.page.context.cookies()]
        lives = {each["name"]: round((each["expires"] - time.time()) / 60) for each in held}
        return {each["name"]: {**each, "expires": lives[each["name"]]} for each in held}


def test_a_call_of_the_server_reaches_a_destination_in_the_browser_once(
    visitor: BrowserContext, site: SnippetSite
) -> None:
    tab = Tab(visitor, site).open("/sign-up")
    identify, track = tab.received("page")
    by_server = {each["type"]: each for each in site.sent()}
    for event in (identify, track):
        sent = by_server[event["type"]]
        assert event["messageId"] == sent["messageId"]
        assert event["timestamp"] == sent["timestamp"]
        assert (event["anonymousId"], event["userId"]) == (sent["anonymousId"], "ada")
        assert event["integrations"]["Segment.io"] is False
    assert identify["traits"] == {"plan": "pro"}
    assert (track["event"], track["properties"]) == ("Signed Up", {"plan": "pro"})
    posted = tab.posted("Settled")
    assert {each.get("event") or each["type"] for each in posted} == {"page", "Settled"}
    assert {each["anonymousId"] for each in posted} == {track["anonymousId"]}
    assert {each["userId"] for each in posted} == {"ada"}
    assert {each["writeKey"] for each in posted} == {KEY}
    assert tab.complaints == []
    assert [url for url in tab.asked if not url.startswith(tab.url)] == []


def test_no_way_back_to_the_page_makes_its_calls_again(
    visitor: BrowserContext, site: SnippetSite
) -> None:
    tab = Tab(visitor, site).open("/sign-up?kept")
    assert len(tab.received("page")) == 2
    tab.open("/elsewhere")
    # The page itself comes back, with all it had received.
    tab.page.evaluate("history.back()")
    tab.page.wait_for_url("**/kept", wait_until="commit")
    assert len(tab.ready().received("page")) == 2
    # Now the same HTML, as from a cache.
    other = Tab(visitor, site)
    for again in (tab.open("/kept"), other.open("/kept")):
        assert "Signed Up" in again.page.content()
        assert again.received("page") == []


def test_the_next_user_of_a_browser_has_one_new_id_on_both_sides(
    visitor: BrowserContext, site: SnippetSite
) -> None:
    """Made again in the page, identify must not make yet another id there."""
    tab = Tab(visitor, site).open("/sign-up")
    ada = tab.page.evaluate("analytics.user().anonymousId()")
    tab.open("/bob")
    (identify,) = tab.received("page")
    sent = site.sent()[-1]
    assert (sent["userId"], identify["userId"]) == ("bob", "bob")
    assert sent["anonymousId"] == identify["anonymousId"] != ada
    assert identify["traits"] == {"plan": "free"}
    assert tab.page.evaluate("analytics.user().anonymousId()") == sent["anonymousId"]
    tab.open("/elsewhere")
    assert tab.cookies()["ajs_anonymous_id"]["value"] == sent["anonymousId"]


def test_what_somebody_did_before_logging_out_is_not_made_for_the_next(
    visitor: BrowserContext, site: SnippetSite
) -> None:
    tab = Tab(visitor, site).open()
    tab.page.evaluate("fetch('/sign-up', {redirect: 'manual'}).then(() => fetch('/out'))")
    tab.page.wait_for_timeout(300)
    tab.open()
    assert tab.received("page") == []
    assert tab.page.evaluate("analytics.user().id()") is None


def test_two_tabs_with_the_same_cookie_make_a_call_once(
    visitor: BrowserContext, site: SnippetSite
) -> None:
    tab = Tab(visitor, site).open()
    tab.page.evaluate("fetch('/sign-up', {redirect: 'manual'})")
    tab.page.wait_for_timeout(200)
    waits = [each for each in visitor.cookies() if each["name"] == "ajs_pending"]
    assert len(waits) == 1
    first = Tab(visitor, site).open()
    visitor.add_cookies([{**waits[0]}])  # type: ignore[typeddict-item]
    second = Tab(visitor, site).open()
    assert [len(each.received("page")) for each in (first, second)] == [2, 0]


def test_a_page_kept_for_somebody_else_makes_nobodys_calls(
    chromium: Browser, site: SnippetSite
) -> None:
    with new_visitor(chromium) as ada, new_visitor(chromium) as bob:
        assert len(Tab(ada, site).open("/sign-up?kept").received("page")) == 2
        stranger = Tab(bob, site).open("/kept")
        assert "Signed Up" in stranger.page.content()
        assert stranger.received("page") == []


def test_hostile_texts_arrive_as_they_are(visitor: BrowserContext, site: SnippetSite) -> None:
    tab = Tab(visitor, site).open("/hostile")
    (track,) = tab.received("page")
    assert (track["event"], track["properties"]) == (HOSTILE, PROPERTIES)
    assert tab.complaints == []


def test_every_verb_arrives_as_itself(visitor: BrowserContext, site: SnippetSite) -> None:
    group, screen, alias, _ = Tab(visitor, site).open("/rest").received()
    assert (group["type"], group["groupId"], group["traits"]) == ("group", "acme", {"size": 9})
    assert (screen["type"], screen["name"]) == ("screen", "Start")
    assert (alias["type"], alias["userId"], alias["previousId"]) == ("alias", "ada", "old")


def test_a_page_of_the_server_stays_that_page(visitor: BrowserContext, site: SnippetSite) -> None:
    waited, here = Tab(visitor, site).open("/view").received()
    assert (waited["name"], waited["category"]) == ("Home", "Docs")
    assert waited["properties"]["path"] == "/view"
    assert waited["properties"]["a"] == 1
    assert here["properties"]["path"] == "/welcome"


def test_calls_before_analytics_js_keep_their_page(
    visitor: BrowserContext, site: SnippetSite
) -> None:
    tab = Tab(visitor, site)
    tab.page.goto(f"{tab.url}/landing?utm_source=letter")
    tab.ready()
    (here,) = tab.received()
    assert here["properties"]["search"] == "?utm_source=letter"
    assert here["properties"]["title"] == "A page"
    assert here["context"]["campaign"] == {"source": "letter"}


def test_a_reference_kept_from_before_reaches_analytics_js(
    visitor: BrowserContext, site: SnippetSite
) -> None:
    visitor.add_init_script(
        "document.addEventListener('DOMContentLoaded', () => { window.early = analytics.track })"
    )
    tab = Tab(visitor, site)
    tab.page.route("**/bundle/**", lambda route: route.abort())
    tab.page.goto(tab.url)
    assert tab.page.evaluate("Array.isArray(analytics) && early === analytics.track")
    tab.page.unroute("**/bundle/**")
    tab.page.evaluate(
        "document.head.append(Object.assign(document.createElement('script'), "
        "{src: '/bundle/index.js', onload: document.querySelector('script[src]').onload, "
        "nonce: 'a-nonce'}))"
    )
    tab.ready()
    tab.page.evaluate("early('Late')")
    tab.until("received.some(event => event.event == 'Late')")


def test_a_page_lives_without_its_bundle(visitor: BrowserContext, site: SnippetSite) -> None:
    tab = Tab(visitor, site)
    tab.page.route("**/bundle/**", lambda route: route.abort())
    tab.page.goto(f"{tab.url}/sign-up")
    tab.page.evaluate("analytics.track('Clicked')")
    assert [text for text in tab.complaints if "ERR_FAILED" not in text] == []


def test_a_link_cannot_say_who_somebody_is(visitor: BrowserContext, site: SnippetSite) -> None:
    tab = Tab(visitor, site).open("/?ajs_uid=admin&ajs_aid=planted&ajs_event=Bought")
    assert tab.page.evaluate("analytics.user().id()") is None
    assert tab.page.evaluate("analytics.user().anonymousId()") != "planted"
    assert [each["type"] for each in tab.received()] == ["page"]


def test_blocked_storage_costs_no_call(visitor: BrowserContext, site: SnippetSite) -> None:
    visitor.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('blocked') }})"
    )
    assert len(Tab(visitor, site).open("/sign-up").received("page")) == 2


def test_where_the_server_records_pages_only_the_browser_gets_another(
    visitor: BrowserContext, package: Path
) -> None:
    with open_snippet_site(package, track_pages=True) as site:
        tab = Tab(visitor, site).open()
        assert [each["type"] for each in tab.received()] == ["page"]
        assert [each.get("event") for each in tab.posted("Settled")] == ["Settled"]


def test_a_page_call_can_be_left_to_the_page(visitor: BrowserContext, package: Path) -> None:
    with open_snippet_site(package, given={"page": False}) as site:
        assert Tab(visitor, site).open().received() == []


def test_the_bundle_of_a_cdn_finds_its_options(visitor: BrowserContext, package: Path) -> None:
    with open_snippet_site(package, ACTS) as elsewhere:
        given = {"script": None, "cdn_url": elsewhere.at("127.0.0.1")}
        headers = {"Content-Security-Policy": "img-src 'none'"}
        visitor.route(f"{given['cdn_url']}/v1/**", lambda route: route.fulfill(json=_settings()))
        with open_snippet_site(package, ACTS, given=given, headers=headers) as site:
            tab = Tab(visitor, site).open("/sign-up?ajs_uid=admin")
            assert [each["type"] for each in tab.received()] == ["identify", "track", "page"]
            assert {each["userId"] for each in tab.posted("Settled")} == {"ada"}


def _settings() -> dict[str, Any]:
    return {"integrations": {"Segment.io": {"apiKey": KEY}}, "metrics": {"sampleRate": 0}}


@pytest.mark.parametrize(
    ("host", "options"),
    [
        pytest.param("127.0.0.1", {}, id="an address"),
        pytest.param("localhost", {"secure": True}, id="secure"),
        pytest.param("www.shop.localhost", {}, id="a host alone"),
        pytest.param("www.shop.localhost", {"cookie_domain": "shop.localhost"}, id="a domain"),
    ],
)
def test_analytics_js_writes_cookies_as_the_server_does(
    visitor: BrowserContext, package: Path, host: str, options: dict[str, Any]
) -> None:
    with open_snippet_site(package, ACTS, **options) as site:
        tab = Tab(visitor, site, host)
        tab.page.route("**/bundle/**", lambda route: route.abort())
        tab.page.goto(f"{tab.url}/join")
        ours = tab.cookies()
        tab.page.unroute("**/bundle/**")
        tab.open()
        names = ("ajs_anonymous_id", "ajs_user_id", "ajs_group_id")
        mine, user, group = (ours[name]["value"] for name in names)
        assert (user, group) == ("ada", "acme")
        assert tab.page.evaluate("analytics.user().anonymousId()") == mine
        assert tab.page.evaluate("analytics.user().id()") == "ada"
        # Now all three are its own.
        tab.page.evaluate("analytics.reset()")
        assert not set(names) & set(tab.cookies())
        tab.page.evaluate(
            "id => { analytics.setAnonymousId(id); analytics.identify('ada');"
            " analytics.group('acme') }",
            mine,
        )
        theirs = tab.cookies()
        assert {name: theirs[name] for name in names} == {name: ours[name] for name in names}
        assert len(visitor.cookies()) == len(theirs)


def test_pages_get_the_loader_as_it_is_written() -> None:
    script, terser = BROWSER / "loader.js", _MODULES / "terser"
    if not terser.exists():
        pytest.skip("terser is missing: run npm ci in tests/conformance")
    command = ["node", str(_MODULES.parent / "minify.cjs"), str(script)]
    made = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert made == script.with_suffix(".min.js").read_text()
