"""The example app and the real Analytics.js in a real Chromium."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.analytics_page import bundle, open_site
from browser.chromium import needs_chromium, new_visitor, open_chromium
from browser.customer import EMAIL
from browser.shop import Shop, open_shop, rows
from browser.walk import Walk, walk
from playwright.sync_api import Browser, expect

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def visit(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> tuple[Walk, Path]:
    """Visit every page once, then stop the shop; what it leaves behind is its database."""
    database = tmp_path_factory.mktemp("shop") / "shop.db"
    with open_shop(database) as shop:
        with new_visitor(chromium) as visitor:
            seen = walk(visitor.new_page(), shop.url)
        assert shop.stop(signal.SIGTERM) == ""
    return seen, database


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path / "shop.db") as running:
        yield running


def test_the_anonymous_id_lasts_until_log_out(visit: tuple[Walk, Path]) -> None:
    ids = visit[0].anonymous_ids
    before = {ids[step] for step in ("first page", "browse", "subscribe", "sign_up")}
    assert before == {ids["change_account"]}
    assert ids["log_out"] not in before
    assert ids["log_in"] == ids["log_out"]


def test_every_event_of_a_terminated_shop_is_in_its_database(visit: tuple[Walk, Path]) -> None:
    seen, database = visit
    first, second = seen.anonymous_ids["first page"], seen.anonymous_ids["log_in"]
    assert rows(database, "SELECT event, anonymous_id, user_id FROM tracks ORDER BY rowid") == [
        ("product_viewed", first, None),
        ("product_added", first, None),
        ("newsletter_subscribed", first, None),
        ("signed_up", first, seen.user_id),
        ("profile_updated", first, seen.user_id),
        ("signed_in", second, seen.user_id),
    ]
    assert rows(database, "SELECT anonymous_id, user_id, email FROM identifies ORDER BY rowid") == [
        (first, None, EMAIL),
        (first, seen.user_id, EMAIL),
        (first, seen.user_id, None),
        (second, seen.user_id, EMAIL),
    ]
    assert rows(database, "SELECT id, email, room FROM users") == [
        (seen.user_id, EMAIL, "The loft")
    ]
    paths = "SELECT context_page_path FROM pages ORDER BY rowid"
    assert [path for (path,) in rows(database, paths)] == [
        "/",
        "/plants/monstera",
        "/basket",
        "/newsletter",
        "/newsletter",
        "/sign-up",
        "/welcome",
        "/account",
        "/account",
        "/",
        "/log-in",
        "/",
    ]


def test_the_panel_updates_without_a_reload(visit: tuple[Walk, Path]) -> None:
    assert visit[0].updated_without_reload


def test_the_browser_has_nothing_to_complain_about(visit: tuple[Walk, Path]) -> None:
    expected = "422 (Unprocessable"
    assert [text for text in visit[0].complaints if expected not in text] == []


def test_nothing_is_wider_than_a_phone(visit: tuple[Walk, Path]) -> None:
    assert visit[0].widest_on_phone == 390


def test_the_panel_rests_while_nobody_looks(chromium: Browser, shop: Shop) -> None:
    hide = """hidden => {
        Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    with new_visitor(chromium) as visitor:
        page = visitor.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(shop.url)
        page.evaluate(hide, True)
        # A question asked just before may still be on its way here.
        page.wait_for_timeout(500)
        asked.clear()
        page.wait_for_timeout(2500)
        assert asked == []
        with page.expect_request(f"{shop.url}/panel"):
            page.evaluate(hide, False)


def test_the_panel_works_without_scripts(chromium: Browser, shop: Shop) -> None:
    with new_visitor(chromium, scripts=False) as visitor:
        page = visitor.new_page()
        page.goto(shop.url)
        expect(page.get_by_text("new: this request made the id")).to_be_visible()
        page.wait_for_timeout(300)
        page.goto(f"{shop.url}/plants/zz")
        expect(page.locator(".what").get_by_text("/", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    "package",
    [
        pytest.param("@segment/analytics-next", id="1.84.3"),
        pytest.param("analytics-next-older", id="1.84.1"),
    ],
)
def test_analytics_js_uses_the_id_the_server_made(chromium: Browser, package: str) -> None:
    script = bundle(package)
    if not script.exists():
        pytest.skip(f"{package} is missing: run npm ci in tests/conformance")
    with open_site(script) as site, new_visitor(chromium) as visitor:
        page = visitor.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(site.url)
        page.wait_for_function("!Array.isArray(window.analytics) && window.analytics.user")
        minted = page.locator("#minted").inner_text()
        assert page.evaluate("analytics.user().anonymousId()") == minted
        page.evaluate("analytics.track('Clicked', {where: 'here'})")
        (message,) = site.posted
        assert (message["type"], message["event"]) == ("track", "Clicked")
        assert (message["anonymousId"], message["userId"]) == (minted, None)
        page.reload()
        assert page.locator("#minted").inner_text() == minted
        assert [url for url in asked if not url.startswith(site.url)] == []
