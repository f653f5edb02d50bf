"""The identity in every place where an app's code runs."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI
from fastapi import WebSocket as FastAPIWebSocket
from fastapi.testclient import TestClient as FastAPIClient
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from segment_identity import Analytics, Identity, IdentityMiddleware, NotInstalled, get_identity
from segment_identity.destinations import Memory
from segment_identity.fastapi import CurrentIdentity

from .support import DOCUMENT, OTHER_SECRET, SECRET

Endpoint = Callable[[Request], Response] | Callable[[Request], Awaitable[Response]]


class Stack:
    """One app with the middleware, and what it recorded."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.analytics = Analytics(self.memory)
        self.ours = Middleware(IdentityMiddleware, secret_key=SECRET, analytics=self.analytics)

    def app(
        self,
        *routes: BaseRoute,
        outside: list[Middleware] | None = None,
        inside: list[Middleware] | None = None,
    ) -> Starlette:
        """Return an app with our middleware and others around it."""
        middleware = [*(outside or []), self.ours, *(inside or [])]
        return Starlette(routes=list(routes), middleware=middleware)

    def visit(self, app: ASGIApp, path: str = "/") -> TestClient:
        """Open a page in a new browser and return the browser."""
        client = TestClient(app, headers=DOCUMENT)
        assert client.get(path).status_code == 200
        return client

    def events(self) -> list[tuple[str, str | None]]:
        """Return the names and users of what was recorded."""
        assert self.analytics.flush(10)
        return [
            (each.get("event") or each["type"], each["userId"]) for each in self.memory.messages
        ]

    def devices(self) -> set[str]:
        """Return all anonymousIds of what was recorded."""
        return {each["anonymousId"] for each in self.memory.messages}


@pytest.fixture
def stack() -> Iterator[Stack]:
    made = Stack()
    yield made
    made.analytics.close()


class PassThrough(BaseHTTPMiddleware):
    """Runs the rest in a task of its own, as BaseHTTPMiddleware does."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Pass on."""
        return await call_next(request)


class Watching(BaseHTTPMiddleware):
    """Tracks before and after the app."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Track around the rest."""
        request.state.identity.track("Before")
        response = await call_next(request)
        request.state.identity.track("After")
        return response


async def asynchronous(request: Request) -> Response:
    """Sign somebody in."""
    request.state.identity.identify("ada")
    return HTMLResponse("<p>Hi")


def synchronous(request: Request) -> Response:
    """Sign somebody in from the threadpool."""
    assert threading.current_thread() is not threading.main_thread()
    request.state.identity.identify("ada")
    return HTMLResponse("<p>Hi")


@pytest.mark.parametrize("endpoint", [asynchronous, synchronous])
@pytest.mark.parametrize("outside", [[], [Middleware(PassThrough)]], ids=["bare", "outside"])
@pytest.mark.parametrize("inside", [[], [Middleware(PassThrough)]], ids=["bare", "inside"])
def test_verb_in_an_endpoint_reaches_the_cookies(
    stack: Stack, endpoint: Endpoint, outside: list[Middleware], inside: list[Middleware]
) -> None:
    app = stack.app(Route("/", endpoint), outside=outside, inside=inside)
    client = stack.visit(app)
    assert client.cookies["ajs_user_id"] == "ada"
    assert stack.events() == [("identify", "ada")]
    assert stack.devices() == {client.cookies["ajs_anonymous_id"]}


def test_verbs_in_an_inner_middleware_count(stack: Stack) -> None:
    client = stack.visit(stack.app(Route("/", asynchronous), inside=[Middleware(Watching)]))
    assert stack.events() == [("Before", None), ("identify", "ada"), ("After", "ada")]
    assert stack.devices() == {client.cookies["ajs_anonymous_id"]}


def test_background_task_tracks_after_the_response(stack: Stack) -> None:
    def endpoint(request: Request) -> Response:
        task = BackgroundTask(request.state.identity.track, "Mailed")
        return HTMLResponse("<p>Hi", background=task)

    client = stack.visit(stack.app(Route("/", endpoint)))
    assert stack.events() == [("Mailed", None)]
    assert stack.devices() == {client.cookies["ajs_anonymous_id"]}


