"""The seed's scenarios, by a person with two browsers and the real Analytics.js, over two days.

How this works
--------------
The first day is the one of the ad, the third that of the sign-up; only the shop's clock says so.
Laptop and phone are two profiles of Chromium, which hold their cookies and localStorage from one
day to the other. What comes out is asked for as a person would: in SQL, in the shop's database.

1. *Multi-day, single device.* Who signs up days after the first visit is known from then on, and
   their days without a name are theirs too, because the browser kept the anonymousId.
2. *Multi-day, multi-device, single login.* Nothing ties a phone, where nobody has said who it is,
   to the account opened on the laptop; it stays an anonymous visitor.
3. *Multi-day, multi-device, multiple logins.* Once they log in on the phone, its past is theirs
   as well, and both devices are one person's.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from browser.chromium import needs_chromium, new_visitor, open_chromium
from browser.customer import await_event, log_in, sign_up
from browser.days import ShopOverDays, open_shop_over_days
from browser.shop import ANALYTICS_JS, needs_analytics_js
from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, needs_chromium, needs_analytics_js]

# What the person with this e-mail did, whether or not they had told it by then.
DID: Final = """
    SELECT date(did.timestamp), did.type, coalesce(pages.context_page_path, did.name)
    FROM profile_events AS did
    JOIN users ON users.id = did.attributed_user_id
    LEFT JOIN pages ON pages.id = did.id
    WHERE users.email = 'ada@example.com' AND did.type <> 'identify'
    ORDER BY 1, 2, 3
"""
DEVICES: Final = """
    SELECT count(*) FROM id_graph JOIN users ON users.id = id_graph.user_id
    WHERE id_graph.type = 'anonymous_id' AND users.email = 'ada@example.com'
"""
# Whose the visits made with a phone are.
ON_A_PHONE: Final = """
    SELECT date(pages.timestamp), pages.context_page_path, users.name
    FROM pages
    JOIN profile_events USING (id)
    LEFT JOIN users ON users.id = profile_events.attributed_user_id
    WHERE pages.context_user_agent LIKE '%Android%'
    ORDER BY pages.timestamp
"""
PEOPLE: Final = "SELECT user_ids, anonymous_ids FROM profiles ORDER BY user_ids"
FIRST, THIRD = "2026-02-01", "2026-02-03"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ShopOverDays]:
    with open_shop_over_days(tmp_path / "shop.db", ANALYTICS_JS) as running:
        yield running


@pytest.fixture
def laptop(chromium: Browser) -> Iterator[Page]:
    with new_visitor(chromium) as visitor:
        yield visitor.new_page()


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    with new_visitor(chromium, phone=True) as visitor:
        yield visitor.new_page()


def look(page: Page, url: str, times: int = 1) -> None:
    """Open the shop for so many times by now, and scroll to its shelf, as only a browser knows."""
    page.goto(url)
    page.locator("#shelf").evaluate("shelf => shelf.scrollIntoView()")
    await_event(page, "Product List Viewed", times)


def look_closer(page: Page) -> None:
    page.get_by_role("link", name="Monstera").click()
    await_event(page, "Product Viewed")


def test_days_before_the_sign_up_are_of_who_signs_up(laptop: Page, shop: ShopOverDays) -> None:
    look(laptop, f"{shop.url}/?utm_source=gazette&utm_campaign=spring")
    look_closer(laptop)
    shop.goes_on(day=3)
    look(laptop, shop.url, times=2)
    assert shop.ask("SELECT DISTINCT attributed_user_id FROM profile_events") == [(None,)]
    sign_up(laptop)
    await_event(laptop, "Signed Up")

    assert shop.ask(DID) == [
        (FIRST, "page", "/"),
        (FIRST, "page", "/plants/monstera"),
        (FIRST, "track", "Product List Viewed"),
        (FIRST, "track", "Product Viewed"),
        (THIRD, "page", "/"),
        (THIRD, "page", "/sign-up"),
        (THIRD, "page", "/welcome"),
        (THIRD, "track", "Product List Viewed"),
        (THIRD, "track", "Signed Up"),
    ]
    assert shop.ask("SELECT DISTINCT date(timestamp), user_id IS NULL FROM pages ORDER BY 1") == [
        (FIRST, 1),
        (THIRD, 1),
        (THIRD, 0),
    ], "what was recorded is not rewritten"
    # By Segment's tables alone: which ad brought those who signed up.
    assert shop.ask("""
        SELECT users.name, pages.context_campaign_source, pages.context_campaign_name
        FROM users
        JOIN identifies ON identifies.user_id = users.id
        JOIN pages ON pages.anonymous_id = identifies.anonymous_id
        WHERE pages.context_campaign_source IS NOT NULL
    """) == [("Ada Lovelace", "gazette", "spring")]
    assert shop.ask(PEOPLE) == [(1, 1)]
    assert shop.ask("SELECT date(first_seen), date(known_since) FROM profiles") == [(FIRST, THIRD)]


def test_a_phone_on_which_nobody_logs_in_is_nobodys(
    laptop: Page, phone: Page, shop: ShopOverDays
) -> None:
    look(laptop, shop.url)
    look(phone, shop.url)
    shop.goes_on(day=3)
    sign_up(laptop)
    await_event(laptop, "Signed Up")
    look(phone, shop.url, times=2)

    assert shop.ask(ON_A_PHONE) == [(FIRST, "/", None), (THIRD, "/", None)]
    assert shop.ask(PEOPLE) == [(0, 1), (1, 1)]
    assert shop.ask(DEVICES) == [(1,)]


def test_each_device_on_which_they_log_in_brings_its_past(
    laptop: Page, phone: Page, shop: ShopOverDays
) -> None:
    look(laptop, shop.url)
    look(phone, shop.url)
    look_closer(phone)
    shop.goes_on(day=3)
    sign_up(laptop)
    await_event(laptop, "Signed Up")
    log_in(phone)
    await_event(phone, "Signed In")
    # Where the log-in leads; on both devices they had been there before.
    await_event(phone, "/", times=3)

    assert shop.ask(ON_A_PHONE) == [
        (FIRST, "/", "Ada Lovelace"),
        (FIRST, "/plants/monstera", "Ada Lovelace"),
        (THIRD, "/log-in", "Ada Lovelace"),
        (THIRD, "/", "Ada Lovelace"),
    ]
    assert shop.ask(PEOPLE) == [(1, 2)]
    assert shop.ask(DEVICES) == [(2,)]
    assert [did for day, *did in shop.ask(DID) if day == FIRST] == [
        ["page", "/"],
        ["page", "/"],
        ["page", "/plants/monstera"],
        ["track", "Product List Viewed"],
        ["track", "Product List Viewed"],
        ["track", "Product Viewed"],
    ]
    # By Segment's tables alone: every call that says who it is.
    assert shop.ask("""
        SELECT users.name, count(DISTINCT identifies.anonymous_id), count(*)
        FROM identifies JOIN users ON users.id = identifies.user_id
        GROUP BY users.name
    """) == [("Ada Lovelace", 2, 2)]
