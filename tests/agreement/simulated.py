"""Makes the steps happen without a browser: model pages, and the real middleware."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import Message, Receive, Scope, Send
from web.jar import Cookie, Jar
from web.raw import END, at_once, http_scope, unread

from segment_identity import Identity, IdentityMiddleware

from .expected import Expected
from .page_model import AnalyticsJs, Kept, Page, ScriptCookies
from .steps import Call, Step

_HOST: Final = "www.shop.example"
_PARENT: Final = "shop.example"
_DAY: Final = 86_400.0
_WEEK: Final = 7 * _DAY
_NAVIGATION: Final = {b"sec-fetch-dest": b"document", b"sec-fetch-mode": b"navigate"}
_FETCH: Final = {b"sec-fetch-dest": b"empty", b"sec-fetch-mode": b"cors"}
_PREFETCH: Final = {**_NAVIGATION, b"sec-purpose": b"prefetch"}
_PUBLIC: Final = (b"cache-control", b"public, max-age=600")


@dataclass(frozen=True)
class Kind:
    """What differs between sites and browsers."""

    cookie_wins: bool = True
    cookie_first: bool = False
    wide: bool = False


class Visitor:
    """One visitor with a browser profile of its own."""

    def __init__(self, kind: Kind, dice: random.Random) -> None:
        self.kind = kind
        self.dice = dice
        self.now = 1_750_000_000.0
        self.jar = Jar(_HOST, _PARENT)
        self.scope = _PARENT if kind.wide else None
        self.cookies = ScriptCookies(self.jar.first, self.write)
        self.storage = Kept()
        self.made = 0
        self.tabs: list[Page] = []
        self.server = IdentityMiddleware(
            _perform,
            secret_key="key-0000-Rk3vTq9wYbN2",
            cookie_domain=self.scope,
            clock=lambda: self.now,
        )
        self.open()

    def write(self, name: str, value: str | None) -> None:
        """Write a cookie as a script does; Safari keeps those for a week."""
        expires = self.now + _WEEK if value is not None else 0
        self.jar.put(Cookie(name, value or "", self.scope, "/", expires, 0), self.now)

    # Requests.

    def ask(
        self, kind: Mapping[bytes, bytes], call: Call | None = None, *, public: bool = False
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Send a request; return who the app saw and the cookies that were answered."""
        cookie = self.jar.header("/")
        headers = [*kind.items(), (b"cookie", cookie)] if cookie else list(kind.items())
        scope = http_scope(scheme="https", call=call, public=public)
        scope["headers"] = headers
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        at_once(self.server(scope, unread, send))
        return scope["seen"], [value for name, value in sent[0]["headers"] if name == b"set-cookie"]

    def take(self, lines: list[bytes]) -> None:
        """Keep the cookies of an answer."""
        for line in lines:
            self.jar.take(line, self.now)

    def look_around(self) -> None:
        """Let somebody look at any open pages, which take over then what changed."""
        for page in self.dice.sample(self.tabs, self.dice.randint(0, len(self.tabs))):
            page.sync()

    def fetch(self, call: Call | None = None) -> dict[str, Any]:
        """Ask by script."""
        seen, lines = self.ask(_FETCH, call)
        self.take(lines)
        self.look_around()
        return seen

    # Pages.

    def new_page(self) -> Page:
        """Return a page that has loaded nothing yet."""
        local: list[Kept | ScriptCookies] = [self.storage, self.cookies]
        order = local[::-1] if self.kind.cookie_first else local
        analytics = AnalyticsJs(
            [*order, Kept()], self.cookies, self.kind.cookie_wins, self.new_device
        )
        return Page(analytics, self.cookies, self.storage)

    def new_device(self) -> str:
        """Return a new anonymousId of Analytics.js."""
        self.made += 1
        return f"script-made-{self.made:04}"

    def open(self) -> None:
        """Open a tab, in which things happen from now on."""
        self.tabs.insert(0, self.new_page())
        self.load()

    def load(self, call: Call | None = None, *, cached: bool = False, tab: int = 0) -> None:
        """Navigate in a tab; what comes from a cache asks nobody."""
        if not cached:
            self.take(self.ask(_NAVIGATION, call)[1])
        self.show(tab)

    def show(self, tab: int) -> None:
        """Run the scripts of a page that has come; those of others may hear of it first."""
        others = [page for number, page in enumerate(self.tabs) if number != tab]
        if others and self.dice.random() < 0.5:
            for page in others:
                page.sync()
        self.tabs[tab] = self.new_page()
        self.tabs[tab].load()

    def act(self, step: Step) -> None:
        """Call the server by fetch, and Analytics.js at once after it."""
        if step.server is not None:
            self.fetch(step.server)
        if step.page is not None:
            self.tabs[0].call(step.page.verb, step.page.argument)

    def step(self, step: Step) -> None:
        """Let *step* happen."""
        match step.kind:
            case "server":
                self.load(step.server)
            case "fetch" | "page":
                self.act(step)
            case "loss":
                self.lose(step.loss)
                if step.loss != "storage":
                    self.load()
            case "tab" if len(self.tabs) == 1:
                self.open()
            case "tab":
                self.tabs.reverse()
                self.tabs[0].sync()
            case "prefetch":
                assert self.ask(_PREFETCH)[1] == []
            case "back":
                left = self.tabs[0]
                self.load()
                self.act(step)
                self.tabs[0] = left
                left.sync()
            case "parallel":
                answers = [self.ask(_FETCH)[1] for _ in range(5)]
                self.dice.shuffle(answers)
                for lines in answers:
                    self.take(lines)
            case "cached":
                assert self.ask(_NAVIGATION, public=True)[1] == []
                self.show(0)
                self.act(step)
                self.load()
                self.load(cached=True)
            case "two at once":
                self.open_two()

    def open_two(self) -> None:
        """Come for the first time in two tabs at once."""
        self.lose("everything")
        self.tabs.append(self.new_page())
        answers = [self.ask(_NAVIGATION)[1] for _ in self.tabs]
        self.dice.shuffle(answers)
        self.take(answers[0])
        if self.dice.random() < 0.5:
            self.show(0)
            self.take(answers[1])
        else:
            self.take(answers[1])
            self.show(0)
        self.show(1)

    def lose(self, what: str) -> None:
        """Lose *what* while no page is open that could bring it back; storage can go any time."""
        if what == "storage":
            self.storage.held.clear()
            return
        del self.tabs[1:]
        self.take(self.ask(_NAVIGATION)[1])
        if "storage" in what or what == "everything":
            self.storage.held.clear()
        if what == "everything":
            self.jar.held.clear()
        else:
            self.jar.drop_readable()
        if "days" in what:
            self.now += 8 * _DAY

    def differences(self, expected: Expected) -> list[str]:
        """Navigate once, ask both sides, and compare with what is expected."""
        self.load()
        device, user = self.tabs[0].says()
        said = self.fetch()
        found = expected.differences(device, user, said["user"])
        if said["device"] != device or (said["user"] or said["hint"]) != user:
            found.append(f"the server says {said}; the page says {device}, {user}")
        for other in self.tabs[1:]:
            also = other.says()
            if also != (device, user):
                found.append(f"another tab says {also}; this one says {(device, user)}")
        return found


async def _perform(scope: Scope, receive: Receive, send: Send) -> None:
    """Act on the identity and tell whose it is."""
    identity: Identity = scope["state"]["identity"]
    call: Call | None = scope["call"]
    if call is not None and call.verb == "identify":
        identity.identify(call.argument)
    elif call is not None:
        identity.reset()
    scope["seen"] = {
        "device": identity.anonymous_id,
        "user": identity.user_id,
        "hint": identity.user_id_hint,
    }
    headers = [_PUBLIC] if scope["public"] else []
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send(END)
