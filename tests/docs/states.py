"""Draw the states of an identity in one browser, by letting everything that can happen happen.

How this works
--------------
Nothing here decides anything. A visitor with a cookie jar, a model page and the real middleware is
brought into each state in turn; then each act is tried, and where it leads is read off what the
browser holds afterwards. What came out is drawn for Mermaid, in the order in which it was reached.

From every state the next request or the page's script leads on. What people do is drawn from where
both sides are in step, as it leads to the same state from elsewhere, and the picture would be lost
in arrows. That it does is what `test_made` shows.
"""

import random
from collections.abc import Callable
from typing import Final, NamedTuple

from agreement.simulated import Kind, Visitor
from agreement.steps import Call

from segment_identity import marker
from segment_identity.signing import MemorySigner

Act = Callable[[Visitor], None]
Edges = dict[tuple["State", "State"], list[str]]

_SIGNED: Final = "__Host-ajs_identity"
_SIGNER: Final = MemorySigner([b"key-0000-Rk3vTq9wYbN2"])
_NAVIGATION: Final = {b"sec-fetch-dest": b"document", b"sec-fetch-mode": b"navigate"}
_EIGHT_DAYS: Final = 8 * 86_400.0


class State(NamedTuple):
    """What a browser holds, as far as it decides what comes next.

    Whom the signed memory and the plain cookies name ("" is an anonymous visitor, None that there
    are none), whether `ajs_sync` is settled (None if there is none), and whether the page reported
    a reset.
    """

    memory: str | None = None
    plain: str | None = None
    settled: bool | None = None
    reset: bool = False

    @property
    def in_step(self) -> bool:
        """Whether neither side has anything left to hear."""
        told = self.settled is not None or self.reset
        return self == State() or (not told and self.memory == self.plain is not None)


TITLES: Final = {
    State(): "nobody",
    State("", "", False): "a new visitor",
    State("ada", "ada", True): "signed in by the server",
    State("", ""): "anonymous, in step",
    State("ada", "ada"): "signed in, in step",
    State("", "", True): "signed out by the server",
    State("ada", "ada", False): "back after a week",
    State("", "bob"): "named by the page alone",
    State("ada", "bob"): "renamed by the page",
    State("", None, None, True): "reset by the page",
    State("ada", None, None, True): "signed out by the page",
    State("", None): "a week without a visit",
    State("ada", None): "a week without a visit",
}


def _ask(call: Call | None) -> Act:
    return lambda visitor: visitor.take(visitor.ask(_NAVIGATION, call)[1])


def _run_script(visitor: Visitor) -> None:
    visitor.tabs[0] = visitor.new_page()
    visitor.tabs[0].load()


def _call(verb: str) -> Act:
    return lambda visitor: visitor.tabs[0].call(verb, "bob")


def _stay_away(visitor: Visitor) -> None:
    visitor.jar.drop_readable()
    visitor.storage.held.clear()
    visitor.tabs[0] = visitor.new_page()
    visitor.now += _EIGHT_DAYS


# What reconciles the two sides, and what people do on one of them.
RECONCILING: Final[dict[str, Act]] = {
    "the next request": _ask(None),
    "the page's script": _run_script,
}
ON_THE_SERVER: Final[dict[str, Act]] = {
    "server: identify(ada)": _ask(Call("identify", "ada")),
    "server: reset()": _ask(Call("reset")),
}
IN_THE_PAGE: Final[dict[str, Act]] = {
    "page: identify(bob)": _call("identify"),
    "page: reset()": _call("reset"),
    "eight days pass": _stay_away,
}
ACTS: Final = RECONCILING | ON_THE_SERVER | IN_THE_PAGE


def after(acts: list[str]) -> State:
    """Return the state of a visitor who was never here before, after some acts."""
    visitor = Visitor(Kind(), random.Random(0))
    visitor.jar.held.clear()
    visitor.storage.held.clear()
    visitor.tabs[0] = visitor.new_page()
    for name in acts:
        ACTS[name](visitor)
    return _state(visitor)


def _state(visitor: Visitor) -> State:
    first = visitor.jar.first
    token, sync = first(_SIGNED), first("ajs_sync")
    opened = None if token is None else _SIGNER.loads(token.encode())
    told = None if sync is None else marker.loads([sync.encode()])[0]
    return State(
        None if opened is None else opened.memory.user_id or "",
        None if first("ajs_anonymous_id") is None else first("ajs_user_id") or "",
        None if told is None else told.settled,
        first("ajs_reset") is not None,
    )


def _acts_from(state: State) -> dict[str, Act]:
    if state == State():
        # No page is open yet.
        return RECONCILING | ON_THE_SERVER
    return ACTS if state.in_step else RECONCILING


def walk() -> tuple[dict[State, list[str]], Edges]:
    """Return how each state is reached, and where the acts that are drawn lead."""
    paths: dict[State, list[str]] = {State(): []}
    edges: Edges = {}
    waiting = [State()]
    while waiting:
        start = waiting.pop(0)
        for name in _acts_from(start):
            end = after([*paths[start], name])
            if end not in paths:
                paths[end] = [*paths[start], name]
                waiting.append(end)
            if end != start:
                edges.setdefault((start, end), []).append(name)
    return paths, edges


def picture() -> str:
    """Return the picture for Mermaid, as a block of Markdown."""
    paths, edges = walk()
    numbers = {state: f"s{number}" for number, state in enumerate(paths)}
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'  {numbers[each]}["{_label(each)}"]:::{_side(each)}' for each in paths]
    for (start, end), names in edges.items():
        lines.append(f'  {numbers[start]} -->|"{"<br/>".join(names)}"| {numbers[end]}')
    lines += [
        "  classDef server fill:#fde68a,stroke:#b45309,color:#111827",
        "  classDef page fill:#bfdbfe,stroke:#1d4ed8,color:#111827",
        "  classDef both fill:#e5e7eb,stroke:#4b5563,color:#111827",
        "```",
    ]
    return "\n".join(lines) + "\n"


def _label(state: State) -> str:
    holds = [f"<b>{TITLES[state]}</b>"]
    if state.memory is not None:
        holds.append(f"signed: {state.memory or 'anonymous'}")
    if state.plain is not None:
        holds.append(f"plain: {state.plain or 'anonymous'}")
    if state.settled is not None:
        holds.append(f"ajs_sync: {'settled' if state.settled else 'tentative'}")
    if state.reset:
        holds.append("ajs_reset")
    return "<br/>".join(holds)


def _side(state: State) -> str:
    """Return who has something to say that the other has not heard."""
    if state.in_step:
        return "both"
    return "server" if state.settled is not None else "page"
