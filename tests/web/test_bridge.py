"""The bridge as an app puts it into its pages; tests/test_bridge.py shows what it does there."""

import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from segment_identity import IdentityMiddleware
from segment_identity.browser import Markup, bridge
from segment_identity.errors import NotInstalled

from .support import DOCUMENT, HTTP, HTTPS, SECRET

_CONFORMANCE: Final = Path(__file__).parents[1] / "conformance"
_MINIFIED: Final = files("segment_identity.browser").joinpath("bridge.min.js").read_text()


def page_of(url: str = HTTPS, **options: Any) -> str:
    """Return the page of an app whose template prints the bridge."""

    def page(request: Request) -> Response:
        return HTMLResponse(bridge(request, nonce="r4nd0m"))

    middleware = Middleware(IdentityMiddleware, secret_key=SECRET, **options)
    app = Starlette(routes=[Route("/", page)], middleware=[middleware])
    return TestClient(app, base_url=url).get("/", headers=DOCUMENT).text


def test_it_is_smaller_than_two_kilobytes() -> None:
    longest = page_of(cookie_domain="a-company-name.example", secure=True)
    assert len(longest.encode()) < 2_048


def test_it_writes_cookies_as_the_server_does() -> None:
    attributes = ";max-age=31536000;path=/;samesite=lax"
    assert f'"{attributes}")' in page_of(HTTP)
    assert f'"{attributes};secure")' in page_of(HTTPS)
    page = page_of(HTTPS, cookie_domain="Shop.example")
    assert f'"{";max-age=31536000;path=/;domain=shop.example;samesite=lax;secure"}")' in page


def test_it_takes_the_nonce_of_the_page() -> None:
    assert page_of().startswith('<script nonce="r4nd0m">(')


def test_a_nonce_cannot_leave_its_attribute() -> None:
    def page(request: Request) -> Response:
        return HTMLResponse(bridge(request, nonce='"><script>alert(1)</script>'))

    middleware = Middleware(IdentityMiddleware, secret_key=SECRET)
    app = Starlette(routes=[Route("/", page)], middleware=[middleware])
    text = TestClient(app).get("/").text
    assert text.startswith('<script nonce="&quot;&gt;&lt;script&gt;')
    assert text.count("<script") == text.count("</script") == 1


def test_nothing_in_it_can_end_the_script() -> None:
    assert _MINIFIED.isascii()
    assert "</" not in _MINIFIED
    assert "<!--" not in _MINIFIED


def test_it_is_the_same_for_every_visitor() -> None:
    """So that pages with it can be cached, and nothing a stranger sends is printed."""

    def page(request: Request) -> Response:
        return HTMLResponse(bridge(request))

    middleware = Middleware(IdentityMiddleware, secret_key=SECRET)
    client = TestClient(Starlette(routes=[Route("/", page)], middleware=[middleware]))
    hostile = {"cookie": 'ajs_anonymous_id=</script>; ajs_sync={"anonymousId":"</script>"}'}
    assert client.get("/").text == client.get("/?</script>", headers=hostile).text


def test_printing_it_makes_no_id() -> None:
    def page(request: Request) -> Response:
        return HTMLResponse(bridge(request))

    middleware = Middleware(IdentityMiddleware, secret_key=SECRET, mint="never")
    app = Starlette(routes=[Route("/", page)], middleware=[middleware])
    assert "set-cookie" not in TestClient(app).get("/", headers=DOCUMENT).headers


def test_templates_print_it_as_it_is() -> None:
    jinja2 = pytest.importorskip("jinja2", reason="Jinja2 is missing: pip install jinja2")
    template = jinja2.Environment(autoescape=True).from_string("{{ script }}")
    assert template.render(script=Markup("<script>a && b</script>")) == "<script>a && b</script>"


def test_a_server_only_site_has_none() -> None:
    assert page_of(browser=False) == ""


def test_a_websocket_may_send_it() -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(bridge(websocket))
        await websocket.close()

    middleware = Middleware(IdentityMiddleware, secret_key=SECRET)
    app = Starlette(routes=[WebSocketRoute("/", endpoint)], middleware=[middleware])
    with TestClient(app).websocket_connect("/") as socket:
        assert socket.receive_text().startswith("<script>(")


def test_without_the_middleware_it_says_what_is_missing() -> None:
    with pytest.raises(NotInstalled, match="add the middleware"):
        bridge(Request({"type": "http", "headers": []}))


def test_what_is_shipped_is_what_the_source_gives() -> None:
    if shutil.which("node") is None or not (_CONFORMANCE / "node_modules" / "terser").exists():
        pytest.skip("terser is missing: run npm ci in tests/conformance")
    source = Path(str(files("segment_identity.browser"))) / "bridge.js"
    made = subprocess.run(
        ["node", "minify.cjs", source],
        cwd=_CONFORMANCE,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert made.stdout == _MINIFIED
