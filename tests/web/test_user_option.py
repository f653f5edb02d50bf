"""`user=`: the app's own authentication says who is there."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    BaseUser,
    SimpleUser,
)
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from .support import BROWSER_MADE, SECRET, Page, Site, Sites, set_cookies

SESSIONS = Middleware(SessionMiddleware, secret_key=SECRET)


def signed_in(connection: HTTPConnection) -> str | None:
    """Say who is there, as the session knows it."""
    user_id: str | None = connection.session.get("user")
    return user_id


def log_in(request: Request) -> Response:
    """Sign somebody in, without a word to the identity."""
    request.session["user"] = request.query_params["user"]
    return RedirectResponse("/", 303)


def log_out(request: Request) -> Response:
    """Sign everybody out."""
    request.session.clear()
    return HTMLResponse("<p>Bye")


def track(request: Request) -> Response:
    """Record something."""
    request.state.identity.track("Clicked")
    return HTMLResponse("<p>Clicked")


def quiet(_: Request) -> Response:
    """Do nothing at all."""
    return HTMLResponse("<p>Hi")


PAGES: dict[str, Page] = {"/log-in": log_in, "/log-out": log_out, "/track": track, "/": quiet}


@pytest.fixture(params=["outside", "inside"])
def site(request: pytest.FixtureRequest, open_site: Sites) -> Site:
    """A site whose sessions stand outside or inside of the identity."""
    where: dict[str, Any] = {request.param: [SESSIONS]}
    return open_site(pages=PAGES, user=signed_in, **where)


def test_log_in_is_told_in_the_same_response(site: Site) -> None:
    site.go()
    first = site.cookie("ajs_anonymous_id")
    answer = site.client.post("/log-in?user=ada", follow_redirects=False)
    assert set_cookies(answer)["ajs_user_id"]["value"] == "ada"
    assert "session" in set_cookies(answer)
    assert site.cookie("ajs_anonymous_id") == first
    assert [(each["type"], each["userId"]) for each in site.events()] == [("identify", "ada")]


def test_log_out_is_told_in_the_same_response(site: Site) -> None:
    site.submit("/log-in?user=ada")
    first = site.cookie("ajs_anonymous_id")
    answer = site.submit("/log-out")
    assert set_cookies(answer)["ajs_user_id"]["max-age"] == "0"
    assert site.cookie("ajs_anonymous_id") not in (None, first)
    assert site.marker() is not None
    assert (site.marker() or {})["settled"] is True


def test_user_is_identified_once(site: Site) -> None:
    site.submit("/log-in?user=ada")
    for _ in range(3):
        site.go("/track")
    assert len(site.events("identify")) == 1
    assert {each["userId"] for each in site.events()} == {"ada"}


def test_another_user_rotates_the_anonymous_id(site: Site) -> None:
    site.submit("/log-in?user=ada")
    first = site.cookie("ajs_anonymous_id")
    site.submit("/log-in?user=bob")
    assert site.cookie("ajs_anonymous_id") not in (None, first)
    assert [each["userId"] for each in site.events("identify")] == ["ada", "bob"]


def test_nobody_signed_in_stays_an_untouched_visitor(site: Site) -> None:
    site.go()
    first = site.cookie("ajs_anonymous_id")
    for _ in range(3):
        assert "set-cookie" not in site.go("/track").headers
    assert site.cookie("ajs_anonymous_id") == first


def test_event_on_the_first_page_after_a_quiet_log_in_has_the_user(site: Site) -> None:
    """The session was made by a script's request that did not touch the identity."""
    site.go()
    site.fetch("/log-in?user=ada")
    site.drop("ajs_user_id")
    site.go("/track")
    assert site.events("track")[-1]["userId"] == "ada"


def test_forged_cookies_do_not_sign_in(site: Site) -> None:
    site.write(ajs_anonymous_id=BROWSER_MADE, ajs_user_id="ada")
    site.go("/track")
    assert site.events("track")[0]["userId"] is None


def test_traits_come_along(open_site: Sites) -> None:
    site = open_site(user=lambda _: ("ada", {"plan": "gold"}))
    site.go()
    (event,) = site.events()
    assert (event["userId"], event["traits"]) == ("ada", {"plan": "gold"})


def test_number_is_a_user_id(open_site: Sites) -> None:
    site = open_site(user=lambda _: 42)
    site.go()
    assert site.who()["user_id"] == "42"


def test_refusing_policy_does_not_bind_the_apps_authentication(open_site: Sites) -> None:
    there = ["ada"]
    site = open_site(user=lambda _: there[0], on_user_change="refuse")
    site.go()
    there[0] = "bob"
    site.go()
    assert site.who()["user_id"] == "bob"


def test_verb_in_a_request_has_the_last_word_there(open_site: Sites) -> None:
    """The log-in endpoint identifies at once; its session is not stored before the response."""
    site = open_site(
        {"/": lambda identity: identity.identify("ada", {"plan": "gold"})},
        user=lambda connection: "ada" if "seen" in connection.cookies else None,
    )
    site.go()
    assert [each["type"] for each in site.events()] == ["identify"]
    assert site.cookie("ajs_user_id") == "ada"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda _: 1 / 0, id="raises"),
        pytest.param(lambda _: "null", id="placeholder"),
        pytest.param(lambda _: 1.5, id="float"),
        pytest.param(lambda _: True, id="bool"),
        pytest.param(lambda _: ("ada", "gold"), id="traits-no-mapping"),
        pytest.param(lambda _: ("ada",), id="short"),
        pytest.param(lambda connection: connection.session["user"], id="no-session"),
        pytest.param(lambda connection: connection.user.username, id="no-authentication"),
    ],
)
def test_hook_that_fails_changes_nothing(
    open_site: Sites, wrong: Callable[[HTTPConnection], Any]
) -> None:
    site = open_site(pages=PAGES, user=wrong)
    answer = site.go("/track")
    assert (answer.status_code, answer.text) == (200, "<p>Clicked")
    assert site.events()[0]["userId"] is None
    assert site.cookie("ajs_anonymous_id") is not None
    assert site.faults()["user"] >= 1


