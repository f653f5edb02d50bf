"""A site whose pages hold the snippet, which stands in for a collector and Segment's CDN too."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from servers import in_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from segment_identity import Analytics, Identity, IdentityMiddleware, get_identity
from segment_identity.browser import snippet
from segment_identity.destinations import Memory

KEY: Final = "a-write-key"
# Only what the snippet itself loads may run, and only this site may be asked.
POLICY: Final = (
    "default-src 'none'; script-src 'nonce-a-nonce'; connect-src 'self'; img-src 'none'; "
    "base-uri 'none'"
)
_PAGE: Final = """<!doctype html>
<title>A page</title>
{snippet}
<script nonce="a-nonce">
  window.received = [];
  if (window.analytics) {{
    const take = async (context) => (received.push(context.event), context);
    analytics.register({{
      name: "Local", type: "destination", version: "1",
      isLoaded: () => true, load: async () => {{}},
      track: take, page: take, identify: take, group: take, alias: take, screen: take,
    }});
    analytics.ready(() => {{ document.title = "Ready"; }});
  }}
</script>
<p>A page
"""
_SETTINGS: Final = {"integrations": {"Segment.io": {"apiKey": KEY}}, "metrics": {"sampleRate": 0}}

Act = Callable[[Identity], object]


@dataclass
class SnippetSite:
    """The running site, and what came to its collector."""

    port: int
    analytics: Analytics
    memory: Memory
    posted: list[dict[str, Any]] = field(default_factory=list)

    def at(self, host: str) -> str:
        """Return the URL of the site under one of its names."""
        return f"http://{host}:{self.port}"

    def sent(self) -> list[dict[str, Any]]:
        """Return what the server recorded."""
        assert self.analytics.flush(10)
        return self.memory.messages


@contextmanager
def open_snippet_site(
    package: Path,
    acts: Mapping[str, Act] | None = None,
    *,
    given: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[SnippetSite]:
    """Serve the site from a thread; `acts["/sign-up"]` acts at `/sign-up` and leads to a page."""
    posted: list[dict[str, Any]] = []
    memory = Memory()
    arguments = {"write_key": KEY, "script": "/bundle/index.js", "nonce": "a-nonce"}
    with Analytics(memory) as analytics:
        app = Starlette(
            routes=_routes(
                package, acts or {}, {**arguments, **(given or {})}, dict(headers or {}), posted
            ),
            middleware=[
                Middleware(
                    IdentityMiddleware,
                    secret_key="a-key-for-tests-Rk3vTq9w",
                    analytics=analytics,
                    **options,
                )
            ],
        )
        with in_thread(app) as port:
            yield SnippetSite(port, analytics, memory, posted)


def _routes(
    package: Path,
    acts: Mapping[str, Act],
    given: Mapping[str, Any],
    headers: Mapping[str, str],
    posted: list[dict[str, Any]],
) -> list[Route]:
    kept: dict[str, str] = {}

    def page(request: Request) -> Response:
        path = request.url.path
        body = kept.get(path) or _PAGE.format(snippet=snippet(request, **given))
        if path == "/kept":
            kept[path] = body
        return HTMLResponse(body, headers={"Content-Security-Policy": POLICY, **headers})

    def act(request: Request) -> Response:
        acts[request.url.path](get_identity(request))
        return RedirectResponse("/kept" if "kept" in request.query_params else "/welcome", 303)

    async def bundle(request: Request) -> Response:
        return FileResponse(package / "dist" / "umd" / "index.js")

    async def cdn_bundle(request: Request) -> Response:
        return FileResponse(package / "dist" / "umd" / "standalone.js")

    async def cdn_settings(request: Request) -> Response:
        return JSONResponse(_SETTINGS)

    async def take(request: Request) -> Response:
        posted.append(await request.json())
        return JSONResponse({"success": True})

    return [
        *(Route(path, act) for path in acts),
        Route("/bundle/index.js", bundle),
        Route(f"/analytics.js/v1/{KEY}/analytics.min.js", cdn_bundle),
        Route(f"/v1/projects/{KEY}/settings", cdn_settings),
        Route("/v1/{letter}", take, methods=["POST"]),
        Route("/{page:path}", page),
    ]
