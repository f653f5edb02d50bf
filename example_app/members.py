"""The pages of customers: sign up, log in, change the account, log out."""

from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from example_app.accounts import Accounts, Customer, EmailTaken
from example_app.forms import read_form
from example_app.views import render
from segment_identity import get_identity

_TAKEN = "There is an account with this e-mail already. Log in instead?"


async def sign_up_form(request: Request) -> Response:
    """Show the sign-up form."""
    return await render(request, "sign_up.html")


async def sign_up(request: Request) -> Response:
    """Create a customer: the visitor, with everything they did before, becomes a known user."""
    form = await read_form(request, "name", "email", "password")
    if form.errors:
        return await render(request, "sign_up.html", 422, form=form)
    try:
        customer = await run_in_threadpool(
            _accounts(request).create, form["name"], form["email"], form["password"]
        )
    except EmailTaken:
        form.errors["email"] = _TAKEN
        return await render(request, "sign_up.html", 422, form=form)
    identity = get_identity(request)
    who = {"name": customer.name, "email": customer.email}
    identity.identify(customer.id, who, browser=True)
    identity.track("Signed Up", who, browser=True)
    request.session["user_id"] = customer.id
    return RedirectResponse("/welcome", 303)


async def welcome(request: Request) -> Response:
    """Greet a new customer."""
    customer = await _customer(request)
    if customer is None:
        return RedirectResponse("/log-in", 303)
    return await render(request, "welcome.html", customer=customer)


async def log_in_form(request: Request) -> Response:
    """Show the log-in form."""
    return await render(request, "log_in.html")


async def log_in(request: Request) -> Response:
    """Recognise a customer, on this device perhaps for the first time."""
    form = await read_form(request, "email", "password")
    if form.errors:
        return await render(request, "log_in.html", 422, form=form)
    customer = await run_in_threadpool(_accounts(request).check, form["email"], form["password"])
    if customer is None:
        form.errors["password"] = "This e-mail and password do not belong together."
        return await render(request, "log_in.html", 401, form=form)
    identity = get_identity(request)
    identity.identify(customer.id, {"name": customer.name, "email": customer.email})
    identity.track("Signed In")
    request.session["user_id"] = customer.id
    return RedirectResponse("/", 303)


async def account(request: Request) -> Response:
    """Show the customer's own data."""
    customer = await _customer(request)
    if customer is None:
        return RedirectResponse("/log-in", 303)
    return await render(request, "account.html", customer=customer)


async def change_account(request: Request) -> Response:
    """Store what changed and tell analytics just that."""
    customer = await _customer(request)
    if customer is None:
        return RedirectResponse("/log-in", 303)
    form = await read_form(request, "name", "email", optional=("room",))
    if form.errors:
        return await render(request, "account.html", 422, customer=customer, form=form)
    try:
        await run_in_threadpool(_accounts(request).change, replace(customer, **form.values))
    except EmailTaken:
        form.errors["email"] = "Somebody else uses this e-mail."
        return await render(request, "account.html", 422, customer=customer, form=form)
    changed = {key: new for key, new in form.values.items() if getattr(customer, key) != new}
    if changed:
        identity = get_identity(request)
        identity.identify(customer.id, changed)
        identity.track("Profile Updated", {"fields": sorted(changed)})
    request.session["notice"] = "Saved."
    return RedirectResponse("/account", 303)


async def log_out(request: Request) -> Response:
    """Forget the customer: whoever uses this browser next is somebody new."""
    get_identity(request).reset()
    request.session.clear()
    request.session["notice"] = "You are logged out, and to us you are somebody new."
    return RedirectResponse("/", 303)


def _accounts(request: Request) -> Accounts:
    accounts: Accounts = request.app.state.accounts
    return accounts


async def _customer(request: Request) -> Customer | None:
    user_id = request.session.get("user_id")
    return await run_in_threadpool(_accounts(request).get, user_id) if user_id else None
