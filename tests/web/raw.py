"""Drive an app through raw ASGI messages, with no client library in between."""

import asyncio
from collections.abc import Coroutine, Iterable, MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from .support import HOST

Pairs = list[tuple[bytes, bytes]]

DOCUMENT: Pairs = [
    (b"host", HOST.encode()),
    (b"sec-fetch-dest", b"document"),
    (b"sec-fetch-mode", b"navigate"),
    (b"accept", b"text/html"),
]
START: Message = {"type": "http.response.start", "status": 200, "headers": []}
END: Message = {"type": "http.response.body", "body": b"<p>Hello"}


def http_scope(path: str = "/", headers: Iterable[tuple[bytes, bytes]] = (), **more: Any) -> Scope:
    """Return the scope of a browser that opens *path*."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [*DOCUMENT, *headers],
        "client": ("203.0.113.77", 50_000),
        "server": ("127.0.0.1", 80),
        **more,
    }


async def exchange(app: ASGIApp, scope: Scope, received: Iterable[Message] = ()) -> list[Message]:
    """Serve one connection and return what the app sent."""
    waiting = iter([*received, {"type": "http.request", "body": b"", "more_body": False}])
    sent: list[Message] = []

    async def receive() -> Message:
        return next(waiting, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def talk(app: ASGIApp, scope: Scope | None = None, received: Iterable[Message] = ()) -> list[Any]:
    """Serve one connection in a loop of its own."""
    return asyncio.run(exchange(app, scope or http_scope(), received))


def says(*messages: Message) -> ASGIApp:
    """Return an app that sends exactly these messages."""

    async def app(scope: Scope, receive: object, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


def cookie_names(message: MutableMapping[str, Any]) -> set[bytes]:
    """Return the names of the cookies a response sets."""
    lines = [value for name, value in message["headers"] if name.lower() == b"set-cookie"]
    return {line.partition(b"=")[0] for line in lines}


async def unread() -> Message:
    """Be the body of a request whose app never asks for it."""
    raise AssertionError("nobody reads the body")


def at_once(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run what never waits, without a loop."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("the middleware waited for something")
