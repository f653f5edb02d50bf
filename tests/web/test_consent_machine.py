"""Whatever a visitor chooses and does in whatever order, consent holds after every step."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from starlette.requests import HTTPConnection

from segment_identity import Identity

from .support import HTTP, HTTPS, Clock, Site, Sites

ACTS: Final[dict[str, Callable[[Identity], object]]] = {
    "/look": lambda identity: identity.anonymous_id,
    "/track": lambda identity: identity.track("Seen"),
    "/in": lambda identity: identity.identify("ada"),
    "/other": lambda identity: identity.identify("bob", {"plan": "pro"}),
    "/group": lambda identity: identity.group("acme"),
    "/reset": lambda identity: identity.reset(),
    "/device": lambda identity: identity.set_anonymous_id("device-0042"),
    "/opt-out": lambda identity: identity.opt_out(),
    "/opt-in": lambda identity: identity.opt_in(),
}
ANSWERS: Final[dict[str, Any]] = {
    "": None,
    "yes": True,
    "no": False,
    "some": {"analytics": True, "advertising": False},
    "others": {"analytics": False, "advertising": True},
}
PLAIN: Final = ("ajs_anonymous_id", "ajs_user_id", "ajs_group_id")
OURS: Final = ("ajs_", "__Host-ajs_", "__Secure-ajs_")


def by_cookie(connection: HTTPConnection) -> Any:
    return ANSWERS[connection.cookies.get("choice", "")]


class Consenting(RuleBasedStateMachine):
    """One browser, whose Analytics.js keeps its ids in localStorage and puts them back."""

    site: Site
    choice = ""
    opted_out = False
    # The anonymousId that localStorage holds, and those that had to be forgotten.
    stored: str | None = None
    forgotten: frozenset[str] = frozenset()
    seen = 0

    @initialize(
        url=st.sampled_from([HTTP, HTTPS]),
        domain=st.sampled_from([None, "shop.example"]),
        mint=st.sampled_from(["navigation", "always", "never"]),
        user=st.sampled_from([None, lambda _: None, lambda _: "ada"]),
        followed=st.booleans(),
    )
    def open(self, url: str, domain: str | None, mint: str, user: Any, followed: bool) -> None:
        self.stack = ExitStack()
        self.site = Sites(self.stack)(
            ACTS,
            base_url=url,
            clock=Clock(),
            cookie_domain=domain,
            mint=mint,
            user=user,
            consent=by_cookie,
            track_pages=True,
            attribution=followed,
            sessions=followed,
        )

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    @property
    def agrees(self) -> bool:
        return not self.opted_out and self.choice in ("yes", "some")

    @property
    def refuses(self) -> bool:
        return self.opted_out or self.choice in ("no", "others")

    def ours(self) -> dict[str, str]:
        """Return the cookies that hold an identity, or could."""
        cookies = self.site.client.cookies.jar
        held = {each.name: each.value or "" for each in cookies if each.name.startswith(OURS)}
        return {name: value for name, value in held.items() if name != "ajs_optout"}

    @rule(choice=st.sampled_from(sorted(ANSWERS)))
    def choose(self, choice: str) -> None:
        if "choice" in self.site.client.cookies:
            self.site.drop("choice")
        if choice:
            self.site.write(choice=choice)
        self.choice = choice

    @rule(path=st.sampled_from(["/", *ACTS]), by_script=st.booleans())
    def ask(self, path: str, by_script: bool) -> None:
        refused, before = self.refuses, self.ours()
        answer = self.site.fetch(path) if by_script else self.site.go(path)
        if not self.agrees and path != "/opt-out" and not refused:
            assert "set-cookie" not in answer.headers or path == "/opt-in"
            assert self.ours() == before
        if path == "/opt-out":
            self.opted_out = True
        elif path == "/opt-in":
            self.opted_out = False
        if refused or path == "/opt-out":
            known = self.site.client.cookies.get("ajs_anonymous_id")
            assert known is None
            assert set(self.ours()) <= {"ajs_sync"}
            if "ajs_sync" in self.ours():
                assert self.site.marker() == {
                    "anonymousId": None,
                    "userId": None,
                    "groupId": None,
                    "settled": True,
                }
            self.forgotten |= {before[name] for name in before if name == "ajs_anonymous_id"}

    @rule()
    def page_hears(self) -> None:
        """A page heeds the marker, as the bridge does, and keeps what it then has."""
        cookies, marker = self.site.client.cookies, self.site.marker()
        if marker is not None:
            self.site.drop("ajs_sync")
            if marker["anonymousId"] is None:
                self.site.drop(*(name for name in PLAIN if name in cookies))
                self.stored = None
        if self.agrees:
            self.stored = cookies.get("ajs_anonymous_id") or self.stored

    @rule()
    def page_without_a_bridge_restores(self) -> None:
        """Analytics.js, which was not told, puts the old id back into its cookie."""
        if self.stored is not None and "ajs_anonymous_id" not in self.site.client.cookies:
            self.site.write(ajs_anonymous_id=self.stored)

    @invariant()
    def nothing_is_recorded_but_of_who_agreed(self) -> None:
        if not hasattr(self, "site"):
            return
        events = self.site.events()
        fresh, self.seen = events[self.seen :], len(events)
        if fresh:
            assert not self.refuses or self.opted_out
        for each in fresh:
            assert each["anonymousId"] not in self.forgotten - {"device-0042"}
            consent = each["context"].get("consent")
            assert (consent is None) == (self.choice == "yes")

    @invariant()
    def everything_is_counted(self) -> None:
        if hasattr(self, "site"):
            assert set(self.site.dropped()) <= {"consent", "opted_out"}
            assert self.site.faults() == {}


TestConsenting = Consenting.TestCase
TestConsenting.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
