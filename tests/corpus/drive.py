"""Drive a tiny app through raw ASGI messages, with no client library between input and code."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Scope

from segment_identity import Analytics, Identity, IdentityMiddleware
from segment_identity.destinations import Memory

from .inputs import PEER, Headers, HostileInput

KEY_OLD: Final = "test-old-00000000000000000000000000000000"
KEY_NEW: Final = "test-new-11111111111111111111111111111111"
PAGE: Final = "<!doctype html><title>Corpus</title><p>Hello"
ETAG: Final = '"corpus-1"'
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
    "gpc",
)


@dataclass(slots=True)
class Answer:
    """What one request was answered, and the CPU seconds it took."""

    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    cpu: float = 0.0

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of every header called *name*."""
        return [value for each, value in self.headers if each.lower() == name]


@dataclass(slots=True)
class Visit:
    """One input, what the app saw of its identity, the answer and the messages it caused."""

    hostile: HostileInput
    sent: list[bytes]
    answer: Answer
    seen: dict[str, Any]
    messages: list[dict[str, Any]] = field(default_factory=list)


class Site:
    """The app under test; `verb` makes its page track something as well, and follow its visitor."""

    def __init__(self, hostile: HostileInput, *, verb: bool = False) -> None:
        self.seen: dict[str, Any] = {}
        self.memory = Memory()
        self.analytics = Analytics(self.memory)
        self._verb = verb
        self.app: ASGIApp = Starlette(
            routes=[Route("/", self._page)],
            middleware=[
                Middleware(
                    IdentityMiddleware,
                    secret_key=KEY_NEW,
                    previous_keys=[KEY_OLD],
                    analytics=self.analytics,
                    track_pages=True,
                    trusted_proxies=hostile.expect.get("trusted_proxies", 0),
                    ip="full" if "context_ip" in hostile.expect else "mask",
                    attribution=["Corpus Seen"] if verb else False,
                    sessions=verb,
                )
            ],
        )

    async def _page(self, request: Request) -> Response:
        identity: Identity = request.state.identity
        self.seen.update({name: getattr(identity, name) for name in READ})
        assert identity.anonymous_id == self.seen["anonymous_id"]
        if self._verb:
            identity.track("Corpus Seen")
        return _answer(request)


@contextmanager
def site(hostile: HostileInput, *, verb: bool = False) -> Iterator[Site]:
    """Give a site for *hostile* and close its analytics afterwards."""
    made = Site(hostile, verb=verb)
    try:
        yield made
    finally:
        made.analytics.close(5)


def bare() -> ASGIApp:
    """Return the same app without the middleware."""

    async def page(request: Request) -> Response:
        return _answer(request)

    return Starlette(routes=[Route("/", page)])


def visit(hostile: HostileInput, sent: list[bytes], *, verb: bool = False) -> Visit:
    """Send one input to a fresh site and return everything that came of it.

    Errors of ours would be caught and counted, as the app must be served; here they count.
    """
    with site(hostile, verb=verb) as made:
        answer = asyncio.run(call(made.app, scope_of(hostile, sent)))
        made.analytics.flush(5)
        assert made.analytics.stats().faults == {}
        return Visit(hostile, sent, answer, dict(made.seen), list(made.memory.messages))


def scope_of(hostile: HostileInput, sent: list[bytes]) -> Scope:
    """Return the ASGI scope of the request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": hostile.method,
        "scheme": hostile.scheme,
        "path": hostile.path,
        "raw_path": hostile.path.encode(),
        "root_path": "",
        "query_string": hostile.query_string(sent),
        "headers": hostile.request_headers(sent),
        "client": (PEER, 51234),
        "server": ("app.example.com", 443 if hostile.scheme == "https" else 80),
        "state": {},
    }


async def call(app: ASGIApp, scope: Scope) -> Answer:
    """Run *app* for one request and collect its answer."""
    answer = Answer()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(bytes(k), bytes(v)) for k, v in message["headers"]]
        elif message["type"] == "http.response.body":
            answer.body += message.get("body", b"")

    started = time.process_time()
    await app(scope, receive, send)
    answer.cpu = time.process_time() - started
    return answer


def identified(user_id: str, cookie: bytes, scheme: str) -> tuple[str, str]:
    """Return name and value of the signed cookie after a page identified *user_id*."""
    for line in identify_lines(user_id, cookie, scheme):
        if b"; HttpOnly" in line:
            name, _, value = line.partition(b";")[0].partition(b"=")
            return name.decode("ascii"), value.decode("ascii")
    raise AssertionError("identify() set no signed cookie")


def identify_lines(user_id: str, cookie: bytes, scheme: str = "http") -> list[bytes]:
    """Return the Set-Cookie values of a page that identified *user_id*."""

    async def page(request: Request) -> Response:
        request.state.identity.identify(user_id)
        return HTMLResponse(PAGE)

    hostile = HostileInput("identify", "cookie", "cookie", "latin-1", "", {}, scheme=scheme)
    analytics = Analytics(Memory())
    app = Starlette(
        routes=[Route("/", page)],
        middleware=[Middleware(IdentityMiddleware, secret_key=KEY_NEW, analytics=analytics)],
    )
    try:
        return asyncio.run(call(app, scope_of(hostile, [cookie]))).values(b"set-cookie")
    finally:
        analytics.close(5)


def _answer(request: Request) -> Response:
    if "if-none-match" in request.headers:
        return Response(status_code=304, headers={"ETag": ETAG})
    return HTMLResponse(PAGE, headers={"ETag": ETAG})
