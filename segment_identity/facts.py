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
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgspec

from segment_identity.happened import corrected
from segment_identity.ids import problem
from segment_identity.kinds import instant_of

T = TypeVar("T")
IdType = Literal["anonymous_id", "user_id"]

# Bytes; a longer name of a trait would not fit into an index of every database.
_MAX_TRAIT_NAME: Final = 255
_KINDS: Final = frozenset("identify track page screen group alias".split())
_LENGTH: Final = len("2026-01-31T12:00:00.000Z")
# Before an id of an alias that is a device's for certain.
DEVICE: Final = "anonymous_id:"
_encode: Final = msgspec.json.Encoder().encode
_ORIGIN: Final = "0001-01-01T00:00:00.000Z"


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
    devices: dict[str, str] = {}
    users: dict[str, str] = {}
    links: dict[Link, Span] = {}
    aliases: dict[Alias, Span] = {}
    traits: dict[TraitName, TraitValue] = {}
    checked: dict[object, str | None] = {}
    for message in messages:
        kind = message.get("type")
        if not (isinstance(kind, str) and kind in _KINDS):
            continue
        if not isinstance(message.get("messageId"), str):
            continue
        when = moment(message)
        device = _usable(message.get("anonymousId"), checked)
        user = _usable(message.get("userId"), checked)
        if device is not None:
            _first(devices, device, when)
        if kind == "alias":
            previous = _usable(message.get("previousId"), checked)
            if user is not None and user != device:
                _first(users, user, when)
            if user is None or previous is None or user == previous:
                continue
            if user == device:
                _first(devices, previous, when)
            pair = _renamed(device, previous, user)
            if pair is not None:
                _span(links if isinstance(pair, Link) else aliases, pair, when)
            continue
        if user is not None:
            _first(users, user, when)
            if device is not None:
                _span(links, Link(device, user), when)
        if kind == "identify":
            _traits(traits, device, user, message.get("traits"), when)
    ids = {Id("anonymous_id", each): when for each, when in devices.items()}
    ids |= {Id("user_id", each): when for each, when in users.items()}
    return Facts(ids, links, aliases, traits)


def merged(one: Facts, other: Facts) -> Facts:
    """Return what both tell."""
    ids, links = dict(one.ids), dict(one.links)
    aliases, traits = dict(one.aliases), dict(one.traits)
    for each, when in other.ids.items():
        _first(ids, each, when)
    for link, span in other.links.items():
        _span(links, link, *span)
    for alias, span in other.aliases.items():
        _span(aliases, alias, *span)
    for name, value in other.traits.items():
        traits[name] = max(traits.get(name, value), value)
    return Facts(ids, links, aliases, traits)


def moment(message: Mapping[str, Any]) -> str:
    """Return the time and messageId of *message* as a text that sorts as they do."""
    return f"{_time(message)}|{message['messageId']}".replace("\x00", "")


def in_utc(text: str) -> str | None:
    """Return a time as ISO 8601 in UTC with milliseconds; None if *text* is no time."""
    # The rows of the event just asked for the same, so it is remembered.
    known = instant_of(text)
    if known is not None:
        return known
    try:
        read = datetime.fromisoformat(text)
        if read.tzinfo is not None:
            read = read.astimezone(UTC)
        return read.isoformat(timespec="milliseconds")[:23] + "Z"
    except (ValueError, OverflowError):
        return None


def time_of(moment: str) -> str:
    """Return the time in a moment, as ISO 8601."""
    return moment[:_LENGTH]


def _time(message: Mapping[str, Any]) -> str:
    """Return what stands in the column `timestamp` of the row of *message*."""
    told = _instant(message, "timestamp") or corrected(
        _instant(message, "originalTimestamp"),
        _instant(message, "sentAt"),
        _instant(message, "receivedAt"),
    )
    return told or _ORIGIN


def _instant(message: Mapping[str, Any], name: str) -> str | None:
    said = message.get(name)
    return instant_of(said) if isinstance(said, str) else None


def _renamed(device: str | None, previous: str, user: str) -> Alias | Link | None:
    """Return what an alias that came from *device* says; None if that cannot be written."""
    if user == device:
        # By an alias to itself a device tells that it had another id for a short while.
        return Alias(DEVICE + previous, DEVICE + user)
    if previous == device:
        return Link(previous, user)
    is_typed = previous.startswith(DEVICE) or user.startswith(DEVICE)
    return None if is_typed else Alias(previous, user)


def _usable(value: object, checked: dict[object, str | None]) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return checked[value]
    except KeyError:
        checked[value] = result = None if problem(value) else value
        return result


def _first(ids: dict[T, str], each: T, when: str) -> None:
    known = ids.get(each)
    if known is None or when < known:
        ids[each] = when


def _span(spans: dict[Any, Span], pair: object, first: str, last: str | None = None) -> None:
    known = spans.get(pair)
    if known is None:
        spans[pair] = Span(first, last or first)
    elif first < known.first or (last or first) > known.last:
        spans[pair] = Span(min(first, known.first), max(last or first, known.last))


def _traits(
    traits: dict[TraitName, TraitValue],
    device: str | None,
    user: str | None,
    given: object,
    when: str,
) -> None:
    """Note the traits of an identify, which are the user's if it names one, else the device's."""
    owner = Id("user_id", user) if user is not None else device and Id("anonymous_id", device)
    if not owner or not (type(given) is dict or isinstance(given, Mapping)):
        return
    for name, value in given.items():
        # As in `users`, a null leaves what was there.
        if value is None or not name or len(name.encode()) > _MAX_TRAIT_NAME or "\x00" in name:
            continue
        told = TraitValue(when, _encode(value).decode())
        key = TraitName(*owner, name)
        known = traits.get(key)
        if known is None or known < told:
            traits[key] = told
