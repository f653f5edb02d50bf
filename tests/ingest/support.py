"""A tiny site that takes what is posted to it, and those who post."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from httpx2 import Response
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from segment_identity import Analytics, IdentityMiddleware
from segment_identity.browser import TrackingAPI
from segment_identity.destinations import Memory

KEY: Final = "Rk3vTq9w-YbN2xLm8-tests"
SECRET: Final = "wQ8zLp2v-server-Yt5Kx"
HOST: Final = "www.shop.example"
OURS: Final = f"https://{HOST}"
PARTNER: Final = "https://partner.example"
DEVICE: Final = "6acb9aec-5473-41b8-b0e0-34c5ca1482bf"
OTHER_DEVICE: Final = "0d1f7c52-9d57-4f8a-8e0e-2f1a5d7c6b3e"
REFUSED: Final = b'{"success": false, "code": "refused", "message": "not taken"}'
NOW: Final = 1_790_000_000.5
PAGE: Final = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty", "Origin": OURS}
DOCUMENT: Final = {
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "none",
    "Accept": "text/html",
}

Message = dict[str, Any]


@dataclass
class Site:
    """A site that takes posts, and one browser."""

    client: TestClient
    analytics: Analytics
    memory: Memory

    def open(self, path: str = "/", **headers: str) -> Response:
        """Open a page."""
        return self.client.get(path, headers={**DOCUMENT, **headers})

    def post(
        self, said: object, path: str = "/v1/t", headers: dict[str, str] | None = None
    ) -> Response:
        """Post as a script of this site does, unless *headers* say otherwise."""
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        sent = {"Content-Type": "text/plain", **(PAGE if headers is None else headers)}
        return self.client.post(path, content=content, headers=sent)

    def cookie(self, name: str) -> str | None:
        """Return a cookie that the browser holds."""
        return self.client.cookies.get(name)

    def write(self, **cookies: str) -> None:
        """Write cookies as a script does."""
        for name, value in cookies.items():
            self.client.cookies.set(name, value, domain=HOST, path="/")

    def events(self) -> list[Message]:
        """Return the messages that arrived."""
        assert self.analytics.flush(10)
        return list(self.memory.messages)

    def event(self) -> Message:
        """Return the one message that arrived."""
        (only,) = self.events()
        return only


class Sites:
    """Opens sites that close with the test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(
        self,
        *,
        outside: Sequence[Middleware] = (),
        identity: bool = True,
        peer: str = "203.0.113.77",
        middleware: dict[str, Any] | None = None,
        delivery: dict[str, Any] | None = None,
        destinations: Sequence[Memory] = (),
        **options: Any,
    ) -> Site:
        """Open a site with the ingest at `/v1`; `/log-in` is user u-1's, `/log-out` resets.

        Its memory is the first of *destinations*, or one of its own.
        """
        memory, *others = destinations or [Memory()]
        analytics = self._stack.enter_context(
            Analytics(memory, *others, clock=lambda: NOW, **(delivery or {}))
        )
        ours = Middleware(
            IdentityMiddleware,
            secret_key=KEY,
            analytics=analytics,
            clock=lambda: NOW,
            **(middleware or {}),
        )
        app = Starlette(
            routes=[
                Route("/", _page),
                Route("/log-in", _log_in),
                Route("/log-out", _log_out),
                Mount("/v1", TrackingAPI(analytics, **options)),
            ],
            middleware=[*outside, *([ours] if identity else [])],
        )
        client = TestClient(app, base_url=OURS, client=(peer, 50_000))
        self._stack.callback(client.close)
        return Site(client, analytics, memory)


async def _page(request: Request) -> HTMLResponse:
    return HTMLResponse("<p>Hello")


async def _log_in(request: Request) -> HTMLResponse:
    request.state.identity.identify("u-1")
    return HTMLResponse("<p>Welcome")


async def _log_out(request: Request) -> HTMLResponse:
    request.state.identity.reset()
    return HTMLResponse("<p>Goodbye")
