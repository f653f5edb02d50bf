"""A real server that takes posts, and remembers what came in."""

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from servers import in_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from segment_identity import Analytics, IdentityMiddleware, get_identity
from segment_identity.browser import TrackingAPI
from segment_identity.destinations import Memory

from .support import KEY, SECRET, Message

MODULES: Final = Path(__file__).parents[1] / "conformance" / "node_modules"
_SEGMENT_SETTINGS: Final = {
    "integrations": {"Segment.io": {"apiKey": "wk"}},
    "metrics": {"sampleRate": 0},
}
_REPORTS: Final = {"errors": {"enabled": False}, "metrics": {"enabled": False}}
_RUDDER_SOURCE: Final = {
    "source": {
        "id": "source",
        "name": "source",
        "writeKey": "wk",
        "config": {"statsCollection": _REPORTS},
        "enabled": True,
        "workspaceId": "workspace",
        "destinations": [],
        "dataplanes": {},
    }
}


@dataclass
class Post:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    said: dict[str, Any]

    @property
    def messages(self) -> list[Message]:
        """The messages in it."""
        return list(self.said.get("batch", [self.said]))


@dataclass
class Served:
    """The running server."""

    url: str
    analytics: Analytics
    memory: Memory
    posts: list[Post] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def sent(self) -> list[Message]:
        """Return the messages as clients sent them."""
        return [message for post in self.posts for message in post.messages]

    def landed(self) -> list[Message]:
        """Return the messages as they were handed on, without those the server itself made."""
        assert self.analytics.flush(10)
        return [each for each in self.memory.messages if "receivedAt" in each and _came(each)]

    def of_server(self) -> list[Message]:
        """Return the messages the server itself made."""
        assert self.analytics.flush(10)
        return [each for each in self.memory.messages if not _came(each)]

    def wait_for(self, count: int) -> None:
        """Wait until so many messages came in."""
        until = time.monotonic() + 20
        while len(self.sent()) < count and time.monotonic() < until:
            time.sleep(0.02)


@contextmanager
def serve(page: str = "", script: Path | None = None) -> Iterator[Served]:
    """Serve *page*, whose `/script.js` is *script*, and take posts, from a thread."""
    memory = Memory()
    with Analytics(memory) as analytics:
        served = Served("", analytics, memory)
        with in_thread(_app(served, page, script), timeout_graceful_shutdown=5) as port:
            served.url = f"http://127.0.0.1:{port}"
            yield served


def _came(message: Message) -> bool:
    library: Message = message["context"].get("library", {})
    return library.get("name") != "segment_identity"


def _app(served: Served, page: str, script: Path | None) -> Starlette:
    async def show(request: Request) -> Response:
        identity = get_identity(request)
        identity.identify("u-1")
        identity.track("Page Served")
        return HTMLResponse(page.replace("DEVICE", identity.anonymous_id))

    async def code(request: Request) -> Response:
        assert script is not None
        return FileResponse(script, media_type="text/javascript")

    async def settings(request: Request) -> Response:
        rudder = request.url.path.startswith("/sourceConfig")
        return JSONResponse(_RUDDER_SOURCE if rudder else _SEGMENT_SETTINGS)

    api = _Noting(TrackingAPI(served.analytics, secret_keys=[SECRET]), served)
    return Starlette(
        routes=[
            Route("/", show),
            Route("/script.js", code),
            Route("/v1/projects/wk/settings", settings),
            Route("/sourceConfig/", settings),
            Mount("/beacon/v1", api),
            Mount("/v1", api),
        ],
        middleware=[Middleware(IdentityMiddleware, secret_key=KEY, analytics=served.analytics)],
    )


class _Noting:
    """Notes what an app receives, and what it answers."""

    def __init__(self, app: ASGIApp, served: Served) -> None:
        self._app = app
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()

        async def again() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def noted(message: Any) -> None:
            if message["type"] == "http.response.start":
                self._served.statuses.append(message["status"])
            await send(message)

        if body:
            plain = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
            post = Post(scope["path"], dict(request.headers), json.loads(plain))
            self._served.posts.append(post)
        await self._app(scope, again, noted)
