"""`Inspector`: an ASGI app to mount where developers, and nobody else, may look."""

import time
from collections.abc import AsyncIterator, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from segment_identity import options
from segment_identity.analytics import Analytics
from segment_identity.connections import visit_of
from segment_identity.destinations import extras
from segment_identity.errors import ConfigurationError, Unavailable
from segment_identity.identity import Identity
from segment_identity.inspector import access
from segment_identity.inspector.health import health
from segment_identity.inspector.portrait import Portrait, portrait
from segment_identity.inspector.watching import Watch
from segment_identity.request_visit import RequestVisit
from segment_identity.stitching import POLICIES, Policy

if TYPE_CHECKING:
    from segment_identity.inspector.people import People

_MIN_TOKEN: Final = 16
_MOST_STREAMS: Final = 20
_HERE: Final = files("segment_identity.inspector")
_STATIC: Final[Mapping[str, str]] = {
    "inspector.css": "text/css",
    "inspector.js": "text/javascript",
    "inspector.svg": "image/svg+xml",
}
_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class Inspector:
    """Shows this browser's identity, the events of this process as they come, and people.

    Mount it, for example at `/inspector`. It shows personal data: without *token* only this machine
    may look, and with one, of at least 16 random characters, whoever opens the page with
    `?token=…` once. *warehouse* is the URL of the database with the people, if there is one, and
    *policy* the one it was loaded with. Needs the extra `inspector`.
    """

    @options.explained
    def __init__(
        self,
        analytics: Analytics,
        *,
        warehouse: str | None = None,
        token: str | None = None,
        policy: Policy = "first",
    ) -> None:
        if not isinstance(analytics, Analytics):
            raise ConfigurationError(
                f"Inspector was given {type(analytics).__name__}; want an Analytics"
            )
        if token is not None and (not isinstance(token, str) or len(token) < _MIN_TOKEN):
            raise ConfigurationError(
                f"token was given a {type(token).__name__} that protects nothing; "
                f"want None or at least {_MIN_TOKEN} random characters"
            )
        options.one_of("policy", policy, POLICIES)
        jinja2 = extras.load("jinja2", "the inspector", "inspector")
        templates = jinja2.PackageLoader("segment_identity.inspector")
        self._pages = jinja2.Environment(loader=templates, autoescape=True, trim_blocks=True)
        self._analytics = analytics
        self._token = token
        self._people = None if warehouse is None else _loaded(warehouse, policy)
        self._watch = Watch()
        analytics.watchers.append(self._watch)
        self._router = Router(
            [
                Route("/", self._home),
                Route("/portrait", self._portrait_part),
                Route("/delivery", self._delivery_part),
                Route("/people", self._person),
                Route("/stream", self._stream),
                Route("/static/{name}", _static),
            ]
        )

    def __repr__(self) -> str:
        return "<Inspector>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of somebody who may look; to others there is nothing here."""
        if scope["type"] != "http":
            return await self._router(scope, receive, send)
        request = Request(scope, receive)
        given = request.query_params.get(access.PARAMETER)
        if self._token is None:
            peer = request.client.host if request.client else None
            allowed = access.is_local(peer, dict(request.scope["headers"]))
        else:
            allowed = access.is_token(given or request.cookies.get(access.COOKIE), self._token)
        if not allowed:
            response: Response = PlainTextResponse("Not Found", 404)
        elif given is not None and self._token is not None:
            response = _without_token(request, self._token)
        elif not scope["path"].endswith("/") and scope["path"] == scope.get("root_path", ""):
            # Links in the page are relative.
            response = RedirectResponse(f"{scope['path']}/", 307)
        else:
            return await self._router(scope, receive, send)
        await response(scope, receive, send)

    def _page(self, name: str, **values: Any) -> HTMLResponse:
        text = self._pages.get_template(name).render(people=self._people is not None, **values)
        return HTMLResponse(text, headers=dict(_HEADERS))

    def _home(self, request: Request) -> Response:
        return self._page("home.html", portrait=_portrait(request), health=health(self._analytics))

    def _portrait_part(self, request: Request) -> Response:
        return self._page("_portrait.html", portrait=_portrait(request))

    def _delivery_part(self, request: Request) -> Response:
        return self._page("_delivery.html", health=health(self._analytics))

    def _person(self, request: Request) -> Response:
        sought = request.query_params.get("id", "").strip()
        began = time.perf_counter()
        found, problem = None, ""
        try:
            if sought and self._people is not None:
                found = self._people.person(sought)
        except (ConfigurationError, Unavailable) as error:
            problem = str(error)
        took = (time.perf_counter() - began) * 1_000
        return self._page("person.html", sought=sought, person=found, problem=problem, took=took)

    async def _stream(self, request: Request) -> Response:
        if self._watch.streams >= _MOST_STREAMS:
            return PlainTextResponse("too many watch already", 503)
        last = request.headers.get("last-event-id", "")
        listener = self._watch.listen(int(last) if last.isdecimal() and len(last) < 16 else 0)

        async def streamed() -> AsyncIterator[bytes]:
            try:
                async for part in listener.stream():
                    yield part
            finally:
                self._watch.forget(listener)

        headers = {**_HEADERS, "X-Accel-Buffering": "no"}
        return StreamingResponse(streamed(), media_type="text/event-stream", headers=headers)


def _loaded(warehouse: str, policy: Policy) -> "People":
    module = extras.load("segment_identity.inspector.people", "the inspector's people", "inspector")
    found: People = module.People(warehouse, policy)
    return found


def _portrait(request: Request) -> Portrait | None:
    identity = request.scope.get("state", {}).get("identity")
    visit = visit_of(identity) if isinstance(identity, Identity) else None
    if not isinstance(visit, RequestVisit):
        return None
    return portrait(visit.recognition(), request.cookies, visit.attribution(), visit.session_id())


def _without_token(request: Request, token: str) -> Response:
    """Keep the token in a cookie, as one in an address ends up in logs and histories."""
    rest = [(name, text) for name, text in request.query_params.multi_items() if name != "token"]
    where = request.url.path + (f"?{urlencode(rest)}" if rest else "")
    response = RedirectResponse(where, 303, dict(_HEADERS))
    response.set_cookie(
        access.COOKIE,
        token,
        path=request.scope.get("root_path") or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _STATIC:
        return PlainTextResponse("Not Found", 404)
    text = _HERE.joinpath("static", name).read_text("utf-8")
    return Response(text, media_type=_STATIC[name], headers=dict(_HEADERS))
