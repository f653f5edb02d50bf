"""What the bridge costs a page: bytes, and milliseconds of a real Chromium.

A page asks the clock before and after the bridge. A steady visitor's page finds cookies and
localStorage as it left them; a new visitor's takes over what the server told. Then the page asks
for the ids many times in a row, which is what the bridge adds to every call of Analytics.js.
Reported are the fastest tenth and the median of the page loads;
on a busy machine the median says more about its other work.

    PYTHONPATH=tests python -m benchmarks.bridge [--loads 100]
"""

import argparse
import gzip
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from browser.chromium import new_visitor, open_chromium
from playwright.sync_api import Browser, Page
from servers import in_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from segment_identity import IdentityMiddleware
from segment_identity.browser import bridge

_PAGE: Final = """<!doctype html><title>Page</title>
<script>window.before = performance.now()</script>
{}
<script>window.after = performance.now()</script>
"""
# Without these a page's clock is coarser than what is to be measured.
ISOLATED: Final = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cache-control": "no-store",
}
CALLS: Final = 1_000
ASK: Final = """calls => {
    const start = performance.now()
    for (let i = 0; i < calls; i++) segmentIdentity.ids()
    return (performance.now() - start) / calls
}"""


def show(request: Request) -> Response:
    """Print the bridge between two looks at the clock."""
    return HTMLResponse(_PAGE.format(bridge(request)), headers=ISOLATED)


@contextmanager
def serving() -> Iterator[str]:
    """Serve the page from a thread."""
    middleware = Middleware(IdentityMiddleware, secret_key="a-key-for-benchmarks-Rk3v")
    app = Starlette(routes=[Route("/", show)], middleware=[middleware])
    with in_thread(app) as port:
        yield f"http://127.0.0.1:{port}/"


def loads(browser: Browser, url: str, count: int, *, new: bool) -> list[float]:
    """Return how many milliseconds the bridge took in each of *count* pages."""
    took = []
    with new_visitor(browser) as visitor:
        tab = visitor.new_page()
        tab.goto(url)
        for _ in range(count):
            if new:
                tab.evaluate("localStorage.clear()")
                tab.goto("about:blank")
                visitor.clear_cookies()
            tab.goto(url)
            assert tab.evaluate("crossOriginIsolated")
            took.append(tab.evaluate("after - before"))
    return took


def asking(tab: Page) -> float:
    """Return how many microseconds it takes to find out that nothing changed."""
    return float(tab.evaluate(ASK, CALLS)) * 1e3


def main(count: int) -> None:
    """Measure, and print the table."""
    with serving() as url, open_chromium() as browser:
        with new_visitor(browser) as visitor:
            tab = visitor.new_page()
            tab.goto(url)
            element = str(tab.evaluate("document.scripts[1].outerHTML")).encode()
            asked = statistics.median(asking(tab) for _ in range(count // 5))
        steady = loads(browser, url, count, new=False)
        new = loads(browser, url, count, new=True)
    print("| | |")
    print("|---|--:|")
    print(f"| bytes of the element | {len(element):,} |")
    print(f"| gzipped | {len(gzip.compress(element)):,} |")
    for name, took in (("a steady", steady), ("a new", new)):
        tenths = statistics.quantiles(took, n=10)
        print(f"| ms in the page of {name} visitor, fastest tenth | {tenths[0]:.2f} |")
        print(f"| ms in the page of {name} visitor, median | {statistics.median(took):.2f} |")
    print(f"| µs before each call of Analytics.js | {asked:.0f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loads", type=int, default=100)
    main(parser.parse_args().loads)
