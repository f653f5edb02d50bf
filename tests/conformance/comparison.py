"""Say where the server and Analytics.js disagree about one sequence of calls."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

# One call, as `oracle.cjs` writes it: {"op": "identify", "id": "u-1", "traits": {...}}.
Op = Mapping[str, Any]

COOKIES: Final = ("ajs_anonymous_id", "ajs_user_id", "ajs_group_id")
FIELDS: Final = (
    "type",
    "anonymousId",
    "userId",
    "groupId",
    "previousId",
    "event",
    "name",
    "category",
    "traits",
    "properties",
)
# These may hold an anonymousId, which is random unless the app named it.
_RENAMED: Final = frozenset({"anonymousId", "previousId", "ajs_anonymous_id"})
_PAGE_KEYS: Final = ("path", "referrer", "search", "title", "url")
_ENCODED: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class Step:
    """What one call made: the messages it sent and the cookies after it; none while unknown."""

    messages: list[dict[str, Any]]
    cookies: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sequence:
    """Calls, and what Analytics.js made of each."""

    version: str
    seed: int
    ops: list[Op]
    steps: list[Step]
    name: str = ""


class Renaming:
    """A one-to-one renaming of random ids; ids in *fixed* keep their names on both sides."""

    def __init__(self, fixed: Iterable[str]) -> None:
        self._ours = {name: name for name in fixed}
        self._theirs = dict(self._ours)

    def agrees(self, theirs: str | None, ours: str | None) -> bool:
        """Tell whether *ours* can stand for *theirs*, and hold both sides to it from now on."""
        if theirs is None or ours is None:
            return theirs is ours
        forth = self._ours.setdefault(theirs, ours) == ours
        return self._theirs.setdefault(ours, theirs) == theirs and forth


def loads(line: str) -> Sequence:
    """Read one line of a vectors file."""
    found = json.loads(line)
    steps = [Step(step["messages"], step["cookies"]) for step in found["steps"]]
    return Sequence(found["version"], found["seed"], found["ops"], steps, found.get("name", ""))


def cookie_meaning(raw: str | None) -> Any:
    """Return what Analytics.js understands by a cookie: js-cookie's text, then JSON if it is."""
    if raw is None:
        return None
    bare = raw[1:-1] if raw.startswith('"') else raw
    text = _ENCODED.sub(lambda found: unquote(found[0], errors="strict"), bare)
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return text
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def picked(message: Mapping[str, Any], op: Op) -> dict[str, Any]:
    """Keep what is compared of *message*; an absent field is None.

    What the page itself adds to a page call is dropped, unless the call named it.
    """
    kept = {field: message.get(field) for field in FIELDS}
    if kept["type"] == "page" and kept["properties"] is not None:
        given = op.get("properties", {})
        kept["properties"] = {
            key: value
            for key, value in kept["properties"].items()
            if key in given or key not in _PAGE_KEYS
        }
    return kept


def expected(message: Mapping[str, Any], op: Op) -> dict[str, Any]:
    """Return what the server should send where Analytics.js sends *message*.

    They differ on purpose in one field: Analytics.js lets the current user overwrite the userId of
    an alias, which by Segment's specification is the new id.
    """
    kept = picked(message, op)
    return {**kept, "userId": str(op["id"])} if op["op"] == "alias" else kept


def disagreements(sequence: Sequence, ours: Iterable[Step]) -> Iterator[str]:
    """Yield a report on each step that differs, with both sides."""
    renaming = Renaming(_named(sequence.ops))
    pairs = zip(sequence.ops, sequence.steps, ours, strict=True)
    for number, (op, their_step, our_step) in enumerate(pairs):
        wanted = Step(
            [expected(message, op) for message in their_step.messages], their_step.cookies
        )
        fields = list(_differing(wanted, our_step, renaming))
        if fields:
            yield (
                f"{sequence.version} seed {sequence.seed} step {number}: {', '.join(fields)}\n"
                f"  op           {_dumps(op)}\n"
                f"  Analytics.js {_dumps(their_step.messages)} {_dumps(their_step.cookies)}\n"
                f"  here         {_dumps(our_step.messages)} {_dumps(our_step.cookies)}"
            )


def _differing(theirs: Step, ours: Step, renaming: Renaming) -> Iterator[str]:
    if len(theirs.messages) != len(ours.messages):
        yield "number of messages"
        return
    halves = list(zip(theirs.messages, ours.messages, strict=True))
    if ours.cookies:
        halves.append((theirs.cookies, ours.cookies))
    for their_half, our_half in halves:
        for field in their_half:
            their_value, our_value = their_half[field], our_half[field]
            if field in _RENAMED:
                same = renaming.agrees(their_value, our_value)
            else:
                # As JSON, because Python calls 1 and True equal.
                same = _dumps(their_value) == _dumps(our_value)
            if not same:
                yield field


def _named(ops: Iterable[Op]) -> Iterator[str]:
    for op in ops:
        for key in ("id", "previousId", "anonymousId"):
            if key in op:
                yield str(op[key])


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
