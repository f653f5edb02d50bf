"""Render a template with what every page of the shop shows."""

import zlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from example_app.panel import panel_of, short
from segment_identity.browser import Markup, snippet


async def render(
    request: Request, template: str, status_code: int = 200, **context: Any
) -> Response:
    """Return a page, with the basket, the visitor's panel and what the last request left to say."""
    session = request.session
    context |= {
        "signed_in": "user_id" in session,
        "basket_size": sum(session.get("basket", {}).values()),
        "notice": session.pop("notice", None),
        "panel": await run_in_threadpool(panel_of, request),
        "analytics_js": _analytics_js(request),
    }
    return _templates.TemplateResponse(request, template, context, status_code)


async def show_panel(request: Request) -> Response:
    """Return the panel alone, for the script that keeps it up to date."""
    context = {"panel": await run_in_threadpool(panel_of, request)}
    headers = {"Cache-Control": "no-store"}
    return _templates.TemplateResponse(request, "panel.html", context, headers=headers)


def _analytics_js(request: Request) -> Markup:
    """Return what loads Analytics.js, and lets it make the calls that waited for this page."""
    if not request.app.state.has_analytics_js:
        return Markup()
    nonce = request.state.nonce
    return snippet(request, write_key="shop", script="/analytics/index.js", nonce=nonce)


def _colour(identifier: str) -> str:
    """Return a colour that is always the same for an id, so that two ids are seen to differ."""
    number = zlib.crc32(identifier.encode())
    return f"hsl({number % 360} 70% {(40, 55, 70)[number // 360 % 3]}%)"


def _environment() -> Environment:
    loader = FileSystemLoader(Path(__file__).with_name("templates"))
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"short": short, "colour": _colour}
    return environment


_templates = Jinja2Templates(env=_environment())
