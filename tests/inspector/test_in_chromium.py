"""The inspector in a real Chromium, on a desk and on a phone, by day and by night."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import pytest
from browser.chromium import needs_chromium, open_chromium
from playwright.sync_api import Browser, Page, expect
from servers import UVICORN, in_process

pytestmark = [pytest.mark.browser, needs_chromium]

PROGRAM: Final = """
from segment_identity import Analytics, IdentityMiddleware
from segment_identity.inspector import Inspector
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

DATABASE = "sqlite:///people.db"
analytics = Analytics(DATABASE)


async def act(request):
    identity, query = request.state.identity, request.query_params
    if "user" in query:
        identity.identify(query["user"], {"plan": query["plan"]})
    if "event" in query:
        identity.track(query["event"], {"note": query["event"]})
    return HTMLResponse("<link rel=icon href=data:,>done")


app = Starlette(
    routes=[Route("/act", act), Mount("/inspector", Inspector(analytics, warehouse=DATABASE))],
    middleware=[
        Middleware(
            IdentityMiddleware,
            secret_key="Rk3vTq9w-YbN2xLm8-tests",
            analytics=analytics,
            on_user_change="keep",
            track_bots=True,
            track_pages=True,
            attribution=True,
            sessions=True,
        )
    ],
)
"""
HOSTILE: Final = "<script>alert(1)</script>\u2028<img src=x onerror=alert(2)>"
# Where to keep the pictures that people look at; nowhere unless told.
PICTURES: Final = os.environ.get("SEGMENT_IDENTITY_PICTURES")
Scheme = Literal["dark", "light"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("inspector")
    (folder / "watched.py").write_text(PROGRAM)
    with in_process(*UVICORN, "watched:app", folder=folder) as (_, url):
        yield url


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width"), [("desk", 1_280), ("phone", 390)])
def test_a_visit_shows_as_it_happens_and_then_as_a_person(
    chromium: Browser, site: str, name: str, width: int, scheme: Scheme
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(10_000)
    said: list[str] = []
    page, visitor = context.new_page(), context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    person = f"ada-{name}-{scheme}"
    try:
        page.goto(f"{site}/inspector")
        visitor.goto(f"{site}/act?event=Pricing Viewed&utm_source=gazette&utm_campaign=spring")
        expect(page.locator("[data-part=portrait]")).to_contain_text("spring, gazette")
        visitor.goto(f"{site}/act?event={HOSTILE}")
        visitor.goto(f"{site}/act?user={person}&plan=free&event=Signed Up")
        visitor.goto(f"{site}/act?user={person}&plan=gold")
        visitor.goto(f"{site}/act?user=bob-{name}-{scheme}&plan=free")
        expect(page.locator("#events li", has_text="Signed Up").first).to_be_visible()
        expect(page.locator("#events li", has_text="<script>alert(1)").first).to_be_visible()
        page.locator("#events summary", has_text="Signed Up").first.click()
        expect(page.locator("#events pre").first).to_contain_text('"event": "Signed Up"')
        expect(page.locator("[data-part=delivery]")).to_contain_text("all delivered")
        is_whole(page, f"{name}-{scheme}-home")
        page.get_by_label("Anonymous or user id").fill(person)
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text(person)
        expect(page.locator(".note")).to_contain_text("stay apart")
        expect(page.locator(".turn")).to_contain_text("an anonymous past")
        expect(page.locator(".card", has_text="Came by")).to_contain_text("spring, gazette")
        expect(page.locator(".card", has_text="Sessions")).to_contain_text("5 pages, 3 events")
        page.locator("details summary", has_text="gold").click()
        expect(page.locator(".changes")).to_contain_text("free")
        is_whole(page, f"{name}-{scheme}-person")
        page.locator("svg a", has_text=f"bob-{name}"[:12]).click()
        expect(page.locator("h1")).to_contain_text("bob-")
    finally:
        context.close()
    assert said == []


def is_whole(page: Page, name: str) -> None:
    """Check that nothing sticks out to the side, and take a picture if one is wanted."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