def test_streaming_body_tracks_while_it_is_sent(stack: Stack) -> None:
    def endpoint(request: Request) -> Response:
        async def body() -> AsyncIterator[str]:
            yield "<p>One"
            request.state.identity.track("Streamed")
            yield "<p>Two"

        return StreamingResponse(body(), media_type="text/html")

    client = stack.visit(stack.app(Route("/", endpoint), inside=[Middleware(PassThrough)]))
    assert stack.events() == [("Streamed", None)]
    assert stack.devices() == {client.cookies["ajs_anonymous_id"]}


def test_mounted_app_with_its_own_middleware_shares_the_identity(stack: Stack) -> None:
    """The outer middleware's identity is the one, whatever key the inner one has."""
    inner = Starlette(
        routes=[Route("/", asynchronous)],
        middleware=[
            Middleware(IdentityMiddleware, secret_key=OTHER_SECRET, analytics=stack.analytics)
        ],
    )
    client = stack.visit(stack.app(Mount("/shop", inner)), "/shop/")
    assert stack.events() == [("identify", "ada")]
    assert stack.devices() == {client.cookies["ajs_anonymous_id"]}
    again = stack.visit(stack.app(Mount("/shop", inner)), "/shop/")
    assert again.cookies["ajs_anonymous_id"] != client.cookies["ajs_anonymous_id"]


def test_mounted_app_alone_may_have_the_middleware(stack: Stack) -> None:
    outer = Starlette(routes=[Mount("/shop", stack.app(Route("/page", asynchronous)))])
    client = stack.visit(outer, "/shop/page")
    assert client.cookies["ajs_user_id"] == "ada"
    assert stack.events() == [("identify", "ada")]
    page = stack.memory.messages[0]["context"]["page"]
    assert page["path"] == "/shop/page"


def test_sessions_and_identity_stand_side_by_side(stack: Stack) -> None:
    def endpoint(request: Request) -> Response:
        request.session["basket"] = ["pen"]
        return asyncio.run(asynchronous(request))

    sessions = [Middleware(SessionMiddleware, secret_key=SECRET)]
    for where in ("outside", "inside"):
        around: dict[str, Any] = {where: sessions}
        client = stack.visit(stack.app(Route("/", endpoint), **around))
        assert {"session", "ajs_anonymous_id", "ajs_identity"} <= set(client.cookies)


async def chat(websocket: WebSocket) -> None:
    """Say who is there, track, and say goodbye."""
    identity = get_identity(websocket)
    await websocket.accept()
    identity.track("Chatted")
    await websocket.send_json([identity.anonymous_id, identity.user_id, identity.is_provisional])
    await websocket.close()


def test_websocket_reads_the_identity(stack: Stack) -> None:
    app = stack.app(Route("/", asynchronous), WebSocketRoute("/chat", chat))
    client = stack.visit(app)
    with client.websocket_connect("/chat") as socket:
        assert socket.receive_json() == [client.cookies["ajs_anonymous_id"], "ada", False]
    assert stack.events() == [("identify", "ada"), ("Chatted", "ada")]


def test_websocket_stores_nothing(stack: Stack) -> None:
    client = TestClient(stack.app(WebSocketRoute("/chat", chat)))
    with client.websocket_connect("/chat") as socket:
        anonymous_id, user_id, is_provisional = socket.receive_json()
        headers: list[tuple[bytes, bytes]] = list(socket.extra_headers or [])
    assert (user_id, is_provisional) == (None, True)
    assert [name for name, _ in headers if name == b"set-cookie"] == []
    assert stack.events() == [("Chatted", None)]
    assert stack.devices() == {anonymous_id}


def test_websockets_know_the_apps_user_and_identify_them_nowhere(stack: Stack) -> None:
    """Nothing can be kept in them, so every one would say it again."""

    def user(connection: object) -> str:
        return "ada"

    stack.ours = Middleware(
        IdentityMiddleware, secret_key=SECRET, analytics=stack.analytics, user=user
    )
    page = Route("/", lambda request: HTMLResponse("<p>Hi"))
    client = TestClient(stack.app(WebSocketRoute("/chat", chat), page), headers=DOCUMENT)
    for _ in range(3):
        with client.websocket_connect("/chat") as socket:
            assert socket.receive_json()[1] == "ada"
    assert stack.events() == [("Chatted", "ada")] * 3
    client.get("/")
    client.get("/")
    assert stack.events()[3:] == [("identify", "ada")]


