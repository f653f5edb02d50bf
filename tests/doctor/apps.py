"""Shops with one fault each, by path, and a healthy one; served by a real server or looked into."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from segment_identity import IdentityMiddleware

KEY = "Xk3vTq9w-YbN2xLm8-other"
OTHER_KEY = "Lp7cWd4e-QgH6uJs1-other"
SCRIPTS = Path(__file__).parents[1] / "conformance" / "node_modules"


async def home(request: Request) -> Response:
    """Show a page."""
    return HTMLResponse("<h1>Plants</h1>")


async def with_script(request: Request) -> Response:
    """Show a page in which Analytics.js runs."""
    version = request.path_params["version"]
    return HTMLResponse(f'<script src="/{version}/analytics.js"></script>')


async def script(request: Request) -> Response:
    """Serve Analytics.js from its package."""
    package = {"1.84.1": "analytics-next-older", "1.84.3": "@segment/analytics-next"}
    name = package[request.path_params["version"]]
    return FileResponse(SCRIPTS / name / "dist" / "umd" / "index.js")


def shop(*outside: Middleware, **given: Any) -> Starlette:
    """Return a shop with the middleware, and others outside of it."""
    options: dict[str, Any] = {"secret_key": KEY, **given}
    return Starlette(
        routes=[
            Route("/{version}/analytics.js", script),
            Route("/{version}/page", with_script),
            Route("/{rest:path}", home),
        ],
        middleware=[*outside, Middleware(IdentityMiddleware, **options)],
    )


class Merging(BaseHTTPMiddleware):
    """Copies headers as a dict, which keeps one of each name."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        answer = await call_next(request)
        return Response(b"<h1>Plants</h1>", answer.status_code, dict(answer.headers))


class Outside:
    """Changes every response that passes, as a cache or a proxy does."""

    def __init__(self, app: ASGIApp, change: Callable[[Message], Message]) -> None:
        self.app = app
        self.change = change

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_changed(message: Message) -> None:
            await send(self.change(message))

        await self.app(scope, receive, send_changed)


def made_public(message: Message) -> Message:
    """Let caches keep it."""
    if message["type"] == "http.response.start":
        kept = [pair for pair in message["headers"] if pair[0] != b"cache-control"]
        message["headers"] = [*kept, (b"cache-control", b"public, max-age=60")]
    return message


class Cache:
    """Answers everybody with what the first visitor got."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.kept: list[Message] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def keep(message: Message) -> None:
            self.kept.append(message)

        if not self.kept:
            await self.app(scope, receive, keep)
        for message in self.kept:
            await send(message)


class InTurns:
    """Serves each request by another process, as it were."""

    def __init__(self, *apps: ASGIApp) -> None:
        self.apps = apps
        self.turn = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.turn += 1
        await self.apps[self.turn % len(self.apps)](scope, receive, send)


class BehindProxy:
    """Is reached over http, by a proxy that says so."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = [pair for pair in scope["headers"] if not pair[0].startswith(b"x-forwarded")]
        told = [(b"x-forwarded-proto", b"https"), (b"x-forwarded-for", b"203.0.113.5")]
        await self.app({**scope, "scheme": "http", "headers": [*kept, *told]}, receive, send)


def no_session(connection: HTTPConnection) -> str | None:
    """Ask a session that nothing provides."""
    return str(connection.session["user_id"])


async def public(request: Request) -> Response:
    """Show a page that caches may share."""
    return HTMLResponse("<h1>Plants</h1>", headers={"Cache-Control": "public, s-maxage=60"})


healthy = shop()
bare = Starlette(routes=[Route("/{rest:path}", home)])
twice = shop(Middleware(IdentityMiddleware, secret_key=KEY))
merging = shop(Middleware(Merging))
careless = shop(user=no_session)
secure = shop(secure=True)
published = shop(secret_key="09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7")
SHOPS: dict[str, ASGIApp] = {
    "healthy": healthy,
    "server-only": shop(browser=False),
    "bare": bare,
    "public": Starlette(
        routes=[Route("/{rest:path}", public)],
        middleware=[Middleware(IdentityMiddleware, secret_key=KEY)],
    ),
    "excluded": shop(exclude=["/excluded"]),
    "merging": merging,
    "wrong-domain": shop(cookie_domain="other.example"),
    "trusting": shop(trusted_proxies=1),
    "made-public": Outside(shop(), made_public),
    "cache": Cache(shop()),
    "in-turns": InTurns(shop(), shop(secret_key=OTHER_KEY)),
    "in-turns-with-one-key": InTurns(shop(), shop()),
    "published": published,
    "behind-a-proxy": BehindProxy(shop()),
    "behind-a-trusted-proxy": BehindProxy(shop(trusted_proxies=1)),
    "1.84.1": healthy,
    "1.84.3": healthy,
}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the shop that the first part of the path names."""
    if scope["type"] == "lifespan":
        message = await receive()
        while message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
            message = await receive()
        return await send({"type": "lifespan.shutdown.complete"})
    name = scope["path"].split("/")[1]
    return await SHOPS[name](scope, receive, send)
