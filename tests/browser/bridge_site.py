"""A site whose pages hold the bridge, with the real Analytics.js or without."""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from servers import in_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from segment_identity import Identity, IdentityMiddleware, get_identity
from segment_identity.browser import bridge

DAY: Final = 86_400.0
# Days that have passed for whoever sends a request, so that visitors may live at different times.
DAYS_LATER: Final = "x-days-later"
# Only names below it lead to the site, and to scripts it is no secure context.
NAMED_HOST: Final = "www.shop.example"
_DAYS: Final = ContextVar[float]("days", default=0.0)
_START: Final = time.time()
_CDN_SETTINGS: Final = {
    "integrations": {"Segment.io": {"apiKey": "a-write-key"}},
    "metrics": {"sampleRate": 0},
}
# Without the icon a browser asks for one, at any time, and what it gets may renew the cookies.
_HEAD: Final = '<!doctype html><title>Page</title><link rel="icon" href="data:,">'
_LOADER: Final = """<script>
  window.analytics = [];
  analytics._writeKey = "a-write-key";
  analytics._cdn = location.origin;
  analytics._loadOptions = OPTIONS;
</script>
<script src="/analytics.js" async></script>
"""

Act = Callable[[Identity, str], object]
# Requests with their cookies, and what the answers set.
Exchanges = deque[str]
_KEPT: Final = 100
ACTS: Final[Mapping[str, Act]] = {
    "nothing": lambda identity, argument: None,
    "identify": lambda identity, argument: identity.identify(argument),
    "reset": lambda identity, argument: identity.reset(),
    "keep": lambda identity, argument: identity.reset(keep_device=True),
    "group": lambda identity, argument: identity.group(argument),
    "device": lambda identity, argument: identity.set_anonymous_id(argument),
}


@dataclass(frozen=True)
class BridgeSite:
    """The running site; it has two names, of which one is for subdomains."""

    port: int
    # The latest, for what happens too seldom to be looked for twice.
    exchanges: Exchanges

    @property
    def url(self) -> str:
        """The site at a host of its own."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def named_url(self) -> str:
        """The site at a host whose cookies are for its parent domain, too."""
        return f"http://{NAMED_HOST}:{self.port}"


@contextmanager
def open_bridge_site(
    script: Path | None, *, cookie_first: bool = False, domain: str | None = None
) -> Iterator[BridgeSite]:
    """Serve the site from a thread, with *script* as its Analytics.js."""
    exchanges = Exchanges(maxlen=_KEPT)
    app = _app(script, cookie_first, domain)
    with in_thread(_Noted(app, exchanges)) as port:
        yield BridgeSite(port, exchanges)


def _app(script: Path | None, cookie_first: bool, domain: str | None) -> Starlette:
    loader = (
        "" if script is None else _LOADER.replace("OPTIONS", _load_options(cookie_first, domain))
    )

    def page(request: Request) -> Response:
        if request.url.path == "/empty":
            return HTMLResponse(_HEAD)
        body = f"{_HEAD}{bridge(request)}{loader}<p>{request.url.path}"
        cached = request.url.path == "/cached"
        headers = {"cache-control": "public, max-age=600" if cached else "no-cache"}
        return HTMLResponse(body, headers=headers)

    def act(request: Request) -> Response:
        identity = get_identity(request)
        ACTS[request.path_params["verb"]](identity, request.query_params.get("argument", ""))
        return JSONResponse({}) if _is_fetch(request) else page(request)

    def who(request: Request) -> Response:
        identity = get_identity(request)
        return JSONResponse(
            {
                "anonymousId": identity.anonymous_id,
                "userId": identity.user_id,
                "hint": identity.user_id_hint,
                "groupId": identity.group_id,
                "isNew": identity.is_new,
            }
        )

    async def analytics_js(request: Request) -> Response:
        assert script is not None
        return FileResponse(script, headers={"cache-control": "public, max-age=600"})

    async def cdn_settings(request: Request) -> Response:
        return JSONResponse(_CDN_SETTINGS, headers={"cache-control": "public, max-age=600"})

    async def take(request: Request) -> Response:
        return JSONResponse({"success": True})

    return Starlette(
        routes=[
            Route("/who", who),
            Route("/act/{verb}", act, methods=["GET", "POST"]),
            Route("/analytics.js", analytics_js),
            Route("/v1/projects/a-write-key/settings", cdn_settings),
            Route("/v1/{letter}", take, methods=["POST"]),
            Route("/{page:path}", page),
        ],
        middleware=[
            Middleware(_Later),
            Middleware(
                IdentityMiddleware,
                secret_key="a-key-for-tests-Rk3vTq9w",
                cookie_domain=domain,
                consent=lambda connection: connection.cookies.get("refused") is None,
                clock=lambda: _START + _DAYS.get() * DAY,
            ),
        ],
    )


class _Noted:
    """Writes down who said what, and when."""

    def __init__(self, app: ASGIApp, exchanges: Exchanges) -> None:
        self.app = app
        self.exchanges = exchanges

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.exchanges.append(_exchange(scope, began, message))
            await send(message)

        began = time.monotonic()
        await self.app(scope, receive, noting)


def _exchange(scope: Scope, began: float, answer: Message) -> str:
    asked = [value.decode() for name, value in scope["headers"] if name == b"cookie"]
    told = [value.decode() for name, value in answer["headers"] if name == b"set-cookie"]
    took = f"{began:.3f} to {time.monotonic():.3f}"
    first = f"{took} {scope['method']} {scope['path']}?{scope['query_string'].decode()}"
    return "\n    ".join([first, *asked, *(f"-> {each}" for each in told)])


class _Later:
    """Lets time pass for who says that it did."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        _DAYS.set(float(headers.get(DAYS_LATER.encode(), b"0")))
        await self.app(scope, receive, send)


def _is_fetch(request: Request) -> bool:
    # Sec-Fetch headers are sent to secure contexts only.
    return "text/html" not in request.headers.get("accept", "")


def _load_options(cookie_first: bool, domain: str | None) -> str:
    options: dict[str, Any] = {
        "integrations": {"Segment.io": {"apiHost": "HOST/v1", "protocol": "http"}}
    }
    if domain is not None:
        # By itself Analytics.js looks for the widest domain with a cookie of one name, and takes a
        # narrower one if another page that opens at the same moment has just deleted that cookie.
        options["cookie"] = {"domain": domain}
    if cookie_first:
        options["storage"] = {"stores": ["cookie", "localStorage", "memory"]}
    return json.dumps(options).replace('"HOST/v1"', 'location.host + "/v1"')
