"""Behind a cache that all visitors share, nobody gets another one's identity."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import pytest
import uvicorn
from httpx2 import Client, Response
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.responses import Response as Answer
from starlette.routing import Route
from starlette.types import ASGIApp

from segment_identity import IdentityMiddleware, get_identity

from .shared_cache import SharedCache
from .support import DOCUMENT, SECRET

Pairs = dict[str, str]

_LONG_AGO: Final = {"last-modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
# What apps say of a page that may be kept, and what they say that forbids it.
VARIANTS: Final[dict[str, Pairs]] = {
    "nothing": {},
    "a heuristic": _LONG_AGO,
    "max-age": {"cache-control": "max-age=600"},
    "public": {"cache-control": "public, max-age=600"},
    "s-maxage": {"cache-control": "s-maxage=600"},
    "no-cache": {"cache-control": "no-cache", "etag": '"one"'},
    "expires": {"expires": "Fri, 01 Jan 2100 00:00:00 GMT"},
    "a private field": {"cache-control": 'private="x-name", max-age=600'},
    "immutable": {"cache-control": "max-age=600, immutable"},
    "for CDNs": {"cache-control": "private", "cdn-cache-control": "max-age=600"},
    "vary": {"cache-control": "max-age=600", "vary": "Accept-Encoding"},
    "private": {"cache-control": "private, max-age=600"},
    "no-store": {"cache-control": "no-store"},
}


@pytest.fixture(params=VARIANTS)
def headers(request: pytest.FixtureRequest) -> Pairs:
    return VARIANTS[request.param]


@contextmanager
def behind_cache(app: ASGIApp) -> Iterator[SharedCache]:
    """Serve *app* by a real server, and a shared cache in front of it."""
    config = uvicorn.Config(app, port=0, log_level="warning")
    socket = config.bind_socket()
    server = uvicorn.Server(config)
    threads = [threading.Thread(target=server.run, kwargs={"sockets": [socket]})]
    threads[0].start()
    while not server.started:
        time.sleep(0.01)
    cache = SharedCache(f"http://127.0.0.1:{socket.getsockname()[1]}")
    threads.append(threading.Thread(target=cache.serve_forever, kwargs={"poll_interval": 0.01}))
    threads[1].start()
    try:
        yield cache
    finally:
        cache.shutdown()
        cache.server_close()
        server.should_exit = True
        for thread in threads:
            thread.join()


def site(headers: Pairs, act: Callable[[Request], object] = lambda request: None) -> ASGIApp:
    """Return an app with one page, which says of itself what *headers* say."""

    def page(request: Request) -> Answer:
        act(request)
        if "if-none-match" in request.headers:
            return Answer(status_code=304, headers=headers)
        return HTMLResponse("<p>Hello", headers=headers)

    middleware = [Middleware(IdentityMiddleware, secret_key=SECRET)]
    return Starlette(routes=[Route("/", page)], middleware=middleware)


def visit(cache: SharedCache, cookie: str = "") -> Response:
    """Open the page with a new client."""
    with Client(verify=False) as client:
        more = {"cookie": cookie} if cookie else {}
        return client.get(cache.url, headers={**DOCUMENT, **more})


def ids_set(answer: Response) -> list[str]:
    """Return the values of all identity cookies that a response sets."""
    lines = answer.headers.get_list("set-cookie")
    return [line.partition(";")[0].partition("=")[2] for line in lines]


def test_three_first_visitors_are_three(headers: Pairs) -> None:
    with behind_cache(site(headers)) as cache:
        answers = [visit(cache) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    given = [value for answer in answers for value in ids_set(answer)]
    assert len(given) == len(set(given))
    # Whoever got cookies got all of them, and nobody got what was kept for all.
    assert {len(ids_set(answer)) for answer in answers} in ({0}, {3})


def test_who_signs_in_gives_nothing_to_the_next_visitor(headers: Pairs) -> None:
    def sign_in(request: Request) -> None:
        if request.headers.get("cookie") == "session=1":
            get_identity(request).identify("ada")

    with behind_cache(site(headers, sign_in)) as cache:
        ada = visit(cache, "session=1")
        others = [visit(cache), visit(cache, "session=2")]
    assert all(set(ids_set(ada)).isdisjoint(ids_set(other)) for other in others)
    assert not any("ajs_user_id" in str(other.headers) for other in others)


def test_what_is_public_is_still_shared() -> None:
    for name in ("public", "s-maxage", "immutable", "for CDNs"):
        with behind_cache(site(VARIANTS[name])) as cache:
            for _ in range(3):
                assert ids_set(visit(cache)) == []
            assert cache.hits == 2


@pytest.mark.parametrize("name", sorted(set(VARIANTS) - {"private", "no-store"}))
def test_the_cache_would_share_what_nobody_keeps_out_of_it(name: str) -> None:
    """So that the tests above can fail."""
    headers = VARIANTS[name]
    made = iter("abc")

    def page(request: Request) -> Answer:
        if "if-none-match" in request.headers:
            return Answer(status_code=304, headers=headers)
        answer = HTMLResponse("<p>Hello", headers={**_LONG_AGO, **headers})
        answer.set_cookie("id", next(made))
        return answer

    with behind_cache(Starlette(routes=[Route("/", page)])) as cache:
        given = [value for _ in range(3) for value in ids_set(visit(cache))]
    assert given == ["a"] * 3
