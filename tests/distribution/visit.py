"""One visit through an installed package, with what the core needs and nothing else."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import segment_identity
from segment_identity import Analytics, IdentityMiddleware
from segment_identity.destinations import Memory

assert "site-packages" in segment_identity.__file__, segment_identity.__file__

memory = Memory()
analytics = Analytics(memory)


async def sign_up(request: Request) -> Response:
    """Say who it is."""
    request.state.identity.identify("u-1", {"plan": "premium"})
    request.state.identity.track("Signed Up")
    return PlainTextResponse("welcome")


app = Starlette(
    routes=[Route("/sign-up", sign_up)],
    middleware=[
        Middleware(IdentityMiddleware, secret_key="Rk3vTq9w-YbN2xLm8-tests", analytics=analytics)
    ],
)


async def visit() -> list[MutableMapping[str, Any]]:
    """Return what the app sends to a browser."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": "/sign-up",
        "raw_path": b"/sign-up",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"shop.example"), (b"sec-fetch-dest", b"document")],
        "client": ("203.0.113.77", 50_000),
        "server": ("shop.example", 443),
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


start = asyncio.run(visit())[0]
cookies = {
    value.partition(b"=")[0] for name, value in start["headers"] if name.lower() == b"set-cookie"
}
assert start["status"] == 200
assert cookies >= {b"ajs_anonymous_id", b"ajs_user_id", b"__Host-ajs_identity"}, cookies
assert analytics.close()
assert [each["type"] for each in memory.messages] == ["identify", "track"]
