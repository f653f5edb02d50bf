"""An app for real servers; the database is named by the environment."""

import os

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from segment_identity import Analytics, IdentityMiddleware


async def track(request: Request) -> Response:
    """Record one event."""
    request.state.identity.track("Seen", {"number": int(request.query_params["number"])})
    return PlainTextResponse("seen")


def track_in_a_thread(request: Request) -> Response:
    """Record one event from the threadpool."""
    request.state.identity.track("Seen", {"number": int(request.query_params["number"])})
    return PlainTextResponse("seen")


app = Starlette(
    routes=[Route("/async", track), Route("/sync", track_in_a_thread)],
    middleware=[
        Middleware(
            IdentityMiddleware,
            secret_key="Rk3vTq9w-YbN2xLm8-tests",
            analytics=Analytics(f"sqlite:///{os.environ['EVENTS']}"),
        )
    ],
)
