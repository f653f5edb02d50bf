"""What a customer of the shop does in a browser: sign up, and log in."""

import re
from typing import Final

from playwright.sync_api import Page, expect

NAME: Final = "Ada Lovelace"
EMAIL: Final = "ada@example.com"
PASSWORD: Final = "difference engine"


def sign_up(page: Page) -> None:
    """Open an account, by the link on every page; ends on the welcome page."""
    page.get_by_role("link", name="Sign up").first.click()
    fill_sign_up(page)


def fill_sign_up(page: Page) -> None:
    """Do so on the page with the form."""
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page).to_have_url(re.compile("/welcome$"))


def log_in(page: Page) -> None:
    """Log in to that account, by the link on every page."""
    page.get_by_role("link", name="Log in").first.click()
    fill_log_in(page)


def fill_log_in(page: Page) -> None:
    """Do so on the page with the form."""
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("link", name="Account")).to_be_visible()


def await_event(page: Page, text: str, times: int = 1) -> None:
    """Wait until the panel of the page itself has fetched so many events called *text*."""
    found = page.locator("body.live .what").get_by_text(text, exact=True)
    expect(found.nth(times - 1)).to_be_visible()
