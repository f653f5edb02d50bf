"""The middleware keeps to ASGI, whatever the app around it sends."""

import asyncio
import gc
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from segment_identity import Analytics, IdentityMiddleware
from segment_identity.destinations import Memory

from .raw import END, START, Pairs, cookie_names, exchange, http_scope, says, talk
from .support import SECRET

OURS = {b"ajs_identity", b"ajs_anonymous_id", b"ajs_sync"}
HEADERS: Pairs = [(b"content-type", b"text/html"), (b"x-app", b"1")]


def pairs() -> Iterator[tuple[bytes, bytes]]:
    yield from HEADERS


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(HEADERS, id="list"),
        pytest.param(tuple(HEADERS), id="tuple"),
        pytest.param([list(each) for each in HEADERS], id="lists"),
        pytest.param([(name.upper(), value) for name, value in HEADERS], id="upper-case"),
    ],
)
def test_headers_of_any_shape_are_kept(headers: Any) -> None:
    app = IdentityMiddleware(says({**START, "headers": headers}, END), secret_key=SECRET)
    start, end = talk(app)
    assert [(bytes(n), bytes(v)) for n, v in start["headers"]][:2] == [(n, v) for n, v in headers]
    assert cookie_names(start) == OURS
    assert end is END


def test_headers_from_a_generator_are_read_once() -> None:
    app = IdentityMiddleware(says({**START, "headers": pairs()}, END), secret_key=SECRET)
    start, _ = talk(app)
    assert start["headers"][:2] == HEADERS
    assert cookie_names(start) == OURS


def test_headers_may_be_missing() -> None:
    start_message = {"type": "http.response.start", "status": 200}
    app = IdentityMiddleware(says(start_message, END), secret_key=SECRET)
    start, _ = talk(app)
    assert cookie_names(start) == OURS


def test_messages_of_the_app_are_never_changed_in_place() -> None:
    start_message: Message = {**START, "headers": list(HEADERS)}
    talk(IdentityMiddleware(says(start_message, END), secret_key=SECRET))
    assert start_message == {**START, "headers": HEADERS}


@pytest.mark.parametrize(
    "message",
    [
        {"type": "http.response.pathsend", "path": "/etc/hostname"},
        {"type": "http.response.zerocopysend", "file": 3},
        {"type": "http.response.trailers", "headers": [(b"x", b"y")]},
        {"type": "http.response.debug", "info": {"template": "a"}},
        {"type": "http.response.early_hint", "links": [b"</a.css>"]},
        {"type": "http.response.push", "path": "/a.css", "headers": []},
        {"type": "http.response.body", "body": b"x" * 9, "more_body": True},
        {"type": "http.response.start", "status": 103, "headers": [(b"link", b"</a.css>")]},
        {"type": "http.response.start", "status": 101},
        {"type": "made.up", "anything": object()},
    ],
    ids=lambda message: f"{message['type']}-{message.get('status', '')}",
)
def test_messages_that_are_not_ours_pass_as_they_are(message: Message) -> None:
    before = dict(message)
    app = IdentityMiddleware(says(message, START, END), secret_key=SECRET)
    passed, start, end = talk(app)
    assert passed is message
    assert message == before
    assert end is END
    assert cookie_names(start) == OURS


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (304, []),
        (206, []),
        (200, [(b"cache-control", b"public")]),
        (200, [(b"Cache-Control", b"max-age=1, S-MaxAge=9")]),
        (200, [(b"cache-control", b"no-cache"), (b"cache-control", b"immutable")]),
        (200, [(b"cdn-cache-control", b"max-age=9")]),
        (301, [(b"CDN-CACHE-CONTROL", b"")]),
    ],
)
def test_shared_or_partial_response_passes_as_it_is(status: int, headers: Pairs) -> None:
    message = {**START, "status": status, "headers": headers}
    start, _ = talk(IdentityMiddleware(says(message, END), secret_key=SECRET))
    assert start == message


def test_response_to_a_steady_visitor_is_the_same_object() -> None:
    app = IdentityMiddleware(says(START, END), secret_key=SECRET)
    first, _ = talk(app)
    lines = [value for name, value in first["headers"] if name == b"set-cookie"]
    held = b"; ".join(line.partition(b";")[0] for line in lines)
    start, end = talk(app, http_scope(headers=[(b"cookie", held)]))
    assert start is START
    assert end is END


