"""What a browser brought and what was made of it, for people to read."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from segment_identity import presented
from segment_identity.attribution import Attribution, Touch
from segment_identity.recognition import Recognition
from segment_identity.reconcile import Recognised
from segment_identity.signing import Memory

_LONG: Final = 80


class Row(msgspec.Struct, frozen=True):
    """One thing and its value; *note* says what to think of it."""

    name: str
    value: str
    note: str = ""


class Portrait(msgspec.Struct, frozen=True):
    """One browser: what it is taken for, why, and the cookies that say so.

    *journey* tells how it came and which session this is, where the app counts that.
    """

    anonymous_id: str | None
    user_id: str | None
    claimed: str | None
    reason: str
    notes: Sequence[str]
    cookies: Sequence[Row]
    memory: Sequence[Row]
    journey: Sequence[Row]


_READABLE: Final[Mapping[str, str]] = {
    "ajs_anonymous_id": "the device, as Analytics.js has it",
    "ajs_user_id": "the user the browser claims",
    "ajs_group_id": "the group",
    "ajs_sync": "what the server said and the page has not taken over yet",
    "ajs_reset": "the page forgot the visitor",
    "ajs_optout": "the visitor wants no analytics",
}


def portrait(
    known: Recognition,
    cookies: Mapping[str, str],
    came: Attribution | None = None,
    session: int | None = None,
) -> Portrait:
    """Return the portrait of a browser; *cookies* are as it sent them, secrets left out below."""
    journey = [] if came is None else came_by(came)
    if session is not None:
        journey.append(Row("session", str(session)))
    found = known.found
    return Portrait(
        found.visitor.anonymous_id,
        found.visitor.user_id,
        found.claimed,
        found.reason.value,
        list(_notes(found, known.presented)),
        [
            Row(name, _short(cookies[name]), note)
            for name, note in _READABLE.items()
            if name in cookies
        ],
        [] if found.memory is None else list(_memory(found.memory)),
        journey,
    )


def came_by(came: Attribution) -> list[Row]:
    """Return how somebody came, first and last, in words."""
    rows = [Row("first touch", _touch(came.first), _arrival(came.first))]
    if came.last != came.first:
        rows.append(Row("last touch", _touch(came.last), _arrival(came.last)))
    return rows


def _touch(touch: Touch) -> str:
    said = [*touch.campaign.values(), touch.referrer or "", touch.click_type or ""]
    return ", ".join(filter(None, said)) or "directly"


def _arrival(touch: Touch) -> str:
    where = f" at {_short(touch.landing_page)}" if touch.landing_page else ""
    return f"{_when(touch.time)}{where}"


def _notes(found: Recognised, seen: presented.Presented) -> list[str]:
    notes = []
    if found.ambiguous:
        notes.append("several ids came; one of them may be planted")
    if found.tell is not None:
        word = "settled" if found.tell else "tentative"
        notes.append(f"the next response tells the page so ({word})")
    if found.link is not None:
        notes.append("the short-lived id before is linked to this one")
    if seen.tokens and found.memory is None:
        notes.append("a signed cookie came that no known key made, or one that is too old")
    if seen.opted_out:
        notes.append("the visitor opted out: nothing is recorded")
    return notes


def _memory(memory: Memory) -> list[Row]:
    rows = [
        Row("anonymousId", memory.anonymous_id),
        Row("userId", memory.user_id or "none"),
        Row("groupId", memory.group_id or "none"),
        Row("made", _when(memory.issued)),
        Row("renewed", _when(memory.seen), "once a day"),
    ]
    if memory.traits:
        rows.append(Row("traits", ", ".join(sorted(memory.traits)), "names only"))
    return rows


def _when(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _short(value: str) -> str:
    return value if len(value) <= _LONG else f"{value[: _LONG - 1]}…"
