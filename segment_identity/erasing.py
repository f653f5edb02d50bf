"""Keep forgotten people forgotten: what becomes of an event that names one of their ids."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from segment_identity.facts import Id
from segment_identity.ids import problem
from segment_identity.messages import Message

# Says which ids are those of forgotten people.
IsForgotten = Callable[[Id], bool]

_SIZE: Final = 16


class Erased(msgspec.Struct, frozen=True):
    """What was removed of a person: how many *ids* they had, and *rows* by table.

    *dead_letters* and *spooled* count events in the spool's folder; *in_use* files there belong to
    running workers, and what is in them is refused when it is loaded. Unless *is_scrubbed*, the
    database's file may hold what was removed until it is vacuumed.
    """

    ids: int
    rows: Mapping[str, int]
    dead_letters: int
    spooled: int
    in_use: int
    is_scrubbed: bool


def digest(each: Id, key: bytes) -> str:
    """Return what stands for an id in a list that must not hold it."""
    text = f"{each.type}:{each.value}".encode()
    return hashlib.blake2b(text, key=key, digest_size=_SIZE).hexdigest()


def named(messages: Iterable[Mapping[str, Any]]) -> Iterator[Id]:
    """Yield the ids that *messages* name; those of an alias may be of either type."""
    for message in messages:
        device, user = _id(message, "anonymousId"), _id(message, "userId")
        if device:
            yield Id("anonymous_id", device)
        if user:
            yield Id("user_id", user)
        previous = _id(message, "previousId")
        for value in (previous, user) if previous else ():
            if value:
                yield Id("anonymous_id", value)
                yield Id("user_id", value)


def without(message: Message, is_forgotten: IsForgotten) -> Message | None:
    """Return *message* as it may be kept, None if it is a forgotten person's.

    What somebody else did on a forgotten person's device is kept, without the device.
    """
    device, user = _id(message, "anonymousId"), _id(message, "userId")
    if user and is_forgotten(Id("user_id", user)):
        return None
    if message.get("type") == "alias" and _is_either(message, is_forgotten):
        return None
    if not device or not is_forgotten(Id("anonymous_id", device)):
        return message
    if not user or problem(user):
        return None
    return {**message, "anonymousId": None}


def changed(ids: Collection[Id], event: bytes) -> bytes | None:
    """Return an encoded event as it may be kept once the person with *ids* is forgotten."""
    try:
        message = msgspec.json.decode(event)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return event
    if not isinstance(message, dict):
        return event
    kept = without(message, ids.__contains__)
    return event if kept is message else None if kept is None else msgspec.json.encode(kept)


def _is_either(message: Mapping[str, Any], is_forgotten: IsForgotten) -> bool:
    """Tell whether one of an alias' two ids is a forgotten person's, as device or as user."""
    return any(
        is_forgotten(Id("user_id", value)) or is_forgotten(Id("anonymous_id", value))
        for value in (_id(message, "userId"), _id(message, "previousId"))
        if value
    )


def _id(message: Mapping[str, Any], name: str) -> str | None:
    value = message.get(name)
    return value if isinstance(value, str) else None