def test_cookies_of_one_visitor_may_come_in_several_headers() -> None:
    app = IdentityMiddleware(says(START, END), secret_key=SECRET)
    first, _ = talk(app)
    lines = [value for name, value in first["headers"] if name == b"set-cookie"]
    headers = [(b"cookie", line.partition(b";")[0]) for line in lines]
    start, _ = talk(app, http_scope(headers=headers))
    assert start is START


def test_request_body_is_untouched() -> None:
    chunks: list[Message] = [
        {"type": "http.request", "body": b"ab", "more_body": True},
        {"type": "http.request", "body": b"cd", "more_body": False},
        {"type": "http.disconnect"},
    ]
    got: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        identity_of(scope).track("Uploading")
        got.extend([await receive() for _ in chunks])
        await send(START)
        await send(END)

    with Analytics(Memory()) as analytics:
        talk(IdentityMiddleware(app, secret_key=SECRET, analytics=analytics), received=chunks)
    assert all(given is taken for given, taken in zip(chunks, got, strict=True))


def identity_of(scope: Scope) -> Any:
    return scope["state"]["identity"]


def test_state_of_the_lifespan_is_kept() -> None:
    state = {"pool": object()}
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["state"])
        await send(START)

    talk(IdentityMiddleware(app, secret_key=SECRET), http_scope(state=state))
    assert seen[0] is state
    assert seen[0]["pool"] is state["pool"]


def test_other_kinds_of_scope_pass_untouched() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await send({"type": "made.up"})

    scope = {"type": "telnet"}
    assert talk(IdentityMiddleware(app, secret_key=SECRET), scope) == [{"type": "made.up"}]
    assert seen == [{"type": "telnet"}]
    assert seen[0] is scope


class Slow(Memory):
    """Takes a while for every batch, and says when it is closed."""

    closed = False

    def send(self, batch: Any, /) -> None:
        """Add a batch, slowly."""
        time.sleep(0.2)
        super().send(batch)

    def close(self) -> None:
        """Say so."""
        self.closed = True


@pytest.mark.parametrize("ending", ["complete", "failed"])
def test_queue_is_delivered_before_the_server_hears_of_the_end(ending: str) -> None:
    """A server exits as soon as it hears that the app has shut down."""
    slow = Slow()
    analytics = Analytics(slow)
    order: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        scope["state"]["pool"] = "open"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        analytics.identity(user_id="ada").track("Closed")
        await send({"type": f"lifespan.shutdown.{ending}"})

    async def run() -> None:
        waiting = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Message:
            return next(waiting)

        async def send(message: Message) -> None:
            order.append(f"{message['type']} with {len(slow.messages)}")

        await IdentityMiddleware(app, secret_key=SECRET, analytics=analytics)(scope, receive, send)

    scope: Scope = {"type": "lifespan", "state": {}}
    asyncio.run(run())
    assert order == ["lifespan.startup.complete with 0", f"lifespan.shutdown.{ending} with 1"]
    assert scope["state"] == {"pool": "open"}
    assert slow.closed


def test_the_loop_runs_while_the_queue_is_delivered() -> None:
    slow = Slow()
    analytics = Analytics(slow)
    ticks = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        analytics.identity(user_id="ada").track("Closed")
        await send({"type": "lifespan.shutdown.complete"})

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    async def run() -> None:
        other = asyncio.create_task(tick())
        middleware = IdentityMiddleware(app, secret_key=SECRET, analytics=analytics)
        await exchange(middleware, {"type": "lifespan", "state": {}})
        other.cancel()

    asyncio.run(run())
    assert ticks > 3


@pytest.mark.parametrize("ending", ["raise", "return"])
def test_an_app_without_a_lifespan_is_given_one(ending: str) -> None:
    """A server that is told of no lifespan ends by the bare signal, and the queue with it."""
    slow = Slow()
    analytics = Analytics(slow)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" and ending == "raise":
            raise ValueError("Django can only handle ASGI/HTTP connections, not lifespan.")

    analytics.identity(user_id="ada").track("Closed")
    middleware = IdentityMiddleware(app, secret_key=SECRET, analytics=analytics)
    told = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    waiting = iter(told)

    async def run() -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            return next(waiting)

        async def send(message: Message) -> None:
            sent.append(message)

        await middleware({"type": "lifespan"}, receive, send)
        return sent

    assert asyncio.run(run()) == [{"type": f"{each['type']}.complete"} for each in told]
    assert len(slow.messages) == 1


