"""A tiny app with the real Analytics.js in its page, which stands in for Segment's hosts too."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from servers import in_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from segment_identity import Analytics, IdentityMiddleware, get_identity

_MODULES: Final = Path(__file__).parents[1] / "conformance" / "node_modules"
_PAGE: Final = """<!doctype html>
<title>Page with Analytics.js</title>
<script>
  window.analytics = [];
  analytics._writeKey = "a-write-key";
  analytics._cdn = location.origin;
  analytics._loadOptions = {
    integrations: {"Segment.io": {apiHost: location.host + "/v1", protocol: "http"}},
  };
</script>
<script src="/analytics.js"></script>
<p id="minted">MINTED</p>
"""
_CDN_SETTINGS: Final = {
    "integrations": {"Segment.io": {"apiKey": "a-write-key"}},
    "metrics": {"sampleRate": 0},
}


def bundle(package: str) -> Path:
    """Return where npm puts the bundle that Segment's CDN serves."""
    return _MODULES / package / "dist" / "umd" / "standalone.js"


@dataclass
class Site:
    """The running app, and the messages that Analytics.js posted to it."""

    url: str
    posted: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def open_site(script: Path) -> Iterator[Site]:
    """Serve the page with *script* as its Analytics.js from a thread."""
    posted: list[dict[str, Any]] = []
    with in_thread(_app(script, posted)) as port:
        yield Site(f"http://127.0.0.1:{port}", posted)


def _app(script: Path, posted: list[dict[str, Any]]) -> Starlette:
    async def page(request: Request) -> Response:
        return HTMLResponse(_PAGE.replace("MINTED", get_identity(request).anonymous_id))

    async def analytics_js(request: Request) -> Response:
        return FileResponse(script, media_type="text/javascript")

    async def cdn_settings(request: Request) -> Response:
        return JSONResponse(_CDN_SETTINGS)

    async def take(request: Request) -> Response:
        posted.append(await request.json())
        return JSONResponse({"success": True})

    return Starlette(
        routes=[
            Route("/", page),
            Route("/analytics.js", analytics_js),
            Route("/v1/projects/a-write-key/settings", cdn_settings),
            Route("/v1/{letter}", take, methods=["POST"]),
        ],
        middleware=[
            Middleware(
                IdentityMiddleware,
                secret_key="a-key-for-tests-Rk3vTq9w",
                analytics=Analytics("memory:"),
            )
        ],
    )
