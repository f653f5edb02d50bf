"""Batches the ingest accepts in a second on one core, beside a route that only reads their JSON.

Every case is a raw ASGI call (no server, no sockets) behind the same Starlette, with a body that
Analytics.js would send: events of one page, each with its context. Ours authenticates, recognises
the visitor, checks and stamps each event, drops repeats and queues it for delivery; the bare route
does `await request.json()` and answers. Both take the same bodies in turns, in short rounds, so
that what else the machine does hits both alike. What counts is the CPU time of the thread that
serves; delivery, which has a thread of its own, is measured by `benchmarks.delivery`.

    python -m benchmarks.ingest [--rounds 40]
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import MutableMapping
from itertools import count
from typing import Any, Final, NamedTuple

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Scope

from segment_identity import Analytics, IdentityMiddleware
from segment_identity.browser import TrackingAPI

KEY: Final = "benchmark-key-7c1f0e5b9d2a4c68"
SIZES: Final = (1, 10, 30, 100)
CALLS: Final = 40
AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/128.0 Safari/537.36"
URL: Final = "https://shop.example/plants/monstera"
CONTEXT: Final = {
    "page": {"path": "/plants/monstera", "referrer": "", "search": "", "title": "M", "url": URL},
    "userAgent": AGENT,
    "userAgentData": {
        "brands": [
            {"brand": "Not:A-Brand", "version": "8"},
            {"brand": "Chromium", "version": "128"},
        ],
        "mobile": False,
        "platform": "Linux",
    },
    "locale": "en-GB",
    "library": {"name": "analytics.js", "version": "next-1.84.3"},
    "timezone": "Europe/London",
}
HEADERS: Final = [
    (b"host", b"shop.example"),
    (b"user-agent", AGENT.encode()),
    (b"accept", b"*/*"),
    (b"accept-language", b"en-GB,en;q=0.9"),
    (b"content-type", b"text/plain"),
    (b"origin", b"https://shop.example"),
    (b"referer", URL.encode()),
    (b"sec-fetch-dest", b"empty"),
    (b"sec-fetch-mode", b"cors"),
    (b"sec-fetch-site", b"same-origin"),
]
DOCUMENT: Final = [(b"host", b"shop.example"), (b"sec-fetch-dest", b"document")]


class Void:
    """A destination that takes batches as a distant one does, and keeps nothing."""

    linger = 0.2

    def send(self, batch: Any, /) -> None:
        """Take a batch."""

    def close(self) -> None:
        """Release nothing."""


class Bodies:
    """Makes batches of events that were never sent before."""

    def __init__(self, anonymous_id: str) -> None:
        self._event = {
            "timestamp": "2026-11-24T13:04:52.028Z",
            "integrations": {"Segment.io": True},
            "event": "Product Viewed",
            "type": "track",
            "properties": {"product": "monstera", "price": 12.5, "position": 3},
            "context": CONTEXT,
            "userId": None,
            "anonymousId": anonymous_id,
            "writeKey": "wk",
            "_metadata": {"bundled": ["Segment.io"], "unbundled": [], "bundledIds": []},
        }
        self._numbers = count()

    def of(self, size: int) -> bytes:
        """Return one batch of *size* events."""
        ids = (f"ajs-next-1795525492028-{number:032x}" for number in self._numbers)
        batch = [{**self._event, "messageId": next(ids)} for _ in range(size)]
        said = {"writeKey": "wk", "batch": batch, "sentAt": "2026-11-24T13:04:52.128Z"}
        return json.dumps(said, separators=(",", ":")).encode()


async def show(request: Request) -> Response:
    return HTMLResponse("<p>Hello")


async def read(request: Request) -> Response:
    await request.json()
    return JSONResponse({"success": True})


def scope(method: str, path: str, headers: list[tuple[bytes, bytes]]) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("203.0.113.7", 50_000),
        "server": ("127.0.0.1", 8_000),
    }


async def ask(app: ASGIApp, asked: Scope, body: bytes = b"") -> list[MutableMapping[str, Any]]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(asked, receive, send)
    return sent


async def visit(app: ASGIApp) -> dict[str, str]:
    """Return the cookies a browser holds after it opened a page."""
    start, *_ = await ask(app, scope("GET", "/", DOCUMENT))
    lines = [value.decode() for name, value in start["headers"] if name == b"set-cookie"]
    pairs = [line.partition(";")[0].partition("=") for line in lines]
    return {name: value for name, _, value in pairs if name != "ajs_sync"}


async def measure(app: ASGIApp, headers: list[tuple[bytes, bytes]], bodies: list[bytes]) -> float:
    """Return microseconds of CPU time of this thread per batch."""
    begun = time.thread_time_ns()
    for body in bodies:
        start, *_ = await ask(app, scope("POST", "/v1/b", list(headers)), body)
        assert start["status"] == 200
    return (time.thread_time_ns() - begun) / len(bodies) / 1_000


class Row(NamedTuple):
    """Medians for batches of one size."""

    events: int
    length: int
    ours: float
    bare: float
    ratio: float


async def compare(analytics: Analytics, rounds: int) -> list[Row]:
    ours = Starlette(
        routes=[Route("/", show), Mount("/v1", TrackingAPI(analytics, rate=None))],
        middleware=[Middleware(IdentityMiddleware, secret_key=KEY, analytics=analytics)],
    )
    bare = Starlette(routes=[Route("/v1/b", read, methods=["POST"])])
    cookies = await visit(ours)
    held = "; ".join(f"{name}={value}" for name, value in cookies.items())
    headers = [*HEADERS, (b"cookie", held.encode())]
    bodies = Bodies(cookies["ajs_anonymous_id"])
    rows = []
    for size in SIZES:
        took: list[tuple[float, float]] = []
        for _ in range(rounds + 1):
            posted = [bodies.of(size) for _ in range(CALLS)]
            took.append(
                (await measure(ours, headers, posted), await measure(bare, headers, posted))
            )
            assert analytics.flush(60)
        # The first round pays for what every other finds ready.
        mine, theirs = zip(*took[1:], strict=True)
        ratios = [their / my for my, their in took[1:]]
        medians = [statistics.median(each) for each in (mine, theirs, ratios)]
        rows.append(Row(size, len(posted[0]), *medians))
    assert analytics.stats().dropped == {}
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    with Analytics(Void()) as void:
        found = asyncio.run(compare(void, parser.parse_args().rounds))
    print("| events | bytes | ingest, µs | bare, µs | batches/s | events/s | of the bare route |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for row in found:
        batches = 1e6 / row.ours
        print(
            f"| {row.events} | {row.length:,} | {row.ours:.0f} | {row.bare:.0f} "
            f"| {batches:,.0f} | {batches * row.events:,.0f} | {row.ratio:.2f} × |"
        )
