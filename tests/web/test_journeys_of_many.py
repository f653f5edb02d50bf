"""Whatever happens in one browser, nobody inherits how somebody else came, or their session."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from segment_identity.visitor import OnUserChange

from .support import Acts, Site, Sites

MINUTE: Final = 60.0
ACTS: Final[Acts] = {
    "/ada": lambda identity: identity.identify("ada"),
    "/bob": lambda identity: identity.identify("bob"),
    "/reset": lambda identity: identity.reset(),
    "/part": lambda identity: identity.reset(keep_device=True),
    "/note": lambda identity: identity.track("Noted"),
}
STEPS: Final = st.sampled_from(
    [
        *("open ", "open news", "open ads"),
        *("send ada", "send bob", "send reset", "send part", "send note", "fetch note"),
        *("wait 1", "wait 40"),
    ]
)


@dataclass
class Life:
    """What one visitor did, as long as it was that visitor."""

    first: str | None = None
    last: str | None = None

    def arrive(self, campaign: str) -> None:
        """Note a page that was opened."""
        if self.first is None:
            self.first = self.last = campaign
        elif campaign:
            self.last = campaign


@dataclass
class Model:
    """A browser as a person beside it would describe it."""

    site: Site
    life: Life = field(default_factory=Life)
    person: str | None = None
    touched: bool = False
    idle: float | None = None
    session: int | None = None
    past: set[int] = field(default_factory=set)
    told: set[int] = field(default_factory=set)
    seen: int = 0

    def step(self, step: str) -> None:
        """Do one thing and check what was recorded of it."""
        verb, _, what = step.partition(" ")
        if verb == "wait":
            self.site.clock.now += int(what) * MINUTE
            self.idle = None if self.idle is None else self.idle + int(what) * MINUTE
            return
        if verb == "open":
            self.site.go(f"/?utm_source={what}" if what else "/")
            self.life.arrive(what)
            self.be_there()
            return
        getattr(self.site, "fetch" if verb == "fetch" else "submit")(f"/{what}")
        self.become(what)
        new = self.site.events()[self.seen :]
        self.seen += len(new)
        if new or verb == "send":
            self.be_there()
        for each in new:
            self.check(each)

    def become(self, what: str) -> None:
        """Note who it is now."""
        if what in ("ada", "bob"):
            if self.person not in (None, what):
                self.end()
            self.person, self.touched = what, True
        elif what == "reset" and self.touched:
            self.end()
            self.person, self.touched = None, False
        elif what == "part" and self.person is not None:
            # Who never said who they are is no more than the device, which stays.
            self.end()
            self.person = None

    def end(self) -> None:
        """Note that whoever comes now is somebody else."""
        self.life, self.idle = Life(), None

    def be_there(self) -> None:
        """Note activity, which begins a session after a pause."""
        if self.idle is None or self.idle > 30 * MINUTE:
            self.past |= {self.session} if self.session is not None else set()
            self.session = None
        self.idle = 0.0

    def check(self, message: dict[str, Any]) -> None:
        """Compare one message with what happened."""
        context = message["context"]
        assert context["sessionId"] not in self.past
        assert self.session in (None, context["sessionId"])
        assert context.get("sessionStart", False) is (context["sessionId"] not in self.told)
        self.session = context["sessionId"]
        self.told.add(self.session)
        known = context.get("attribution")
        told = known and tuple(
            known[each].get("campaign", {}).get("source", "") for each in ("first", "last")
        )
        assert told == (None if self.life.first is None else (self.life.first, self.life.last))


@contextmanager
def opened(policy: OnUserChange) -> Iterator[Model]:
    with ExitStack() as stack:
        options: dict[str, Any] = {"attribution": ["Noted"], "sessions": True}
        yield Model(Sites(stack)(ACTS, on_user_change=policy, **options))


@settings(max_examples=50)
@given(st.sampled_from(["rotate", "keep"]), st.lists(STEPS, max_size=24))
def test_a_browser_is_as_many_visitors_as_sat_at_it(policy: OnUserChange, steps: list[str]) -> None:
    with opened(policy) as model:
        for each in steps:
            model.step(each)
        assert model.site.faults() == {}
