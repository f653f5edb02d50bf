"""Serve an app of this process, and look at what it is wrapped in."""

import asyncio
import contextlib
import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Scope

from segment_identity.errors import ConfigurationError, Unavailable
from segment_identity.middleware import IdentityMiddleware
from segment_identity.seen import Answer, Layer

_MOST_LAYERS: Final = 100
_PATIENCE: Final = 30.0


def imported(target: str) -> ASGIApp:
    """Return the app that `module:name` stands for, looked for from the working folder too."""
    module, _, name = target.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module)
        for part in (name or "app").split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"doctor was given {target!r}: {error}") from error
    if not callable(found):
        raise ConfigurationError(f"doctor was given {target!r}, which is no ASGI app")
    return found  # type: ignore[no-any-return]


def layers(app: ASGIApp) -> tuple[Layer, ...]:
    """Return what *app* is wrapped in, outermost first; Starlette has to be asked once before."""
    found: list[Layer] = []
    inner: Any = app
    while inner is not None and len(found) < _MOST_LAYERS:
        stack = getattr(inner, "middleware_stack", None)
        if stack is None:
            found.append(Layer(type(inner).__name__, isinstance(inner, IdentityMiddleware)))
        # Starlette's stack ends in its router, which has a stack of its own.
        inner = stack if stack is not None else getattr(inner, "app", None)
    return tuple(found)


class Running:
    """An app whose lifespan has begun, in a loop of its own."""

    def __init__(self, app: ASGIApp, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop

    def fetch(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Have the app answer a GET."""
        visit = self._answer(url, headers)
        try:
            return self._loop.run_until_complete(asyncio.wait_for(visit, _PATIENCE))
        except (RuntimeError, TimeoutError) as error:
            raise Unavailable(f"the app does not answer ({type(error).__name__})") from error

    async def _answer(self, url: str, headers: Mapping[str, str]) -> Answer:
        sent: list[Message] = []
        requests = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Message:
            return next(requests, {"type": "http.disconnect"})

        async def send(message: Message) -> None:
            sent.append(message)

        try:
            await self._app(_scope(url, headers), receive, send)
        except Exception as error:
            # Starlette answers 500 and raises all the same.
            if not sent:
                raise RuntimeError from error
        start = sent[0]
        body = b"".join(each.get("body", b"") for each in sent[1:])
        pairs = tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in start.get("headers", ())
        )
        return Answer(url, start["status"], pairs, body.decode("utf-8", "replace"))


def _scope(url: str, headers: Mapping[str, str]) -> Scope:
    parts = urlsplit(url)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": parts.scheme,
        "path": parts.path or "/",
        "raw_path": (parts.path or "/").encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [
            (b"host", parts.netloc.encode()),
            *((name.lower().encode(), text.encode()) for name, text in headers.items()),
        ],
        "client": ("127.0.0.1", 50_000),
        "server": (parts.hostname, parts.port or 80),
        "state": {},
    }


@contextlib.contextmanager
def running(app: ASGIApp) -> Iterator[Running]:
    """Run *app* while the block lasts, with its lifespan if it has one."""
    loop = asyncio.new_event_loop()
    asked: asyncio.Queue[Message] = asyncio.Queue()
    told: asyncio.Queue[str] = asyncio.Queue()

    async def send(message: Message) -> None:
        told.put_nowait(message["type"])

    async def live() -> None:
        try:
            await app(
                {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, asked.get, send
            )
        except Exception as error:
            # As servers do: an app that raises here may just have no lifespan.
            told.put_nowait(type(error).__name__)

    async def tell(kind: str, life: "asyncio.Task[None]") -> None:
        asked.put_nowait({"type": kind})
        hears = asyncio.ensure_future(told.get())
        await asyncio.wait({life, hears}, timeout=_PATIENCE, return_when="FIRST_COMPLETED")
        hears.cancel()

    life = loop.create_task(live())
    try:
        loop.run_until_complete(tell("lifespan.startup", life))
        yield Running(app, loop)
        loop.run_until_complete(tell("lifespan.shutdown", life))
    finally:
        life.cancel()
        loop.run_until_complete(asyncio.gather(life, return_exceptions=True))
        loop.close()
