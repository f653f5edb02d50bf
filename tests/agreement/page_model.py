"""A page without a browser: the stores of Analytics.js, and what the bridge does to them.

How this works
--------------
Analytics.js keeps each id in three stores and reads them in an order; 1.84.3 asks the cookie first
for the anonymousId, whatever the order, and 1.84.1 does not. Reading writes what was found to all
of them. The bridge is the one in segment_identity/browser/bridge.js, rule by rule. That both are as
the real ones are, the same sequences in Chromium show.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import quote, unquote

Ids = list[str | None]

KEYS: Final = ("ajs_anonymous_id", "ajs_user_id", "ajs_group_id")
DEVICE: Final = KEYS[0]
USER: Final = KEYS[1]


class Store(Protocol):
    """Where ids are kept."""

    def get(self, key: str) -> str | None:
        """Return an id or None."""

    def set(self, key: str, value: str | None) -> None:
        """Keep an id; None removes it."""


@dataclass
class Kept:
    """The memory of one page, or the localStorage of one host."""

    held: dict[str, str] = field(default_factory=dict)

    def get(self, key: str) -> str | None:
        """Return an id or None."""
        return self.held.get(key)

    def set(self, key: str, value: str | None) -> None:
        """Keep an id; None removes it."""
        self.held.pop(key, None)
        if value is not None:
            self.held[key] = value


@dataclass
class ScriptCookies:
    """The cookies of a host as scripts see them."""

    read: Callable[[str], str | None]
    write: Callable[[str, str | None], None]

    def get(self, key: str) -> str | None:
        """Return an id or None."""
        raw = self.read(key)
        text = None if raw is None else unquote(raw)
        return json.loads(text) if text and text[0] == '"' else text

    def set(self, key: str, value: str | None) -> None:
        """Keep an id; None removes it."""
        self.write(key, None if value is None else quote(value, safe=""))


@dataclass
class AnalyticsJs:
    """The user of one running Analytics.js."""

    stores: list[Store]
    cookies: ScriptCookies
    cookie_wins: bool
    new_id: Callable[[], str]

    def find(self, key: str) -> str | None:
        """Read an id, and write it to every store."""
        order = self.stores
        if key == DEVICE and self.cookie_wins:
            order = [self.cookies, *order]
        found = next(filter(None, (store.get(key) for store in order)), None)
        self.put(key, found)
        return found

    def put(self, key: str, value: str | None) -> None:
        """Write an id to every store."""
        for store in self.stores:
            store.set(key, value)

    def device(self) -> str:
        """Return the anonymousId; one is made if there is none."""
        found = self.find(DEVICE)
        if found is None:
            found = self.new_id()
            self.put(DEVICE, found)
        return found

    def set_user(self, user: str | None) -> None:
        """Set the user; another one's anonymousId goes."""
        before = self.find(USER)
        self.put(USER, user)
        if before is not None and user is not None and before != user:
            self.put(DEVICE, None)

    def call(self, verb: str, argument: str) -> None:
        """Do what a call does to the ids; every message carries an anonymousId."""
        if verb == "identify":
            self.find(USER)
            self.set_user(argument)
            self.device()
        elif verb == "reset":
            self.put(DEVICE, None)
            self.put(USER, None)
        elif verb == "setAnonymousId":
            self.put(DEVICE, argument)
        elif verb == "track":
            self.find(USER)
            self.device()


@dataclass
class Page:
    """One open page."""

    analytics: AnalyticsJs
    cookies: ScriptCookies
    storage: Kept
    known: Ids = field(default_factory=list)
    attached: bool = False

    def load(self) -> None:
        """Run the bridge, and then Analytics.js."""
        self.sync()
        self.attached = True
        self.known = [None, None, None]
        self.sync()

    def current(self) -> Ids:
        """Return the ids that count: those of the cookies if they hold an anonymousId."""
        alone = self.cookies.get(DEVICE) or self.cookies.read("ajs_reset")
        store: Store = self.cookies if alone else self.storage
        return [store.get(key) for key in KEYS]

    def sync(self) -> None:
        """Take over what the server, another tab or another host changed."""
        ids, told, answer = self.current(), self.told(), None
        if told is not None:
            settled = bool(told.get("settled"))
            ids = [told["anonymousId"], told["userId"], told["groupId"]]
            older = [self.storage.get(key) for key in KEYS]
            if not settled and older[0] not in (None, ids[0]):
                answer = quote(json.dumps({"replaced": ids[0]}), safe="")
                ids = older
            elif not settled:
                ids = [before or now for before, now in zip(older, ids, strict=True)]
        for key, now in zip(KEYS, ids, strict=True):
            if now != self.cookies.get(key) and (told is not None or self.attached):
                text = None if now is None else json.dumps(now) if now.isdigit() else now
                self.cookies.write(key, None if text is None else quote(text, safe=""))
            self.storage.set(key, now)
        if told is not None:
            self.cookies.write("ajs_sync", answer)
        if self.attached and ids != self.known:
            self.analytics.set_user(ids[1])
            self.analytics.put(DEVICE, ids[0])
        self.known = ids

    def told(self) -> dict[str, str | None] | None:
        """Return the marker, if it says anything."""
        raw = self.cookies.read("ajs_sync")
        said: dict[str, str | None] = {} if raw is None else json.loads(unquote(raw))
        return said if said.get("settled") or said.get("anonymousId") else None

    @contextmanager
    def calling(self) -> Iterator[AnalyticsJs]:
        """Hand out Analytics.js for one call."""
        self.sync()
        yield self.analytics
        self.known = self.current()

    def call(self, verb: str, argument: str) -> None:
        """Call Analytics.js."""
        with self.calling() as analytics:
            analytics.call(verb, argument)
            if verb == "reset":
                self.cookies.write("ajs_sync", None)
                self.cookies.write("ajs_reset", "1")

    def says(self) -> tuple[str, str | None]:
        """Return what Analytics.js says: the anonymousId and the user."""
        with self.calling() as analytics:
            return analytics.device(), analytics.find(USER)
