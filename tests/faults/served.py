"""An app that records an event per request, for real servers; the environment names its client."""

import os
from collections.abc import Callable
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from segment_identity import IdentityMiddleware

from .clients import Client, Ours, made

KIND: Final = os.environ["FAULTS_KIND"]
CLIENT: Final[Client] = made(KIND, os.environ["FAULTS_HOST"], os.environ["FAULTS_SPOOL"])


def record(request: Request) -> None:
    """Record one event the way each client's users do."""
    number = int(request.query_params["number"])
    if isinstance(CLIENT, Ours):
        request.state.identity.track("Seen", {"number": number})
    else:
        CLIENT.track("a", number)


async def track(request: Request) -> Response:
    """Record one event."""
    record(request)
    return PlainTextResponse("seen")


def track_in_a_thread(request: Request) -> Response:
    """Record one event from the threadpool."""
    record(request)
    return PlainTextResponse("seen")


def _middleware() -> list[Middleware]:
    if not isinstance(CLIENT, Ours):
        return []
    key = "Rk3vTq9w-YbN2xLm8-tests"
    return [Middleware(IdentityMiddleware, secret_key=key, analytics=CLIENT.analytics)]


ENDPOINTS: Final[dict[str, Callable[..., object]]] = {"/async": track, "/sync": track_in_a_thread}
app = Starlette(
    routes=[Route(path, endpoint) for path, endpoint in ENDPOINTS.items()],
    middleware=_middleware(),
)
