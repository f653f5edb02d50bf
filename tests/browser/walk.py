"""One person's whole visit to the shop, by clicks."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, expect

from browser import customer
from browser.customer import EMAIL, await_event

_DESKTOP: Final = (1280, 900)
_PHONE: Final = (390, 844)
_FOLDER: Final = os.environ.get("SCREENSHOTS")


@dataclass
class Walk:
    """What the visitor's cookies and page said on the way."""

    anonymous_ids: dict[str, str] = field(default_factory=dict)
    user_id: str | None = None
    updated_without_reload: bool = False
    complaints: list[str] = field(default_factory=list)
    widest_on_phone: int = 0


def walk(page: Page, url: str) -> Walk:
    """Visit every page of the shop: browse, subscribe, sign up, log out, log in again."""
    seen = Walk()
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("console", lambda message: seen.complaints.append(message.text))
    for step in (_browse, _subscribe, _sign_up, _change_account, _log_out, _log_in):
        step(page, url, seen)
        seen.anonymous_ids[step.__name__.strip("_")] = _cookies(page)["ajs_anonymous_id"]
    return seen


def _browse(page: Page, url: str, seen: Walk) -> None:
    page.goto(url)
    page.evaluate("window.sameDocument = true")
    await_event(page, "/")
    seen.updated_without_reload = page.evaluate("window.sameDocument === true")
    seen.anonymous_ids["first page"] = _cookies(page)["ajs_anonymous_id"]
    _shoot(page, "home", "/", seen)
    page.get_by_role("link", name="Monstera").click()
    _shoot(page, "product", "Product Viewed", seen)
    page.get_by_role("button", name="Add to basket").click()
    _shoot(page, "basket", "/basket", seen)


def _subscribe(page: Page, url: str, seen: Walk) -> None:
    page.get_by_role("link", name="Newsletter").click()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_text("Please fill this in.")).to_be_visible()
    _shoot(page, "newsletter-error", "/newsletter", seen)
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_role("button", name="Subscribe").click()
    _shoot(page, "newsletter", "Newsletter Subscribed", seen)


def _sign_up(page: Page, url: str, seen: Walk) -> None:
    page.get_by_role("link", name="Sign up").click()
    _shoot(page, "sign-up", "/sign-up", seen)
    customer.fill_sign_up(page)
    _shoot(page, "welcome", "/welcome", seen)
    seen.user_id = _cookies(page)["ajs_user_id"]


def _change_account(page: Page, url: str, seen: Walk) -> None:
    page.get_by_role("link", name="Account").click()
    page.get_by_label("Darkest room").fill("The loft")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    _shoot(page, "account", "Profile Updated", seen)


def _log_out(page: Page, url: str, seen: Walk) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are logged out")).to_be_visible()
    _shoot(page, "logged-out", "/", seen)


def _log_in(page: Page, url: str, seen: Walk) -> None:
    page.get_by_role("link", name="Log in").click()
    _shoot(page, "log-in", "/log-in", seen)
    customer.fill_log_in(page)
    _shoot(page, "logged-in", "Signed In", seen)


def _cookies(page: Page) -> dict[str, str]:
    return {cookie.get("name", ""): cookie.get("value", "") for cookie in page.context.cookies()}


def _shoot(page: Page, name: str, event: str, seen: Walk) -> None:
    """Look at a page in every size and colour, once *event* has arrived in its panel."""
    await_event(page, event)
    for look in _looks(page):
        if look.startswith("phone"):
            width = page.evaluate("document.documentElement.scrollWidth")
            seen.widest_on_phone = max(seen.widest_on_phone, width)
        if _FOLDER:
            page.screenshot(path=Path(_FOLDER) / f"{name}-{look}.png", full_page=True)


def _looks(page: Page) -> Iterator[str]:
    """Dress *page* in every size and colour, one after the other, and leave it as it was."""
    for device, (width, height) in (("phone", _PHONE), ("desktop", _DESKTOP)):
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            yield f"{device}-{scheme}"
