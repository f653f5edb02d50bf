"""One page load is many requests at once, and one visitor."""

import asyncio
from typing import Final

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from segment_identity import IdentityMiddleware

from .support import DOCUMENT, HTTP, SECRET

ROUNDS: Final = 200
KINDS: Final = ["image"] * 12 + ["script"] * 8 + ["style"] * 4 + ["empty"] * 6
MODES: Final = {"image": "no-cors", "script": "no-cors", "style": "no-cors", "empty": "cors"}


async def answer(request: Request) -> Response:
    """Answer after the others have begun, and look at the identity, as apps do."""
    await asyncio.sleep(0)
    _ = request.state.identity.anonymous_id
    return HTMLResponse("<p>Hello")


def subrequest(kind: str) -> httpx.Request:
    """Return what a browser asks for in a page that it has no cookie for yet."""
    headers = {
        "Sec-Fetch-Dest": kind,
        "Sec-Fetch-Mode": MODES[kind],
        "Sec-Fetch-Site": "same-origin",
        "Accept": "*/*",
    }
    return httpx.Request("GET", f"{HTTP}/part", headers=headers)


def test_page_load_stores_one_id_and_its_parts_store_none() -> None:
    app = Starlette(
        routes=[Route("/{path:path}", answer)],
        middleware=[Middleware(IdentityMiddleware, secret_key=SECRET)],
    )
    # The transport alone: a client would carry cookies from one request to the other.
    transport = httpx.ASGITransport(app)
    stored: list[str] = []

    async def send(request: httpx.Request) -> list[str]:
        response = await transport.handle_async_request(request)
        await response.aread()
        return response.headers.get_list("set-cookie")

    async def visit() -> None:
        document = httpx.Request("GET", f"{HTTP}/", headers=DOCUMENT)
        parts = [subrequest(kind) for kind in KINDS]
        lines, *rest = await asyncio.gather(*map(send, [document, *parts]))
        assert rest == [[]] * len(KINDS)
        stored.extend(each for each in lines if each.startswith("ajs_anonymous_id="))

    async def visits() -> None:
        for _ in range(ROUNDS):
            await visit()

    asyncio.run(visits())
    assert len(stored) == len({line.partition(";")[0] for line in stored}) == ROUNDS