def test_a_lifespan_that_fails_is_the_apps_own() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raise RuntimeError("no database")

    middleware = IdentityMiddleware(app, secret_key=SECRET, analytics=Analytics("memory:"))
    with pytest.raises(RuntimeError, match="no database"):
        talk(middleware, {"type": "lifespan"}, [{"type": "lifespan.startup"}])


def test_disconnect_during_the_answer_loses_no_event() -> None:
    """ASGI 2.4: send may raise OSError once the client has gone."""
    memory = Memory()
    analytics = Analytics(memory)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        identity_of(scope).track("Before")
        try:
            await send(START)
        finally:
            identity_of(scope).track("After")

    async def send(message: Message) -> None:
        raise ConnectionResetError

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    middleware = IdentityMiddleware(app, secret_key=SECRET, analytics=analytics)
    with analytics, pytest.raises(ConnectionResetError):
        asyncio.run(_serve(middleware, http_scope(), receive, send))
    assert [each["event"] for each in memory.messages] == ["Before", "After"]
    assert len({each["anonymousId"] for each in memory.messages}) == 1
    assert analytics.stats().faults == {}


async def _serve(app: Any, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


def test_cancelled_request_loses_no_event() -> None:
    memory = Memory()
    analytics = Analytics(memory)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        identity_of(scope).track("Begun")
        await asyncio.sleep(60)

    async def run() -> None:
        middleware = IdentityMiddleware(app, secret_key=SECRET, analytics=analytics)
        task = asyncio.create_task(exchange(middleware, http_scope()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with analytics:
        asyncio.run(run())
    assert [each["event"] for each in memory.messages] == ["Begun"]


@pytest.mark.parametrize("begun", [False, True])
def test_exception_of_the_app_passes_through(begun: bool) -> None:
    memory = Memory()
    analytics = Analytics(memory)
    error = RuntimeError("of the app")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        identity_of(scope).track("Tried")
        if begun:
            await send(START)
        raise error

    middleware = IdentityMiddleware(app, secret_key=SECRET, analytics=analytics)
    with analytics, pytest.raises(RuntimeError) as caught:
        talk(middleware)
    assert caught.value is error
    assert [each["event"] for each in memory.messages] == ["Tried"]


class Held:
    """Something a request holds."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("options", [{}, {"user": lambda _: "ada"}, {"track_pages": True}])
def test_request_is_freed_when_it_ends(options: dict[str, Any]) -> None:
    """No circle through the scope leaves it to the garbage collector."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        identity_of(scope).track("Seen")
        await send({**START, "headers": [(b"content-type", b"text/html")]})
        await send(END)

    with Analytics(Memory()) as analytics:
        middleware = IdentityMiddleware(app, secret_key=SECRET, analytics=analytics, **options)
        held = Held()
        watch = weakref.ref(held)
        scope = http_scope(held=held)
        talk(middleware, scope)
        del scope, held
        assert watch() is None


def test_identity_works_on_after_its_request() -> None:
    kept: list[Any] = []
    memory = Memory()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        kept.append(identity_of(scope))
        kept[0].track("During")
        await send(START)

    with Analytics(memory) as analytics:
        talk(IdentityMiddleware(app, secret_key=SECRET, analytics=analytics))
        kept[0].track("After")
    during, after = memory.messages
    assert after["anonymousId"] == during["anonymousId"]
    assert after["context"] == during["context"]


def test_untouched_identity_can_be_used_after_its_request() -> None:
    kept: list[Any] = []
    memory = Memory()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        kept.append(identity_of(scope))
        await send(START)

    with Analytics(memory) as analytics:
        scope = http_scope(headers=[(b"cookie", b"ajs_anonymous_id=device-0042")])
        talk(IdentityMiddleware(app, secret_key=SECRET, analytics=analytics), scope)
        kept[0].track("After")
    (event,) = memory.messages
    assert event["anonymousId"] == "device-0042"
    assert event["context"]["page"]["path"] == "/"


def test_two_middlewares_share_one_identity() -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(identity_of(scope))
        await send({**START, "headers": [(b"content-type", b"text/html")]})

    memory = Memory()
    with Analytics(memory) as analytics:
        inner = IdentityMiddleware(app, secret_key=SECRET, analytics=analytics, track_pages=True)
        outer = IdentityMiddleware(inner, secret_key=SECRET, analytics=analytics, track_pages=True)
        (start,) = talk(outer)
    lines = [value for name, value in start["headers"] if name == b"set-cookie"]
    assert len(lines) == len(OURS)
    assert [each["anonymousId"] for each in memory.messages] == [seen[0].anonymous_id]
