"""Chromium as an ordinary visitor would use it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

_PATH: Final = shutil.which("chromium")
_QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Names below this one lead to this machine; a site there is no secure context.
    "--host-resolver-rules=MAP *.shop.example 127.0.0.1",
)
# What the driver adds, and visitors have not got.
_NOT: Final = ("--disable-back-forward-cache",)
# Chromium without a window says "HeadlessChrome", which is taken for a bot.
USER_AGENT: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
_DESK: Final[dict[str, Any]] = {
    "user_agent": USER_AGENT,
    "viewport": {"width": 1280, "height": 900},
}
_PHONE: Final[dict[str, Any]] = {
    "user_agent": USER_AGENT.replace("X11; Linux x86_64", "Linux; Android 16; K"),
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
}
# For what a page sends while it closes, too, which is no longer the context's.
_ARGUMENTS: Final = (*_QUIET, f"--user-agent={USER_AGENT}")
LAUNCH: Final[dict[str, Any]] = {
    "executable_path": _PATH,
    "args": _ARGUMENTS,
    "ignore_default_args": _NOT,
}
needs_chromium = pytest.mark.skipif(
    _PATH is None, reason="Chromium is missing: apt-get install chromium"
)


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """Start Chromium; it ends with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**LAUNCH)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def new_visitor(
    browser: Browser, *, scripts: bool = True, phone: bool = False
) -> Iterator[BrowserContext]:
    """Open a fresh profile with a desktop-sized window, or on a phone."""
    context = browser.new_context(
        **(_PHONE if phone else _DESK), color_scheme="light", java_script_enabled=scripts
    )
    context.set_default_timeout(10_000)
    try:
        yield context
    finally:
        context.close()
