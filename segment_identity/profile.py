"""One person, as their ids, their traits and what they did."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from segment_identity.claims import time_of
from segment_identity.facts import Id, TraitName, TraitValue
from segment_identity.names import ident


class Call(msgspec.Struct, frozen=True):
    """One call of a person; *was_known* tells whether it came once a user id was theirs.

    *type* is Segment's (`track`, `page`, …), *name* that of the event, the page or the screen.
    """

    timestamp: str
    type: str
    name: str | None
    anonymous_id: str | None
    user_id: str | None
    was_known: bool
    message_id: str


class Profile(msgspec.Struct, frozen=True):
    """One person; *known_since* is None while no user id is theirs.

    *user_id* is the one they were first known by, *user_ids* has those that aliases joined too,
    *anonymous_ids* their devices. *timeline* is in order; if it is longer than was asked for, its
    newest part is here and *is_whole* is False.
    """

    segment_id: str
    user_id: str | None
    user_ids: Sequence[str]
    anonymous_ids: Sequence[str]
    first_seen: str
    known_since: str | None
    traits: Mapping[str, Any]
    timeline: Sequence[Call]
    is_whole: bool


def segment_id(each: Id) -> str:
    """Return an id as the tables have it: `user_id:ada`."""
    return f"{each.type}:{each.value}"


def parsed(text: str) -> Id | None:
    """Return the id that a segment_id names; None if *text* is none."""
    kind, _, value = text.partition(":")
    if kind == "user_id" and value:
        return Id("user_id", value)
    return Id("anonymous_id", value) if kind == "anonymous_id" and value else None


def known_since(members: Mapping[Id, str]) -> str | None:
    """Return when a user id was first theirs, of members with the moments they were first seen."""
    moments = [when for each, when in members.items() if each.type == "user_id"]
    return time_of(min(moments)) if moments else None


def values(members: Iterable[Id], kind: str) -> list[str]:
    """Return the ids of one type, sorted."""
    return sorted(each.value for each in members if each.type == kind)


def traits(told: Mapping[TraitName, TraitValue]) -> dict[str, Any]:
    """Return the newest value of every trait, whichever of a person's ids it was told about.

    One that is called like a column was told by a row, and gives way to the newer one of a call.
    """
    newest: dict[str, TraitValue] = {}
    for each, value in told.items():
        newest[each.name] = max(newest.get(each.name, value), value)
    for name in [each for each in newest if ident(each) != each]:
        column = newest.get(ident(name))
        if column is not None and column.moment < newest[name].moment:
            del newest[ident(name)]
    return {name: msgspec.json.decode(newest[name].json) for name in sorted(newest)}