def test_hook_that_fails_keeps_who_was_known(open_site: Sites) -> None:
    there: list[str] = ["ada"]
    site = open_site(pages=PAGES, user=lambda _: there[0])
    site.go()
    there.clear()
    site.go("/track")
    assert site.events("track")[0]["userId"] == "ada"


@pytest.mark.parametrize("nobody", [None, "", (None, {"plan": "gold"}), ("", {})])
def test_whatever_means_nobody_is_a_log_out(open_site: Sites, nobody: Any) -> None:
    there: list[Any] = ["ada"]
    site = open_site(pages=PAGES, user=lambda _: there[0])
    site.go()
    there[0] = nobody
    site.go("/track")
    assert site.events("track")[0]["userId"] is None
    assert site.who()["user_id"] is None
    assert site.faults() == {}


def public(_: Request) -> Response:
    """Answer in a way that no cookie may be set."""
    return HTMLResponse("<p>Hi", headers={"Cache-Control": "public, max-age=60"})


def unchanged(_: Request) -> Response:
    """Answer that the browser has it already."""
    return Response(status_code=304)


@pytest.mark.parametrize("page", [public, unchanged])
def test_log_in_is_not_said_again_by_answers_that_cannot_keep_it(
    open_site: Sites, page: Page
) -> None:
    site = open_site(pages={**PAGES, "/page": page}, user=lambda _: "ada")
    for _ in range(3):
        site.go("/page")
    assert site.events() == []
    site.go()
    site.go()
    assert [(each["type"], each["userId"]) for each in site.events()] == [("identify", "ada")]


def public_and_looking(request: Request) -> Response:
    """Record something in an answer that no cookie may be set in."""
    request.state.identity.track("Seen")
    return public(request)


def looking_late(request: Request) -> Response:
    """Record something once the answer has begun."""

    async def body() -> AsyncIterator[bytes]:
        yield b"<p>"
        request.state.identity.track("Seen")
        yield b"Hi"

    return StreamingResponse(body(), media_type="text/html")


@pytest.mark.parametrize("page", [public_and_looking, looking_late])
def test_log_in_is_not_said_again_where_the_app_looks(open_site: Sites, page: Page) -> None:
    site = open_site(pages={**PAGES, "/page": page}, user=lambda _: "ada")
    for _ in range(3):
        site.fetch("/page")
    assert [(each["type"], each["userId"]) for each in site.events()] == [("track", "ada")] * 3
    site.go()
    site.go()
    assert [each["userId"] for each in site.events("identify")] == ["ada"]


def test_log_in_is_dated_before_what_was_done_since(site: Site) -> None:
    site.fetch("/log-in?user=ada")
    site.clock.now += 1
    site.go("/track")
    (identify,), (track,) = site.events("identify"), site.events("track")
    assert identify["anonymousId"] == track["anonymousId"]
    assert identify["timestamp"] <= track["timestamp"]


@pytest.mark.parametrize("leave", ["reset", "identify"])
def test_log_in_is_said_before_the_app_says_another(open_site: Sites, leave: str) -> None:
    def switch(request: Request) -> Response:
        identity = request.state.identity
        identity.track("Left")
        if leave == "reset":
            identity.reset()
        else:
            identity.identify("bob")
        identity.track("Came")
        return HTMLResponse("<p>Bye")

    site = open_site(pages={"/switch": switch}, user=lambda _: "ada")
    site.go("/switch")
    said = [(each["type"], each["userId"]) for each in site.events()]
    known = [("track", "ada"), ("identify", "ada")]
    after = [("track", None)] if leave == "reset" else [("identify", "bob"), ("track", "bob")]
    assert said == known + after
    ids = [each["anonymousId"] for each in site.events()]
    assert (len(set(ids[:2])), len(set(ids[2:]))) == (1, 1)


def test_log_in_is_kept_as_one_who_opted_out_meanwhile(open_site: Sites) -> None:
    def leave(request: Request) -> Response:
        assert request.state.identity.user_id == "ada"
        request.state.identity.opt_out()
        return HTMLResponse("<p>Bye")

    site = open_site(pages={"/leave": leave}, user=lambda _: "ada")
    site.go("/leave")
    assert site.events() == []


def test_hook_may_read_the_identity(open_site: Sites) -> None:
    site = open_site(user=lambda connection: connection.state.identity.user_id or "ada")
    site.go()
    assert site.who()["user_id"] == "ada"


class HeaderBackend(AuthenticationBackend):
    """Believes the header `user`."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """Return who is there."""
        name = conn.headers.get("user")
        return (AuthCredentials(["known"]), SimpleUser(name)) if name else None


@pytest.mark.parametrize("where", ["outside", "inside"])
def test_starlettes_authentication_is_enough(open_site: Sites, where: str) -> None:
    options: dict[str, Any] = {
        where: [Middleware(AuthenticationMiddleware, backend=HeaderBackend())],
        "user": lambda connection: connection.user.display_name or None,
    }
    site = open_site(pages=PAGES, **options)
    site.go("/track", user="ada")
    site.go("/track")
    known, unknown = site.events("track")
    assert (known["userId"], unknown["userId"]) == ("ada", None)
    assert known["anonymousId"] != unknown["anonymousId"]