def test_refused_websocket_stores_nothing(stack: Stack) -> None:
    async def refuse(websocket: WebSocket) -> None:
        get_identity(websocket).identify("ada")
        await websocket.send_denial_response(HTMLResponse("<p>No", 403))

    client = TestClient(stack.app(WebSocketRoute("/chat", refuse)))
    with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect("/chat"):
        pass
    assert caught.value.status_code == 403
    assert "set-cookie" not in caught.value.headers


def test_without_the_middleware_the_error_says_what_to_do() -> None:
    def endpoint(request: Request) -> Response:
        with pytest.raises(NotInstalled, match=r"app\.add_middleware\(IdentityMiddleware"):
            get_identity(request)
        return HTMLResponse("<p>Hi")

    assert TestClient(Starlette(routes=[Route("/", endpoint)])).get("/").status_code == 200


def fastapi_app(stack: Stack) -> FastAPI:
    """Return an app that uses all FastAPI has."""
    app = FastAPI()
    app.add_middleware(IdentityMiddleware, secret_key=SECRET, analytics=stack.analytics)

    async def watched(identity: CurrentIdentity) -> AsyncIterator[str]:
        identity.track("Entered")
        yield identity.anonymous_id
        identity.track("Left")

    def looked(identity: CurrentIdentity) -> str:
        return identity.anonymous_id

    @app.get("/async")
    async def async_endpoint(
        identity: CurrentIdentity,
        first: Annotated[str, Depends(watched)],
        second: Annotated[str, Depends(looked)],
        tasks: BackgroundTasks,
    ) -> list[str]:
        identity.identify("ada")
        tasks.add_task(identity.track, "Mailed")
        return [first, second, identity.anonymous_id]

    @app.get("/sync")
    def sync_endpoint(identity: CurrentIdentity) -> str:
        identity.identify("ada")
        return identity.anonymous_id

    @app.get("/found")
    def found(identity: Annotated[Identity, Depends(get_identity)]) -> str:
        return identity.anonymous_id

    @app.websocket("/chat")
    async def socket(websocket: FastAPIWebSocket, identity: CurrentIdentity) -> None:
        await websocket.accept()
        await websocket.send_text(identity.anonymous_id)
        await websocket.close()

    return app


def test_fastapi_dependencies_share_one_identity(stack: Stack) -> None:
    client = FastAPIClient(fastapi_app(stack), headers=DOCUMENT)
    ids = client.get("/async").json()
    assert set(ids) == {client.cookies["ajs_anonymous_id"]}
    names = [name for name, _ in stack.events()]
    assert names[:2] == ["Entered", "identify"]
    assert sorted(names[2:]) == ["Left", "Mailed"]
    assert stack.devices() == set(ids)


def test_fastapi_sync_endpoint_and_websocket(stack: Stack) -> None:
    client = FastAPIClient(fastapi_app(stack), headers=DOCUMENT)
    device = client.get("/sync").json()
    assert client.cookies["ajs_user_id"] == "ada"
    with client.websocket_connect("/chat") as socket:
        assert socket.receive_text() == device


def test_get_identity_is_a_fastapi_dependency_too(stack: Stack) -> None:
    client = FastAPIClient(fastapi_app(stack), headers=DOCUMENT)
    assert client.get("/found").json() == client.cookies["ajs_anonymous_id"]


def test_lifespan_of_the_app_runs_and_its_state_is_kept(stack: Stack) -> None:
    ran: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, str]]:
        ran.append("up")
        yield {"pool": "open"}
        stack.analytics.identity(user_id="ada").track("Closed")
        ran.append("down")

    def endpoint(request: Request) -> Response:
        request.state.identity.track(request.state.pool)
        return HTMLResponse("<p>Hi")

    app = Starlette(
        routes=[Route("/", endpoint)],
        middleware=[stack.ours],
        lifespan=lifespan,
    )
    with TestClient(app) as client:
        client.get("/")
    assert ran == ["up", "down"]
    assert [each["event"] for each in stack.memory.messages] == ["open", "Closed"]
