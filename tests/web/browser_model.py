"""One browser, its pages and its neighbours, against the real middleware: a state machine.

How this works
--------------
The jar behaves as a browser's, the middleware runs as a server would run it, and the rules are what
people, pages and time do. Beside them a small record says what must be true: `user`, whom the
server itself identified here and nobody has reset or contradicted since, and `device`, the
anonymousId that has to stay until there is a cause for another. Time is a number.
"""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from starlette.types import Message, Receive, Scope, Send

from segment_identity import Analytics, Identity, IdentityMiddleware
from segment_identity.destinations import Memory
from segment_identity.ids import is_anonymous_id

from .jar import Cookie, Jar
from .raw import END, START, at_once, http_scope, unread

HOST: Final = "www.shop.example"
PARENT: Final = "shop.example"
HOUR: Final = 3_600.0
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
YEAR: Final = 365 * DAY
USERS: Final = ("ada", "bob", "42")
PLAIN: Final = ("ajs_anonymous_id", "ajs_user_id", "ajs_group_id")
GARBAGE: Final = ("x", "%ff", '""', "%22", "null", "undefined", "[]", "{}", "\xe9", "a b", "0-0")
NAVIGATION: Final = {b"sec-fetch-dest": b"document", b"sec-fetch-mode": b"navigate"}
IMAGE: Final = {b"sec-fetch-dest": b"image", b"sec-fetch-mode": b"no-cors"}
FETCH: Final = {b"sec-fetch-dest": b"empty", b"sec-fetch-mode": b"cors"}
PREFETCH: Final = {**NAVIGATION, b"sec-purpose": b"prefetch"}

Act = Callable[[Identity], object]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the app read of its identity."""

    device: str
    user: str | None
    hint: str | None
    is_new: bool
    is_ambiguous: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app saw before and after it acted, and the cookies it answered."""

    before: Seen
    after: Seen
    lines: list[bytes]


