"""The page on which visitors say what may be done with their visits."""

from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response

from example_app.views import render

_COOKIE = "shop_choice"
_HALF_A_YEAR = 15_768_000
_PURPOSES = {
    "analytics": "Count my visits, to learn which plants people look at",
    "advertising": "Show me plants elsewhere, too",
}


def agreed(connection: HTTPConnection) -> dict[str, bool]:
    """Say what a visitor agreed to.

    The shop counts visits until somebody objects. Where people must agree first, this returns None
    as long as they have not chosen, and the shop asks.
    """
    chosen = connection.cookies.get(_COOKIE, "analytics").split(".")
    return {purpose: purpose in chosen for purpose in _PURPOSES}


async def show(request: Request) -> Response:
    """Show what the visitor agreed to."""
    return await render(request, "privacy.html", purposes=_PURPOSES, agreed=agreed(request))


async def choose(request: Request) -> Response:
    """Remember what the visitor agrees to; it holds from the next request on."""
    async with request.form() as posted:
        chosen = [purpose for purpose in _PURPOSES if purpose in posted]
    request.session["notice"] = "Your choice is saved."
    answer = RedirectResponse("/privacy", 303)
    answer.set_cookie(
        _COOKIE,
        # An empty value would be no choice.
        ".".join(chosen) or "nothing",
        max_age=_HALF_A_YEAR,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer
