"""Makes the steps happen in a real Chromium, to pages with the real Analytics.js."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from browser.bridge_site import DAYS_LATER, Exchanges
from browser.chromium import USER_AGENT
from playwright.async_api import Browser, BrowserContext, Page

from .expected import Expected
from .steps import Call, Step, happens, sequence

# The address of a site, and what was said to it.
Place = tuple[str, Exchanges]

_LENGTH: Final = 8
_DAYS: Final = 8
_READY: Final = """() => new Promise(done => {
    const look = () => window.analytics && analytics.initialized ? done() : setTimeout(look, 5)
    look()
})"""
_LOOK: Final = "() => [analytics.user().anonymousId(), analytics.user().id()]"
_ASK: Final = "() => fetch('/who').then(answer => answer.json())"
# A call of the server by fetch, and one of the page in the same moment as the answer.
_ACT: Final = """async ([server, page]) => {
    if (server) await fetch(`/act/${server[0]}?argument=${server[1]}`)
    if (page) analytics[page[0]](page[1] || undefined)
}"""
_PREFETCH: Final = """() => new Promise(done => {
    const link = document.createElement('link')
    Object.assign(link, {rel: 'prefetch', href: '/prefetched', onload: done, onerror: done})
    document.head.append(link)
})"""
_PARALLEL: Final = """() => Promise.all(
    ['/who', '/who', '/other', '/act/nothing', '/cached'].map(path => fetch(path))
)"""
_EXPIRE: Final = """() => document.cookie.split('; ').forEach(pair => {
    for (const domain of ['', ';domain=shop.example'])
        document.cookie = pair.split('=')[0] + '=;path=/;max-age=0' + domain
})"""
_LISTEN: Final = "addEventListener('pageshow', event => window.restored = event.persisted)"


class Visitor:
    """One visitor with a browser profile of its own."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.tabs: list[Page] = []
        self.days = 0
        self.restored = 0

    @property
    def page(self) -> Page:
        """The tab in which things happen."""
        return self.tabs[0]

    async def open(self) -> None:
        """Open a tab, in which things happen from now on."""
        self.tabs.insert(0, await self.context.new_page())
        await self.load(self.page)

    async def load(self, page: Page, path: str = "/") -> None:
        """Navigate, and wait until Analytics.js runs."""
        await page.goto(self.url + path, wait_until="commit")
        await page.evaluate(_READY)

    async def step(self, step: Step) -> None:
        """Let *step* happen."""
        match step.kind:
            case "server":
                assert step.server is not None
                await self.load(self.page, _path(step.server))
            case "fetch" | "page":
                await self.act(step)
            case "loss":
                await self.lose(step.loss)
            case "tab":
                await self.change_tab()
            case "prefetch":
                await self.page.evaluate(_PREFETCH)
            case "back":
                await self.go_and_come_back(step)
            case "parallel":
                await self.page.evaluate(_PARALLEL)
            case "cached":
                await self.load(self.page, "/cached")
                await self.act(step)
                await self.load(self.page, "/other")
                await self.load(self.page, "/cached")
            case "two at once":
                await self.lose("everything", load=False)
                self.tabs.append(await self.context.new_page())
                await asyncio.gather(*map(self.load, self.tabs))

    async def act(self, step: Step) -> None:
        """Call the server by fetch, and Analytics.js at once after it."""
        calls = [each and [each.verb, each.argument] for each in (step.server, step.page)]
        await self.page.evaluate(_ACT, calls)

    async def change_tab(self) -> None:
        """Go to the other tab, which is opened if there is none."""
        if len(self.tabs) == 1:
            await self.open()
        else:
            self.tabs.reverse()
            await self.page.bring_to_front()

    async def go_and_come_back(self, step: Step) -> None:
        """Do something on another page and come back to this one as it was left."""
        await self.page.evaluate(_LISTEN)
        await self.load(self.page, "/other")
        await self.act(step)
        await self.page.go_back(wait_until="commit")
        await self.page.evaluate(_READY)
        self.restored += await self.page.evaluate("window.restored === true")

    async def lose(self, what: str, *, load: bool = True) -> None:
        """Lose *what* while no page is open that could bring it back; storage can go any time."""
        if what == "storage":
            await self.page.evaluate("localStorage.clear()")
            return
        while len(self.tabs) > 1:
            await self.tabs.pop().close()
        await self.page.goto(f"{self.url}/empty")
        # First, as a late request of the last page would be one at the old time without cookies.
        if "days" in what:
            self.days += _DAYS
            await self.context.set_extra_http_headers({DAYS_LATER: str(self.days)})
        if "storage" in what or what == "everything":
            await self.page.evaluate("localStorage.clear()")
        if what == "everything":
            await self.context.clear_cookies()
        else:
            await self.page.evaluate(_EXPIRE)
        if load:
            await self.load(self.page)

    async def differences(self, expected: Expected) -> list[str]:
        """Navigate once, ask both sides, and compare with what is expected."""
        await self.load(self.page, "/next")
        device, user = await self.page.evaluate(_LOOK)
        said: dict[str, Any] = await self.page.evaluate(_ASK)
        found = expected.differences(device, user, said["userId"])
        if said["anonymousId"] != device or (said["userId"] or said["hint"]) != user:
            found.append(f"the server says {said}; the page says {device}, {user}")
        for other in self.tabs[1:]:
            also = await other.evaluate(_LOOK)
            if also != [device, user]:
                found.append(f"another tab says {also}; this one says {[device, user]}")
        return found


def _path(call: Call) -> str:
    return f"/act/{call.verb}?argument={call.argument}"


async def disagreements(context: BrowserContext, place: Place, seed: int) -> tuple[list[str], int]:
    """Live through one sequence; return what differed, and how many pages came from bfcache."""
    url, exchanges = place
    visitor, expected = Visitor(context, url), Expected()
    await visitor.open()
    assert await visitor.differences(expected) == []
    lived: list[Step] = []
    for step in sequence(seed, _LENGTH):
        lived.append(step)
        happens(step, expected)
        await visitor.step(step)
        found = await visitor.differences(expected)
        if found:
            story = "\n  ".join([*map(str, lived), *exchanges])
            return [f"seed {seed}: {'; '.join(found)} after\n  {story}"], visitor.restored
    return [], visitor.restored


async def live_all(
    browsers: list[Browser], places: list[Place], seeds: Iterable[int], *, at_once: int
) -> tuple[list[str], int]:
    """Live through the sequences of *seeds*, several at a time, with all browsers and sites."""
    waiting, found, restored = iter(seeds), [], 0

    async def work() -> None:
        nonlocal restored
        for seed in waiting:
            browser = browsers[seed // len(places) % len(browsers)]
            context = await browser.new_context(user_agent=USER_AGENT)
            context.set_default_timeout(20_000)
            try:
                differed, came_back = await disagreements(context, places[seed % len(places)], seed)
            except Exception as error:
                raise AssertionError(f"seed {seed} failed") from error
            finally:
                await context.close()
            found.extend(differed)
            restored += came_back

    await asyncio.gather(*(work() for _ in range(at_once)))
    return found, restored