class Browser(RuleBasedStateMachine):
    """A browser that visits one site."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_750_000_000.0
        self.skew = 0.0
        self.keys = ["key-0000-Rk3vTq9wYbN2"]
        self.jar = Jar(HOST, PARENT)
        self.memory = Memory()
        self.analytics = Analytics(self.memory)
        self.checked = 0
        self.random = random.Random(0)
        # What must be true.
        self.user: str | None = None
        self.device: str | None = None
        self.is_sure = False
        self.is_stale = False
        self.signed_at = 0.0
        self.remembered: tuple[str | None, str | None] = (None, None)
        self.tokens: set[str] = set()
        self.devices: set[str] = set()
        self.past: list[tuple[str, str | None]] = []
        self.owners: dict[str, str] = {}
        self.put_back: set[str] = set()

    @initialize(wide=st.booleans())
    def open(self, wide: bool) -> None:
        """Open a site whose cookies are for it alone or (*wide*) for its subdomains."""
        self.scope = PARENT if wide else None
        self.signed = "__Secure-ajs_identity" if wide else "__Host-ajs_identity"
        self.build()

    def teardown(self) -> None:
        """Close what is open."""
        assert self.analytics.close(10)

    def build(self) -> None:
        """Start the server with its present keys."""
        self.server = IdentityMiddleware(
            _perform,
            secret_key=self.keys[0],
            previous_keys=self.keys[1:],
            analytics=self.analytics,
            cookie_domain=self.scope,
            clock=lambda: self.now + self.skew,
        )

    # What the browser and its pages hold.

    def own(self, name: str) -> str | None:
        """Return the value of a cookie in the scope that the site itself writes."""
        held = self.jar.held.get((name, self.scope, "/"))
        return None if held is None else held.value

    def own_device(self) -> str | None:
        """Return the anonymousId that the page holds, unless it is garbage."""
        value = self.own("ajs_anonymous_id")
        return value if value is not None and is_anonymous_id(value) else None

    def write(self, name: str, value: str, lasting: float = WEEK) -> None:
        """Write a cookie as a script does; Safari keeps those for a week."""
        encoded = quote(json.dumps(value) if value.isdigit() else value)
        self.jar.put(Cookie(name, encoded, self.scope, "/", self.now + lasting, 0), self.now)

    def delete(self, *names: str) -> None:
        """Delete cookies as a script does."""
        for name in names:
            self.jar.held.pop((name, self.scope, "/"), None)

    def marker(self) -> dict[str, Any] | None:
        """Return what the server told the page and the page has not heard."""
        text = self.own("ajs_sync")
        try:
            said = None if text is None else json.loads(unquote(text))
        except ValueError:
            return None
        return said if isinstance(said, dict) and "settled" in said else None

    def is_told(self) -> bool:
        """Tell whether the server changed the identity and the page has not heard."""
        return bool((self.marker() or {}).get("settled"))

    def has_notice(self) -> bool:
        """Tell whether the page reported a reset that the server has not seen."""
        return self.own("ajs_reset") is not None

    def is_planted(self) -> bool:
        """Tell whether a neighbour left something that pages read as the user."""
        held = [each for each in self.jar.held.values() if each.name == "ajs_user_id"]
        return any((each.domain, each.path) != (self.scope, "/") for each in held)

    def hear(self) -> None:
        """Do what the script in a page does before anything else: take the marker's identity."""
        said = self.marker()
        if said is not None:
            told = (said["anonymousId"], said["userId"], said["groupId"])
            for name, value in zip(PLAIN, told, strict=True):
                if value is not None:
                    self.write(name, value)
                elif said["settled"]:
                    self.delete(name)
        self.delete("ajs_sync")
        self.is_stale = False

    def is_signed(self) -> bool:
        """Tell whether the browser still holds a memory that the server signed."""
        return self.own(self.signed) in self.tokens

    def has_silently_reset(self) -> bool:
        """Tell whether the server has to take missing cookies for a reset."""
        is_young = self.now + self.skew - self.signed_at < DAY
        return self.is_signed() and self.own("ajs_anonymous_id") is None and is_young

    def look_after_loss(self) -> None:
        """Correct the record when cookies went or were overwritten."""
        if not self.is_signed():
            self.user = None
            self.is_sure = False
            self.put_back.update(() if self.device is None else {self.device})
            if self.own_device() is None:
                self.device = None
        elif self.own_device() is None:
            # Whatever the page made of it since, only what the server remembers is left.
            self.device, self.user = (None, None) if self.has_notice() else self.remembered

    # Requests.

    def request(
        self,
        kind: Mapping[bytes, bytes],
        act: Act | None = None,
        path: str = "/",
        method: str = "GET",
    ) -> Answer:
        """Send a request and return the answer, whose cookies are not yet taken."""
        self.jar.expire(self.now)
        cookie = self.jar.header(path)
        headers = [*kind.items(), (b"cookie", cookie)] if cookie else list(kind.items())
        scope = http_scope(path, scheme="https", method=method, act=act)
        scope["headers"] = headers
        sent: list[Message] = []
        at_once(self.server(scope, unread, _collecting(sent)))
        lines = [value for name, value in sent[0]["headers"] if name == b"set-cookie"]
        answer = Answer(scope["before"], scope["after"], lines)
        self.check(answer.before)
        return answer

    def check(self, seen: Seen) -> None:
        """Compare what the app saw before it acted with the record."""
        silently_reset = self.has_silently_reset()
        if silently_reset or self.has_notice():
            assert seen.user is None, "a reset in the browser was ignored"
        elif self.is_sure:
            assert seen.user == self.user, "a user was forgotten without a cause"
        assert seen.user in (None, self.user), "a user was trusted whom nobody identified"
        if self.device is not None and not silently_reset:
            assert seen.device == self.device, "the anonymousId changed without a cause"

    def take(self, answer: Answer) -> None:
        """Take the cookies of an answer that stores an identity, and compare what is held then."""
        for line in answer.lines:
            self.jar.take(line, self.now)
        self.jar.expire(self.now)
        token = self.own(self.signed)
        if any(line.startswith(self.signed.encode()) for line in answer.lines):
            assert token is not None
            self.tokens.add(token)
            self.signed_at = self.now + self.skew
            self.remembered = (answer.after.device, answer.after.user)
        written = {
            line.partition(b";")[0].partition(b"=")[2].decode()
            for line in answer.lines
            if line.startswith(b"ajs_anonymous_id=") and not line.startswith(b"ajs_anonymous_id=;")
        }
        assert len(written - self.devices) <= 1, "one navigation made several ids"
        after = answer.after
        assert self.own("ajs_anonymous_id") == after.device, "browser and server disagree"
        if after.user is not None:
            assert _text(self.own("ajs_user_id")) == after.user, "browser and server disagree"
        self.devices |= written | {after.device}
        self.device = after.device
        self.user = after.user
        self.past.append((after.device, after.user))
        self.is_stale = False

    def take_all(self, answers: list[Answer]) -> None:
        """Take the answers of several requests in any order."""
        self.random.shuffle(answers)
        for answer in answers:
            if answer.lines:
                self.take(answer)

    @invariant()
    def events_belong_to_their_person(self) -> None:
        """No event of one person carries an anonymousId that was another's."""
        assert self.analytics.flush(10)
        for event in self.memory.messages[self.checked :]:
            device, user = event["anonymousId"], event["userId"]
            if user is not None and device not in self.put_back:
                assert self.owners.setdefault(device, user) == user
        self.checked = len(self.memory.messages)

    # What people do.

    @rule(path=st.sampled_from(["/", "/deep"]), tracks=st.booleans())
    def navigate(self, path: str, tracks: bool) -> None:
        """Open a page, which may track."""
        answer = self.request(NAVIGATION, _track if tracks else None, path)
        assert answer.before == answer.after
        self.take(answer)

    @rule(parts=st.integers(1, 5), seed=st.integers(0, 99))
    def navigate_with_parts(self, parts: int, seed: int) -> None:
        """Open a page whose parts are asked for before its answer has come."""
        self.random.seed(seed)
        answers = [self.request(kind) for kind in [NAVIGATION] + [IMAGE, FETCH] * parts]
        assert not any(answer.lines for answer in answers[1:]), "a part of a page stored an id"
        self.take_all(answers)

    @rule(kind=st.sampled_from([IMAGE, FETCH]))
    def load_part(self, kind: Mapping[bytes, bytes]) -> None:
        """Load a part of a page."""
        assert self.request(kind).lines == []

    @rule()
    def track_from_script(self) -> None:
        """Track from a script's request, which stores the identity as a page does."""
        answer = self.request(FETCH, _track)
        self.take(answer)

    @rule(tracks=st.booleans())
    def prefetch(self, tracks: bool) -> None:
        """Load a page that nobody may ever see."""
        assert self.request(PREFETCH, _track if tracks else None).lines == []

    @rule()
    def ask_for_the_head(self) -> None:
        """Ask for headers only."""
        assert self.request(NAVIGATION, method="HEAD").lines == []

    @rule(user=st.sampled_from(USERS))
    def log_in(self, user: str) -> None:
        """Sign in on the server."""
        answer = self.request(NAVIGATION, lambda identity: identity.identify(user), method="POST")
        before, after = answer.before, answer.after
        previous = before.user or before.hint
        is_other = previous not in (None, user) or (before.is_ambiguous and before.user != user)
        has_rotated = after.device != before.device
        lost_its_person = before.user is None and before.device in self.owners
        assert has_rotated or not is_other, "two people share an anonymousId"
        assert is_other or lost_its_person or not has_rotated, "a first identify made a new id"
        assert after.device not in self.devices or not has_rotated
        assert after.user == user
        self.take(answer)
        self.is_sure = not self.is_planted()

    @rule()
    def log_out(self) -> None:
        """Sign out on the server."""
        answer = self.request(NAVIGATION, lambda identity: identity.reset(), method="POST")
        assert answer.after.user is None
        if answer.before.user is not None:
            assert answer.after.device not in self.devices
        self.take(answer)
        assert not self.own("ajs_user_id") or answer.before == answer.after
        self.is_sure = not self.is_planted()

    @rule()
    def subscribe(self) -> None:
        """Leave traits, and no user id."""
        answer = self.request(NAVIGATION, lambda identity: identity.identify(traits={"a": 1}))
        assert answer.before == answer.after
        self.take(answer)

    @rule(group=st.sampled_from(["acme", "umbrella"]))
    def join(self, group: str) -> None:
        """Join a group."""
        answer = self.request(NAVIGATION, lambda identity: identity.group(group))
        assert answer.before == answer.after
        self.take(answer)
        assert self.own("ajs_group_id") == group

    # What pages do.

    @rule()
    def run_page(self) -> None:
        """Load Analytics.js in a page, which writes the cookies anew."""
        self.hear()
        device = self.own("ajs_anonymous_id")
        if device is None:
            self.become(f"script-made-{len(self.devices):04}")
        for name in PLAIN:
            value = self.own(name)
            if value is not None:
                self.write(name, _text(value) or "")
        self.look_after_loss()

    @rule(user=st.sampled_from(USERS))
    def identify_in_page(self, user: str) -> None:
        """Identify somebody with Analytics.js."""
        self.hear()
        previous = _text(self.own("ajs_user_id"))
        if previous not in (None, user) or self.own("ajs_anonymous_id") is None:
            self.become(f"script-made-{len(self.devices):04}")
        elif user != self.user:
            self.put_back.update(() if self.device is None else {self.device})
            self.user = None
        self.write("ajs_user_id", user)
        self.is_sure = False

    @rule(notice=st.booleans())
    def reset_in_page(self, notice: bool) -> None:
        """Reset Analytics.js; the bridge leaves a notice, an older page does not."""
        self.hear()
        self.delete(*PLAIN)
        if notice:
            self.write("ajs_reset", "1", YEAR)
            self.user = None
            self.device = None
        else:
            self.look_after_loss()
        self.is_sure = False

    def become(self, device: str) -> None:
        """Let the page make an anonymousId."""
        self.write("ajs_anonymous_id", device)
        self.devices.add(device)
        self.device = device
        self.user = None
        self.is_sure = False

    @precondition(lambda self: self.is_told() and self.is_signed())
    @rule(data=st.data())
    def stale_page_writes(self, data: st.DataObject) -> None:
        """Write an earlier identity from a page that has not heard of the present one."""
        if self.past and not self.has_notice():
            self.is_stale = True
            device, user = data.draw(st.sampled_from(self.past))
            self.write("ajs_anonymous_id", device)
            if user is not None:
                self.write("ajs_user_id", user)

    # What else happens.

    @rule(hours=st.sampled_from([1, 6, 20, 25, 49, 8 * 24, 40 * 24, 396 * 24]))
    def wait(self, hours: int) -> None:
        """Let time pass."""
        self.now += hours * HOUR
        self.jar.expire(self.now)
        if self.own("ajs_anonymous_id") is None or self.own("ajs_user_id") is None:
            self.is_sure = False
        self.look_after_loss()

    @precondition(lambda self: not self.has_notice())
    @rule()
    def clear_readable(self) -> None:
        """Lose every cookie that scripts can see."""
        self.jar.drop_readable()
        self.is_sure = False
        self.look_after_loss()

    @rule()
    def clear_all(self) -> None:
        """Lose every cookie."""
        self.jar.held.clear()
        self.user = self.device = None
        self.is_sure = False

    @precondition(lambda self: len(self.keys) < 4)
    @rule()
    def rotate_keys(self) -> None:
        """Restart the server with a new key."""
        self.keys.insert(0, f"key-{len(self.keys):04}-Rk3vTq9wYbN2")
        self.build()

    @rule(skew=st.integers(-120, 120))
    def reach_another_host(self, skew: int) -> None:
        """Talk to a server whose clock is a little off."""
        self.skew = float(skew)

    @rule(
        name=st.sampled_from([*PLAIN, "ajs_sync", "__Secure-ajs_identity"]),
        value=st.sampled_from(GARBAGE),
        path=st.sampled_from(["/", "/deep"]),
    )
    def neighbour_tosses(self, name: str, value: str, path: str) -> None:
        """Get a garbage cookie from a sibling domain."""
        # Without marker and memory nobody can tell that what the page wrote is old.
        assume(not self.is_stale or name in PLAIN)
        self.jar.put(Cookie(name, value, PARENT, path, self.now + YEAR, 0), self.now)
        self.is_sure = False
        self.look_after_loss()


async def _perform(scope: Scope, receive: Receive, send: Send) -> None:
    """Look at the identity, act, and look again."""
    identity: Identity = scope["state"]["identity"]
    scope["before"] = _seen(identity)
    act: Act | None = scope["act"]
    if act is not None:
        act(identity)
    scope["after"] = _seen(identity)
    await send(START)
    await send(END)


def _seen(identity: Identity) -> Seen:
    return Seen(
        identity.anonymous_id,
        identity.user_id,
        identity.user_id_hint,
        identity.is_new,
        identity.is_ambiguous,
    )


def _track(identity: Identity) -> None:
    identity.track("Clicked")


def _collecting(sent: list[Message]) -> Send:
    async def send(message: Message) -> None:
        sent.append(message)

    return send


def _text(value: str | None) -> str | None:
    """Return what Analytics.js reads."""
    text = None if value is None else unquote(value)
    return text[1:-1] if text and text[0] == text[-1] == '"' and len(text) > 1 else text
