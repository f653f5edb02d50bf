"""What can happen to a visitor, as data, and what each step makes of the identity."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from .expected import Expected

USERS: Final = ("ada", "bob", "42")
# Every page has its turn at losing what it holds; the server's memory is lost only with the rest.
LOSSES: Final[dict[str, Callable[[Expected], None]]] = {
    "storage": lambda expected: None,
    "cookies": Expected.loses_cookies,
    "cookies and storage": Expected.loses_cookies_and_storage,
    "cookies after eight days": Expected.loses_cookies_by_age,
    "cookies after eight days, and storage": Expected.loses_cookies_by_age_and_storage,
    "everything": Expected.loses_everything,
}


@dataclass(frozen=True)
class Call:
    """A call of the server's identity or of Analytics.js."""

    verb: str
    argument: str = ""


@dataclass(frozen=True)
class Step:
    """Something that happens, and the call that is made where it does."""

    kind: str
    server: Call | None = None
    page: Call | None = None
    loss: str = ""


# How often each kind of step comes.
_WEIGHTS: Final = {
    "server": 4,
    "fetch": 5,
    "page": 4,
    "loss": 4,
    "tab": 2,
    "prefetch": 1,
    "back": 3,
    "parallel": 1,
    "cached": 2,
    "two at once": 1,
}


def sequence(seed: int, length: int) -> list[Step]:
    """Return the steps that *seed* stands for."""
    dice = random.Random(seed)
    return [_step(dice, f"page-made-{seed}-{number}") for number in range(length)]


def _step(dice: random.Random, device: str) -> Step:
    step = Step(dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0])
    if step.kind in ("server", "fetch", "cached"):
        step = replace(step, server=_server_call(dice))
    if step.kind in ("page", "fetch"):
        step = replace(step, page=_page_call(dice, device))
    if step.kind == "back":
        if dice.random() < 0.5:
            return replace(step, server=_server_call(dice))
        return replace(step, page=_page_call(dice, device))
    if step.kind == "loss":
        step = replace(step, loss=dice.choice(list(LOSSES)))
    return step


def _server_call(dice: random.Random) -> Call:
    if dice.random() < 0.6:
        return Call("identify", dice.choice(USERS))
    return Call("reset")


def _page_call(dice: random.Random, device: str) -> Call:
    verb = dice.choice(("identify", "identify", "reset", "setAnonymousId", "track"))
    return Call(verb, {"identify": dice.choice(USERS), "setAnonymousId": device}.get(verb, ""))


def happens(step: Step, expected: Expected) -> None:
    """Let *step* happen to what is expected."""
    if step.kind == "loss":
        LOSSES[step.loss](expected)
    elif step.kind == "two at once":
        expected.loses_everything()
    if step.server is not None:
        if step.server.verb == "identify":
            expected.server_identifies(step.server.argument)
        else:
            expected.server_resets()
    if step.page is not None:
        if step.page.verb == "identify":
            expected.page_identifies(step.page.argument)
        elif step.page.verb == "reset":
            expected.page_resets()
        elif step.page.verb == "setAnonymousId":
            expected.page_sets_device(step.page.argument)
