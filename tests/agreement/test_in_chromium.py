"""Real pages, real Analytics.js, and what both sides must say after every step."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest
from browser.analytics_page import bundle
from browser.bridge_site import open_bridge_site
from browser.chromium import LAUNCH, needs_chromium
from playwright.async_api import async_playwright

from .chromium import Place, live_all

pytestmark = [pytest.mark.browser, needs_chromium]

# FIRST:COUNT of the seeds; `make agree` asks for many.
_SEEDS: Final = os.environ.get("SEGMENT_IDENTITY_AGREE", "0:104")
_PACKAGES: Final = ("@segment/analytics-next", "analytics-next-older")
_AT_ONCE: Final = 4


@pytest.fixture
def sites() -> Iterator[list[Place]]:
    """Sites of both versions, both orders of stores, with and without subdomains."""
    missing = [package for package in _PACKAGES if not bundle(package).exists()]
    if missing:
        pytest.skip(f"{missing[0]} is missing: run npm ci in tests/conformance")
    with ExitStack() as stack:
        found = []
        for package in _PACKAGES:
            for cookie_first in (False, True):
                for domain in (None, "shop.example"):
                    opening = open_bridge_site(
                        bundle(package), cookie_first=cookie_first, domain=domain
                    )
                    site = stack.enter_context(opening)
                    found.append((site.named_url if domain else site.url, site.exchanges))
        yield found


def test_browser_and_server_agree_after_every_step(sites: list[Place]) -> None:
    first, count = map(int, _SEEDS.split(":"))

    async def live() -> tuple[list[str], int]:
        async with async_playwright() as playwright:
            # The back-forward cache makes every navigation slower, so half of them do without.
            launches = (LAUNCH, {**LAUNCH, "ignore_default_args": None})
            browsers = [await playwright.chromium.launch(**each) for each in launches]
            try:
                seeds = range(first, first + count)
                return await live_all(browsers, sites, seeds, at_once=_AT_ONCE)
            finally:
                for browser in browsers:
                    await browser.close()

    found, restored = asyncio.run(live())
    assert found == [], "\n".join(found)
    assert restored or count < 100, "no page ever came back from the back-forward cache"
