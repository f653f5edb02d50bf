"""Have an alias before the identify that needs it (Segment: Mixpanel and Kissmetrics, Alias).

Such destinations tie an anonymous past to a user by an alias alone, and only by one that comes
before anything else is said of the user.
"""

import hashlib
from collections.abc import Container, Sequence
from typing import Any, Final

import msgspec

from segment_identity.messages import Message

_NAMED: Final = (b'"identify"', b'"alias"')


class Call(msgspec.Struct, frozen=True):
    """What of a message matters here; whatever is of another kind is as good as absent."""

    type: Any = None
    anonymousId: Any = None
    userId: Any = None
    previousId: Any = None


class Order(msgspec.Struct, frozen=True):
    """Events in the order in which they go, and the pairs that are tied once they are there."""

    events: list[bytes]
    tied: frozenset[str]


def alias_first(batch: Sequence[bytes], known: Container[str]) -> Order:
    """Return *batch* with an alias before every identify that ties a device to a user.

    An alias further on in the batch is moved there; else one is made, unless the pair is *known*.
    One that is made has the same messageId whenever it is, so that a repetition does no harm.
    """
    calls = [_call(event) for event in batch]
    given: dict[str, list[int]] = {}
    for number, call in enumerate(calls):
        if call.type == "alias":
            given.setdefault(pair(call.previousId, call.userId), []).append(number)
    events: list[bytes] = []
    tied: set[str] = set()
    moved: set[int] = set()
    for number, (event, call) in enumerate(zip(batch, calls, strict=True)):
        if call.type == "alias":
            tied.add(pair(call.previousId, call.userId))
        elif call.type == "identify" and _is_id(call.anonymousId) and _is_id(call.userId):
            name = pair(call.anonymousId, call.userId)
            if name not in tied and name not in known:
                later = [each for each in given.get(name, ()) if each > number]
                events.append(batch[later[0]] if later else _made(event, name))
                moved.update(later[:1])
            tied.add(name)
        if number not in moved:
            events.append(event)
    return Order(events, frozenset(tied - {""}))


def pair(previous_id: object, user_id: object) -> str:
    """Return what stands for a pair of ids and does not tell them, or "" if they are none."""
    if not (_is_id(previous_id) and _is_id(user_id)):
        return ""
    said = msgspec.json.encode([previous_id, user_id])
    return hashlib.sha256(said).hexdigest()[:32]


def _call(event: bytes) -> Call:
    if not any(name in event for name in _NAMED):
        return Call()
    try:
        return msgspec.json.decode(event, type=Call)
    except msgspec.MsgspecError:
        # What is no message is the destination's to refuse.
        return Call()


def _is_id(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _made(event: bytes, name: str) -> bytes:
    identify: Message = msgspec.json.decode(event)
    message = {key: value for key, value in identify.items() if key != "traits"}
    message |= {
        "type": "alias",
        "messageId": f"alias-{name}",
        "previousId": identify["anonymousId"],
    }
    return msgspec.json.encode(message)
