"""Read from events what tells who is who (Segment Spec: Identify, Alias).

How this works
--------------
What is kept of all events is small: each id, each pair of ids, each trait, with the earliest and
the latest moment it was seen. A moment is a text of UTC time and messageId, so its order is that of
its bytes, in Python as in any database. Everything is a least or a greatest value, so neither the
order of events nor their repetition changes what comes out, and facts can be merged in any groups.

An alias does not say what its two ids are. That shows in the other events, those that came and
those still to come, so it is kept as it is and read later (`stitching`). Only its anonymousId says
so: that is a device, even if it is also somebody's user id. A browser chooses its anonymousId, and
one that calls itself by a user's id must not become that user.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeVar, cast

import msgspec

from segment_identity.claims import claim
from segment_identity.tallies import Tally, tally

T = TypeVar("T")
IdType = Literal["anonymous_id", "user_id"]


class Id(NamedTuple):
    """An id, and which of the two it is; more types may follow, such as `email`."""

    type: IdType
    value: str


class Span(NamedTuple):
    """The moments at which something was first and last seen."""

    first: str
    last: str


class Link(NamedTuple):
    """A device that carried a user's id."""

    anonymous_id: str
    user_id: str


class Alias(NamedTuple):
    """What an alias call said: that *previous_id* is *user_id* from now on.

    Of two devices both begin with `DEVICE`; others may be anything.
    """

    previous_id: str
    user_id: str


class TraitName(NamedTuple):
    """A trait of whoever has an id."""

    type: IdType
    value: str
    name: str


class TraitValue(NamedTuple):
    """The newest value of a trait, as JSON, and its moment."""

    moment: str
    json: str


class Facts(msgspec.Struct, frozen=True):
    """What some events tell; *ids* has the moment each was first seen."""

    ids: Mapping[Id, str] = {}
    links: Mapping[Link, Span] = {}
    aliases: Mapping[Alias, Span] = {}
    traits: Mapping[TraitName, TraitValue] = {}


def facts(messages: Iterable[Mapping[str, Any]]) -> Facts:
    """Return what *messages* tell; ids that cannot be one person's tell nothing (see `ids`)."""
    return _facts(tally(filter(None, map(claim, messages))))


def merged(one: Facts, other: Facts) -> Facts:
    """Return what both tell."""
    ids, links = dict(one.ids), dict(one.links)
    aliases, traits = dict(one.aliases), dict(one.traits)
    for each, when in other.ids.items():
        _first(ids, each, when)
    for link, span in other.links.items():
        _span(links, link, span)
    for alias, span in other.aliases.items():
        _span(aliases, alias, span)
    for name, value in other.traits.items():
        traits[name] = max(traits.get(name, value), value)
    return Facts(ids, links, aliases, traits)


def _facts(found: Tally) -> Facts:
    """Return what was *found* in terms of ids, links, aliases and traits."""
    ids = {Id("anonymous_id", each): when for each, when in found.devices.items()}
    ids |= {Id("user_id", each): when for each, when in found.users.items()}
    links = {Link(*pair): Span(*span) for pair, span in found.links.items()}
    aliases = {Alias(*pair): Span(*span) for pair, span in found.aliases.items()}
    traits = {
        TraitName(cast(IdType, kind), value, name): TraitValue(*told)
        for (kind, value), theirs in found.traits.items()
        for name, told in theirs.items()
    }
    return Facts(ids, links, aliases, traits)


def _first(ids: dict[T, str], each: T, when: str) -> None:
    known = ids.get(each)
    if known is None or when < known:
        ids[each] = when


def _span(spans: dict[T, Span], pair: T, span: Span) -> None:
    known = spans.get(pair, span)
    spans[pair] = Span(min(span.first, known.first), max(span.last, known.last))
