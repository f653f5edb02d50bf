"""The pages anyone may see: the shelf, a plant, the basket and the newsletter."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from example_app.catalogue import PLANTS, Plant, find
from example_app.forms import read_form
from example_app.views import render
from segment_identity import get_identity


async def home(request: Request) -> Response:
    """Show every plant."""
    return await render(request, "home.html", plants=PLANTS)


async def plant(request: Request) -> Response:
    """Show one plant."""
    shown = _asked_for(request)
    get_identity(request).track("Product Viewed", shown.as_properties())
    return await render(request, "plant.html", plant=shown)


async def add(request: Request) -> Response:
    """Put one plant into the basket, which lives in the session."""
    added = _asked_for(request)
    held = request.session.get("basket", {})
    request.session["basket"] = {**held, added.slug: held.get(added.slug, 0) + 1}
    request.session["notice"] = f"{added.name} is in your basket."
    get_identity(request).track("Product Added", added.as_properties())
    return RedirectResponse("/basket", 303)


async def basket(request: Request) -> Response:
    """Show what is in the basket."""
    held = request.session.get("basket", {})
    lines = [(each, held[each.slug]) for each in PLANTS if each.slug in held]
    total = sum(each.price * quantity for each, quantity in lines)
    return await render(request, "basket.html", lines=lines, total=total)


async def newsletter(request: Request) -> Response:
    """Show the newsletter form."""
    return await render(request, "newsletter.html")


async def subscribe(request: Request) -> Response:
    """Take an e-mail address from somebody who has no account: a soft registration."""
    form = await read_form(request, "email", optional=("name",))
    if form.errors:
        return await render(request, "newsletter.html", 422, form=form)
    identity = get_identity(request)
    identity.identify(traits={field: value for field, value in form.values.items() if value})
    identity.track("Newsletter Subscribed", {"list": "Letters from the shade"})
    request.session["notice"] = "You are on the list. The next letter comes on the first."
    return RedirectResponse("/newsletter", 303)


async def not_found(request: Request, error: Exception) -> Response:
    """Show a friendly page instead of a bare 404."""
    return await render(request, "not_found.html", 404)


def _asked_for(request: Request) -> Plant:
    found = find(request.path_params["slug"])
    if found is None:
        raise HTTPException(404)
    return found
