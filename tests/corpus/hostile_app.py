"""The app of the socket tests: run as a script, it prints its port and serves until told to end."""

import json
import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from segment_identity import Analytics, IdentityMiddleware
from segment_identity.destinations import Memory

TEMPLATES = json.loads(Path(__file__).with_name("hostile_inputs.json").read_text("utf-8"))[
    "templates"
]
# Long headers are what the corpus is about; the server's own limit would hide the library.
MAX_HEAD = 1 << 20


async def page(request: Request) -> Response:
    """Answer with what the app may read of the visitor."""
    if "if-none-match" in request.headers:
        return Response(status_code=304, headers={"ETag": '"corpus-1"'})
    identity = request.state.identity
    return JSONResponse(
        {
            "anonymous_id": identity.anonymous_id,
            "user_id": identity.user_id,
            "user_id_hint": identity.user_id_hint,
            "group_id": identity.group_id,
            "traits": dict(identity.traits),
            "is_new": identity.is_new,
            "is_provisional": identity.is_provisional,
            "is_ambiguous": identity.is_ambiguous,
            "gpc": identity.gpc,
        }
    )


app = Starlette(
    routes=[Route("/", page)],
    middleware=[
        Middleware(
            IdentityMiddleware,
            secret_key=TEMPLATES["KEY_NEW"],
            previous_keys=[TEMPLATES["KEY_OLD"]],
            analytics=Analytics(Memory()),
            track_pages=True,
        )
    ],
)


def main() -> None:
    """Serve on a free loopback port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http="h11",
        h11_max_incomplete_event_size=MAX_HEAD,
        proxy_headers=False,
        log_level="warning",
    )
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
