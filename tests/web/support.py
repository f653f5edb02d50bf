"""A tiny site, and what a browser would send to it."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from httpx2 import Cookies, Response
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.responses import Response as Answer
from starlette.routing import Route
from starlette.testclient import TestClient

from segment_identity import Analytics, Identity, IdentityMiddleware
from segment_identity.destinations import Memory

SECRET: Final = "Rk3vTq9w-YbN2xLm8-tests"
OTHER_SECRET: Final = "Zp7cWd4e-QgH6uJs1-tests"
HOST: Final = "www.shop.example"
HTTP: Final = f"http://{HOST}"
HTTPS: Final = f"https://{HOST}"
START: Final = 1_750_000_000.0
HOUR: Final = 3_600.0
DAY: Final = 86_400.0
YEAR: Final = 31_536_000
BROWSER_MADE: Final = "7e57ab1e-0000-4000-8000-00000000cafe"
OLDER: Final = "01de5700-0000-4000-8000-000000000001"

DOCUMENT: Final = {
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "none",
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
}
FETCH: Final = {
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
    "Accept": "*/*",
}
READ: Final = (
    "anonymous_id",
    "user_id",
    "user_id_hint",
    "group_id",
    "traits",
    "group_traits",
    "is_new",
    "is_provisional",
    "is_ambiguous",
    "consent",
    "gpc",
)

Act = Callable[[Identity], object]
Acts = Mapping[str, Act]
Page = Callable[[Request], Answer]


@dataclass
class Clock:
    """Time as a number that tests move."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Site:
    """A site and one browser that visits it."""

    client: TestClient
    clock: Clock
    analytics: Analytics
    memory: Memory

    def go(self, path: str = "/", **headers: str) -> Response:
        """Open a page, as by following a link."""
        return self.client.get(path, headers={**DOCUMENT, **_named(headers)})

    def submit(self, path: str = "/", **headers: str) -> Response:
        """Send a form; the answer is the next page."""
        return self.client.post(path, headers={**DOCUMENT, **_named(headers)})

    def fetch(self, path: str = "/", **headers: str) -> Response:
        """Ask as a script in a page does."""
        return self.client.get(path, headers={**FETCH, **_named(headers)})

    def who(self) -> dict[str, Any]:
        """Return what the server makes of this browser, without changing it."""
        answer = self.fetch("/who")
        assert "set-cookie" not in answer.headers
        said: dict[str, Any] = answer.json()
        return said

    def cookie(self, name: str) -> str | None:
        """Return a cookie that the browser holds, decoded once."""
        raw = self.client.cookies.get(name)
        return None if raw is None else unquote(raw)

    def marker(self) -> dict[str, Any] | None:
        """Return what `ajs_sync` tells the page."""
        text = self.cookie("ajs_sync")
        return None if text is None else json.loads(text)

    def write(self, **cookies: str) -> None:
        """Write cookies as a script in the page does."""
        for name, value in cookies.items():
            self.client.cookies.set(name, value, domain=HOST, path="/")

    def drop(self, *names: str) -> None:
        """Delete cookies as a script in the page does."""
        for name in names:
            self.client.cookies.delete(name)

    def forget_plain(self) -> None:
        """Lose every cookie that a script can see."""
        held = list(self.client.cookies)
        self.drop(*(name for name in held if not name.endswith("ajs_identity")))

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the messages that arrived, of one type or all."""
        assert self.analytics.flush(10)
        return [each for each in self.memory.messages if kind in (None, each["type"])]

    def dropped(self) -> Mapping[str, int]:
        """Return how many events went nowhere, by reason."""
        return self.analytics.stats().dropped

    def faults(self) -> Mapping[str, int]:
        """Return how many errors of ours were caught, by reason."""
        return self.analytics.stats().faults


class Sites:
    """Opens sites that close with the test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(
        self,
        acts: Acts | None = None,
        *,
        pages: Mapping[str, Page] | None = None,
        base_url: str = HTTP,
        outside: Sequence[Middleware] = (),
        inside: Sequence[Middleware] = (),
        cookies: Cookies | None = None,
        clock: Clock | None = None,
        peer: str = "203.0.113.77",
        **options: Any,
    ) -> Site:
        """Open a site whose path `/login` performs `acts["/login"]` and so on."""
        memory = Memory()
        analytics = self._stack.enter_context(Analytics(memory))
        timer = clock or Clock()
        given = {"secret_key": SECRET, "analytics": analytics, "clock": timer, **options}
        middleware = [*outside, Middleware(IdentityMiddleware, **given), *inside]
        app = Starlette(routes=_routes(acts or {}, pages or {}), middleware=middleware)
        client = TestClient(app, base_url=base_url, cookies=cookies, client=(peer, 50_000))
        self._stack.callback(client.close)
        return Site(client, timer, analytics, memory)


def set_cookies(response: Response) -> dict[str, dict[str, str]]:
    """Return the Set-Cookie lines by name; attributes in lower case, the value as `value`."""
    found: dict[str, dict[str, str]] = {}
    for line in response.headers.get_list("set-cookie"):
        pair, *attributes = line.split("; ")
        name, _, value = pair.partition("=")
        assert name not in found, f"{name} is set twice"
        split = (each.partition("=") for each in attributes)
        found[name] = {"value": value, **{key.lower(): said for key, _, said in split}}
    return found


def _routes(acts: Acts, pages: Mapping[str, Page]) -> list[Route]:
    methods = ["GET", "POST", "HEAD", "OPTIONS"]

    async def perform(request: Request) -> Answer:
        act = acts.get(request.url.path)
        said = act(request.state.identity) if act is not None else None
        return said if isinstance(said, Answer) else HTMLResponse("<p>Hello</p>")

    async def who(request: Request) -> Answer:
        identity = request.state.identity
        return JSONResponse({name: getattr(identity, name) for name in READ})

    return [
        *(Route(path, page, methods=methods) for path, page in pages.items()),
        Route("/who", who),
        Route("/{path:path}", perform, methods=methods),
    ]


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers whose names were written as Python names."""
    return {name.replace("_", "-"): value for name, value in headers.items()}
