"""The example app with the real Analytics.js in a real Chromium."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.chromium import needs_chromium, new_visitor, open_chromium
from browser.customer import fill_sign_up
from browser.shop import ANALYTICS_JS, Shop, needs_analytics_js, open_shop, rows
from browser.walk import Walk, walk
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, needs_chromium, needs_analytics_js]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def visit(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Walk, Path, list[str]]:
    """Visit every page once; return what was seen, what was recorded, and who was asked."""
    database = tmp_path_factory.mktemp("shop") / "shop.db"
    asked: list[str] = []
    with open_shop(database, ANALYTICS_JS) as shop:
        with new_visitor(chromium) as visitor:
            page = visitor.new_page()
            page.on("request", lambda request: asked.append(request.url.removeprefix(shop.url)))
            seen = walk(page, shop.url)
        assert shop.stop(signal.SIGTERM) == ""
    return seen, database, asked


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path / "shop.db", ANALYTICS_JS) as running:
        yield running


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with new_visitor(chromium) as visitor:
        yield visitor.new_page()


def open_page(page: Page, url: str) -> None:
    page.goto(url)
    in_step(page)


def in_step(page: Page) -> None:
    """Wait until the panel says that Analytics.js and the server hold the same ids."""
    expect(page.locator("#browser").get_by_text("the same as on the server")).to_be_visible()


def sign_up(page: Page, url: str) -> None:
    page.goto(f"{url}/sign-up")
    fill_sign_up(page)


def got(page: Page) -> list[str]:
    """Return what the destination in the page received, newest first."""
    return page.locator("#browser .events .what").all_inner_texts()


def ids(page: Page) -> Any:
    return page.evaluate("[analytics.user().anonymousId(), analytics.user().id()]")


def test_one_visitor_is_one_id_in_everything_both_sides_recorded(
    visit: tuple[Walk, Path, list[str]],
) -> None:
    seen, database, _ = visit
    first, second = seen.anonymous_ids["first page"], seen.anonymous_ids["log_in"]
    assert first != second
    recorded = rows(
        database,
        "SELECT event, anonymous_id, user_id, context_library_name FROM tracks ORDER BY timestamp",
    )
    by_server = [row[:3] for row in recorded if row[3] == "segment_identity"]
    by_browser = [row[:3] for row in recorded if row[3] == "analytics.js"]
    assert by_server == [
        ("product_viewed", first, None),
        ("product_added", first, None),
        ("newsletter_subscribed", first, None),
        ("signed_up", first, seen.user_id),
        ("profile_updated", first, seen.user_id),
        ("signed_in", second, seen.user_id),
    ]
    assert by_browser == [
        ("product_list_viewed", first, None),
        ("product_list_viewed", second, None),
        ("product_list_viewed", second, seen.user_id),
    ]
    for table in ("pages", "identifies"):
        names = f"SELECT DISTINCT context_library_name FROM {table}"
        assert rows(database, names) == [("segment_identity",)]


def test_the_browser_has_nothing_to_complain_about(visit: tuple[Walk, Path, list[str]]) -> None:
    expected = "422 (Unprocessable"
    assert [text for text in visit[0].complaints if expected not in text] == []


def test_nobody_but_the_shop_is_asked(visit: tuple[Walk, Path, list[str]]) -> None:
    assert [path for path in visit[2] if not path.startswith("/")] == []
    assert "/v1/t" in visit[2]


def test_nothing_is_wider_than_a_phone(visit: tuple[Walk, Path, list[str]]) -> None:
    assert visit[0].widest_on_phone == 390


def test_a_sign_up_reaches_a_destination_in_the_browser_once(page: Page, shop: Shop) -> None:
    sign_up(page, shop.url)
    in_step(page)
    signed_up = "name: Ada Lovelace, email: ada@example.com"
    expect(page.locator("#browser .events li")).to_have_count(3)
    assert got(page) == ["/welcome", "Signed Up", signed_up]
    waited = page.locator("#browser li").filter(has_text="waited for this page")
    assert waited.count() == 2
    page.reload()
    in_step(page)
    expect(page.locator("#browser .events li")).to_have_count(1)
    assert got(page) == ["/welcome"]


def test_a_log_out_is_one_on_both_sides(page: Page, shop: Shop) -> None:
    open_page(page, shop.url)
    visitor = ids(page)
    sign_up(page, shop.url)
    in_step(page)
    known = ids(page)
    assert known[0] == visitor[0]
    assert known[1] is not None
    assert json.loads(page.evaluate("localStorage.ajs_user_id")) == known[1]
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are logged out")).to_be_visible()
    in_step(page)
    stranger = ids(page)
    assert stranger[0] not in (None, known[0])
    assert stranger[1] is None
    assert page.evaluate("JSON.parse(localStorage.getItem('ajs_user_id'))") is None
    open_page(page, f"{shop.url}/plants/zz")
    assert ids(page) == stranger


def test_a_reset_in_the_page_is_one_on_both_sides(page: Page, shop: Shop) -> None:
    open_page(page, shop.url)
    before = ids(page)
    page.evaluate("analytics.reset()")
    open_page(page, f"{shop.url}/plants/zz")
    after = ids(page)
    assert after[0] not in (None, before[0])
    assert after[1] is None


def test_who_objects_is_forgotten_on_both_sides(page: Page, shop: Shop, tmp_path: Path) -> None:
    open_page(page, shop.url)
    known = ids(page)
    choose(page, shop.url, agrees=False)
    for path in ("/privacy", "/plants/zz", "/"):
        page.goto(shop.url + path)
        expect(page.get_by_text("not recorded: you have not agreed")).to_be_visible()
        assert page.evaluate("typeof window.AnalyticsNext") == "undefined"
        # What ran in the page that was left may still have written that it knows nothing.
        assert set(page.evaluate("Object.values(localStorage)")) <= {"null", "{}"}
        assert [name for name in cookie_names(page) if "ajs" in name] == []
    choose(page, shop.url, agrees=True)
    in_step(page)
    new = ids(page)
    assert new[0] not in (None, known[0])
    open_page(page, f"{shop.url}/plants/pilea")
    assert ids(page) == new
    assert shop.stop(signal.SIGTERM) == ""
    events = "SELECT DISTINCT anonymous_id FROM tracks ORDER BY timestamp"
    assert rows(tmp_path / "shop.db", events) == [(known[0],), (new[0],)]
    viewed = "SELECT context_page_path FROM tracks WHERE event = 'product_viewed'"
    assert rows(tmp_path / "shop.db", viewed) == [("/plants/pilea",)]


def choose(page: Page, url: str, *, agrees: bool) -> None:
    page.goto(f"{url}/privacy")
    page.get_by_label("Count my visits").set_checked(agrees)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your choice is saved.")).to_be_visible()


def cookie_names(page: Page) -> list[str]:
    return [cookie.get("name", "") for cookie in page.context.cookies()]
