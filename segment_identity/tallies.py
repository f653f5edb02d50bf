"""Sum up what claims tell: of each id, pair of ids and trait the earliest and the latest moment.

What it is and why it suffices is told in `facts`. Here it is plain tuples of texts, the rows of the
tables of profiles, which a garbage collector looks at once and no more.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from segment_identity.claims import Claim
from segment_identity.ids import problem

# Before an id of an alias that is a device's for certain.
DEVICE: Final = "anonymous_id:"

# Bytes; a longer name of a trait would not fit into an index of every database.
_MAX_TRAIT_NAME: Final = 255
_encode: Final = msgspec.json.Encoder().encode

Pair = tuple[str, str]


class Tally(NamedTuple):
    """What claims tell: of each id when it was first seen, of each pair when first and last.

    *traits* are by the type and value of whose they are; each has its moment and its JSON.
    """

    devices: dict[str, str]
    users: dict[str, str]
    links: dict[Pair, Pair]
    aliases: dict[Pair, Pair]
    traits: dict[Pair, dict[str, Pair]]


def tally(claims: Iterable[Claim]) -> Tally:
    """Return what *claims* tell; ids that cannot be one person's tell nothing (see `ids`)."""
    found = Tally({}, {}, {}, {}, {})
    devices, users, links, *_ = found
    checked: dict[object, str | None] = {None: None}
    for kind, when, device_id, user_id, previous_id, given in claims:
        try:
            device, user = checked[device_id], checked[user_id]
        except (KeyError, TypeError):
            device, user = _usable(device_id, checked), _usable(user_id, checked)
        if device is not None and (device not in devices or when < devices[device]):
            devices[device] = when
        if kind == "alias":
            _alias(found, when, device, user, _usable(previous_id, checked))
            continue
        if user is None:
            owner = ("anonymous_id", device) if device is not None else None
        else:
            owner = ("user_id", user)
            if user not in users or when < users[user]:
                users[user] = when
            if device is not None:
                _span(links, (device, user), when)
        if kind == "identify" and owner is not None:
            _traits(found.traits, owner, given, when)
    return found


def _alias(
    found: Tally, when: str, device: str | None, user: str | None, previous: str | None
) -> None:
    if user is not None and user != device:
        _first(found.users, user, when)
    if user is None or previous is None or user == previous:
        return
    if user == device:
        # By an alias to itself a device tells that it had another id for a short while.
        _first(found.devices, previous, when)
        _span(found.aliases, (DEVICE + previous, DEVICE + user), when)
    elif previous == device:
        _span(found.links, (previous, user), when)
    elif not previous.startswith(DEVICE) and not user.startswith(DEVICE):
        _span(found.aliases, (previous, user), when)


def _usable(value: object, checked: dict[object, str | None]) -> str | None:
    if not isinstance(value, str):
        return None
    if value not in checked:
        checked[value] = None if problem(value) else value
    return checked[value]


def _first(ids: dict[str, str], each: str, when: str) -> None:
    if each not in ids or when < ids[each]:
        ids[each] = when


def _span(spans: dict[Pair, Pair], pair: Pair, when: str) -> None:
    known = spans.get(pair)
    if known is None:
        spans[pair] = (when, when)
    elif when < known[0]:
        spans[pair] = (when, known[1])
    elif when > known[1]:
        spans[pair] = (known[0], when)


def _traits(traits: dict[Pair, dict[str, Pair]], owner: Pair, given: object, when: str) -> None:
    """Note the traits of an identify, which are the user's if it names one, else the device's."""
    if not given or not isinstance(given, Mapping):
        return
    theirs = traits.setdefault(owner, {})
    for name, value in given.items():
        # As in `users`, a null leaves what was there.
        if value is None or not _is_trait(name):
            continue
        told = (when, _encode(value).decode())
        if name not in theirs or theirs[name] < told:
            theirs[name] = told


@lru_cache(maxsize=1_024)
def _is_trait(name: Any) -> bool:
    return bool(name) and len(name.encode()) <= _MAX_TRAIT_NAME and "\x00" not in name
