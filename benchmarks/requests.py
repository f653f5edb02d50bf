"""CPU time per request, side by side with Starlette's SessionMiddleware and starsessions.

Every case is a raw ASGI call (no server, no sockets). Cases take turns in short rounds, so that
what else the machine does hits all alike; reported is the median of the rounds' overhead over a
bare Starlette route, as a ratio to SessionMiddleware's returning read.

    python -m benchmarks.requests [--rounds 60]
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import starsessions
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Scope

from segment_identity import IdentityMiddleware

KEY = "benchmark-key-7c1f0e5b9d2a4c68"
CALLS = 400

# What most browsers bring along anyway: somebody's language and consent settings.
UNRELATED = {"lang": "en", "cookie_consent": "functional.statistics"}
HEADERS = [
    (b"host", b"shop.example"),
    (
        b"user-agent",
        b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/128.0 Safari/537.36",
    ),
    (b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    (b"accept-language", b"en-GB,en;q=0.9"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"connection", b"keep-alive"),
    (b"upgrade-insecure-requests", b"1"),
    (b"sec-fetch-dest", b"document"),
    (b"sec-fetch-mode", b"navigate"),
    (b"sec-fetch-site", b"none"),
    (b"sec-fetch-user", b"?1"),
    (b"priority", b"u=0, i"),
]


async def plain(request: Request) -> Response:
    return Response("ok")


async def read_session(request: Request) -> Response:
    request.session.get("user_id")
    return Response("ok")


async def write_session(request: Request) -> Response:
    request.session["user_id"] = "u-1"
    return Response("ok")


async def load_session(request: Request) -> Response:
    await starsessions.load_session(request)
    request.session.get("user_id")
    return Response("ok")


async def load_and_write_session(request: Request) -> Response:
    await starsessions.load_session(request)
    request.session["user_id"] = "u-1"
    return Response("ok")


async def read_identity(request: Request) -> Response:
    request.state.identity.user_id  # noqa: B018
    return Response("ok")


async def identify(request: Request) -> Response:
    request.state.identity.identify("u-1")
    return Response("ok")


Endpoint = Callable[[Request], Awaitable[Response]]


def app(endpoint: Endpoint, middleware: Any = None, **options: Any) -> ASGIApp:
    made = Starlette(routes=[Route("/", endpoint, methods=["GET", "POST"])])
    if middleware is not None:
        made.add_middleware(middleware, **options)
    return made


def scope_with(cookies: dict[str, str]) -> Scope:
    line = "; ".join(f"{name}={value}" for name, value in (UNRELATED | cookies).items())
    extra = [(b"cookie", line.encode())]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [*HEADERS, *extra],
        "client": ("203.0.113.7", 50_000),
        "server": ("127.0.0.1", 8_000),
    }


async def receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def cookies_of(target: ASGIApp) -> dict[str, str]:
    """Return the cookies a browser holds after one visit to *target*."""
    held: dict[str, str] = {}

    async def send(message: MutableMapping[str, Any]) -> None:
        for name, value in message.get("headers", ()):
            if name == b"set-cookie":
                pair = value.decode().partition(";")[0]
                held[pair.partition("=")[0]] = pair.partition("=")[2]

    await target(scope_with({}), receive, send)
    return held


async def ignore(message: Message) -> None:
    pass


async def measure(target: ASGIApp, scope: Scope) -> float:
    """Return microseconds of CPU time per call.

    As from a server, a scope and the bytes of its headers are new for every request and gone after
    it; nobody profits from a hash that an earlier request left in them.
    """
    wire = b"\n".join(part for header in scope["headers"] for part in header)
    begin = time.process_time_ns()
    for _ in range(CALLS):
        parts = wire.split(b"\n")
        fresh = list(zip(parts[::2], parts[1::2], strict=True))
        await target({**scope, "headers": fresh}, receive, ignore)
    return (time.process_time_ns() - begin) / CALLS / 1_000


async def cases() -> dict[str, tuple[ASGIApp, Scope]]:
    session: dict[str, Any] = {"middleware": SessionMiddleware, "secret_key": KEY}
    stars: dict[str, Any] = {
        "middleware": starsessions.SessionMiddleware,
        "store": starsessions.CookieStore(secret_key=KEY),
        "lifetime": 3_600,
    }
    ours: dict[str, Any] = {"middleware": IdentityMiddleware, "secret_key": KEY}
    session_cookies = await cookies_of(app(write_session, **session))
    stars_cookies = await cookies_of(app(load_and_write_session, **stars))
    visitor_cookies = await cookies_of(app(plain, **ours))
    user_cookies = await cookies_of(app(identify, **ours))
    followed = app(plain, **ours, attribution=True, sessions=True)
    return {
        "bare Starlette": (app(plain), scope_with({})),
        "SessionMiddleware untouched": (app(plain, **session), scope_with(session_cookies)),
        "SessionMiddleware new write": (app(write_session, **session), scope_with({})),
        "SessionMiddleware returning read": (
            app(read_session, **session),
            scope_with(session_cookies),
        ),
        "SessionMiddleware returning write": (
            app(write_session, **session),
            scope_with(session_cookies),
        ),
        "starsessions new write": (app(load_and_write_session, **stars), scope_with({})),
        "starsessions returning read": (app(load_session, **stars), scope_with(stars_cookies)),
        "identity untouched": (app(plain, **ours), scope_with(visitor_cookies)),
        "identity returning, user_id read": (app(read_identity, **ours), scope_with(user_cookies)),
        "identity new visitor": (app(plain, **ours), scope_with({})),
        "the same, followed, untouched": (followed, scope_with(await cookies_of(followed))),
        "the same, followed, new visitor": (followed, scope_with({})),
    }


async def run(rounds: int) -> None:
    all_cases = await cases()
    for target, scope in all_cases.values():
        await measure(target, scope)
    overheads: dict[str, list[float]] = {name: [] for name in all_cases}
    bares: list[float] = []
    for _ in range(rounds):
        took = {name: await measure(*case) for name, case in all_cases.items()}
        bares.append(took["bare Starlette"])
        for name in all_cases:
            overheads[name].append(took[name] - took["bare Starlette"])
    medians = {name: statistics.median(each) for name, each in overheads.items()}
    read = medians["SessionMiddleware returning read"]
    write = medians["SessionMiddleware new write"]
    print(f"bare Starlette route: {statistics.median(bares):.1f} µs of CPU time per request")
    print(f"{'overhead over it':36}{'µs':>8}{'× read':>9}{'× new write':>13}")
    for name, median in medians.items():
        if name != "bare Starlette":
            print(f"{name:36}{median:8.1f}{median / read:9.2f}{median / write:13.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    asyncio.run(run(parser.parse_args().rounds))
