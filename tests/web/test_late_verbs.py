"""Saying who somebody is when no cookie can be set any more."""

from collections.abc import AsyncIterator, Callable

import pytest
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from segment_identity import Identity

from .support import Act, Page, Sites

VERBS: dict[str, Act] = {
    "identify": lambda identity: identity.identify("ada", {"plan": "gold"}),
    "group": lambda identity: identity.group("acme"),
    "reset": lambda identity: identity.reset(),
    "set_anonymous_id": lambda identity: identity.set_anonymous_id("device-0042"),
}


def while_streaming(act: Act) -> Page:
    """Return a page that acts once its answer has begun."""

    def page(request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            yield b"<p>"
            act(request.state.identity)
            yield b"Hi"

        return StreamingResponse(body(), media_type="text/html")

    return page


def afterwards(act: Act) -> Page:
    """Return a page that acts in the background."""

    def page(request: Request) -> Response:
        return HTMLResponse("<p>Hi", background=BackgroundTask(act, request.state.identity))

    return page


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.message for each in caplog.records if "response had begun" in each.message]


@pytest.mark.parametrize("when", [while_streaming, afterwards])
@pytest.mark.parametrize("verb", VERBS)
def test_what_comes_too_late_for_a_cookie_is_told_once_and_without_ids(
    open_site: Sites, caplog: pytest.LogCaptureFixture, verb: str, when: Callable[[Act], Page]
) -> None:
    site = open_site(
        {"/in": lambda identity: identity.identify("bob")}, pages={"/late": when(VERBS[verb])}
    )
    site.go("/in")
    site.go("/late")
    site.go("/late")
    (said,) = warnings(caplog)
    assert said.startswith(f"{verb}() ")
    assert "before the response begins" in said
    assert not {"ada", "bob", "acme", "device-0042"} & set(said.replace(":", " ").split())
    assert len(site.events("identify")) == (3 if verb == "identify" else 1)
    assert len(site.events("group")) == (2 if verb == "group" else 0)


def test_a_websocket_is_too_late_as_well(
    open_site: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        websocket.state.identity.identify("ada")
        await websocket.close()

    site = open_site()
    site.client.app.router.routes.insert(0, WebSocketRoute("/talk", talk))  # type: ignore[attr-defined]
    with site.client.websocket_connect("/talk"):
        pass
    assert len(warnings(caplog)) == 1
    assert [each["userId"] for each in site.events("identify")] == ["ada"]


def again(identity: Identity) -> None:
    """Say what was said before, and something that is no change of who it is."""
    identity.identify("ada", {"plan": "gold"})
    identity.identify(traits={"plan": "silver"})
    identity.track("Clicked")


@pytest.mark.parametrize("when", [while_streaming, afterwards])
def test_what_changes_nothing_is_no_news(
    open_site: Sites, caplog: pytest.LogCaptureFixture, when: Callable[[Act], Page]
) -> None:
    site = open_site({"/in": VERBS["identify"]}, pages={"/late": when(again)})
    site.go("/in")
    site.go("/late")
    assert warnings(caplog) == []
    assert len(site.events("identify")) == 3


def test_who_keeps_nothing_is_not_too_late(
    open_site: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(pages={"/late": while_streaming(VERBS["identify"])}, cookieless=True)
    site.go("/late")
    site.analytics.identity(user_id="bob").identify("ada")
    assert warnings(caplog) == []


def test_in_time_is_in_time(open_site: Sites, caplog: pytest.LogCaptureFixture) -> None:
    site = open_site({"/in": VERBS["identify"], "/out": VERBS["reset"]})
    site.go("/in")
    site.go("/out")
    assert warnings(caplog) == []
