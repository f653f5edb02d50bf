"""Calls made on the server which the next page makes again, in the browser.

How this works
--------------
A destination that lives in the browser sees only what the browser does, and a call made there just
before a redirect is lost. So a call marked `browser=True` is recorded by the server as any other,
and waits in a cookie for the next page that a person opens: `snippet` prints it there, for
Analytics.js to make, and the response takes the cookie away.

* It is the same call, with the same messageId and time, and it is kept from Segment.io's pipeline,
  where the server has sent it already: nothing is counted twice.
* It is for one person. It carries the anonymousId it was made with, and is never made for another;
  nor for another user of the same device. A visitor who was anonymous and then told who they are is
  still the same person.
* The cookie is signed, so nobody can put calls into somebody else's page, and HttpOnly; it is good
  for minutes. It is small, as proxies refuse a response whose headers exceed 4 KB, and ours are not
  the only ones. What does not fit is left out here, and nowhere else.
* A call is made once: the page's script remembers the messageIds, because a page may be shown again
  from a cache, or two tabs may be opened with the same cookie.
* Requests that come at the same time do not know of each other's calls, and the last answer wins.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from segment_identity import cookies
from segment_identity.calls import Call
from segment_identity.jsonable import encoded
from segment_identity.messages import Kind
from segment_identity.signing import LEEWAY, Seal
from segment_identity.visitor import Visitor

COOKIE: Final = b"ajs_pending"
SALT: Final = b"segment_identity.pending.v1"
VERSION: Final = 1
# How long a call waits for a page (seconds).
LIFE: Final = 600
# Bytes of the cookie's value.
ROOM: Final = 2_048

# Of every four characters three are bytes; the rest is a dot and the signature.
_ROOM_FOR_JSON: Final = (ROOM - 44) // 4 * 3
_PIPELINE: Final = "Segment.io"


class Deferred(msgspec.Struct, frozen=True, gc=False):
    """One call, for one person, in JSON as Analytics.js' queue has it: `["track", "Added", …]`."""

    anonymous_id: str | None
    user_id: str | None
    call: bytes


class Pending(msgspec.Struct, frozen=True, gc=False):
    """Calls that wait for a page, and whom they are for."""

    anonymous_id: str
    user_id: str | None
    until: int
    calls: tuple[bytes, ...]


class _Wire(msgspec.Struct, array_like=True, frozen=True):
    version: int
    until: int
    anonymous_id: str
    user_id: str | None
    calls: list[msgspec.Raw]


def deferred(kind: Kind, who: Visitor, sent: Mapping[str, Any], call: Call) -> Deferred:
    """Return what the browser must call to do what was recorded, as it was *sent*."""
    options: dict[str, Any] = {
        "messageId": sent["messageId"],
        "timestamp": sent["timestamp"],
        "integrations": {**sent.get("integrations", {}), _PIPELINE: False},
    }
    if call.context:
        options["context"] = _within(sent.get("context", {}), call.context)
    said = encoded([kind, *_arguments(kind, sent), options])
    return Deferred(who.anonymous_id, who.user_id, said)


def due(before: Pending | None, made: Sequence[Deferred], visitor: Visitor) -> list[bytes]:
    """Return the calls that a page for *visitor* must make, in the order they were made."""
    calls = [] if before is None or not _is_for(before, visitor) else list(before.calls)
    return calls + [each.call for each in made if _is_for(each, visitor)]


def waiting(
    before: Pending | None, made: Sequence[Deferred], visitor: Visitor, now: float
) -> tuple[Pending | None, bool]:
    """Return what must wait for the next page, if anything, and whether all of it fitted."""
    if visitor.anonymous_id is None:
        return None, True
    empty = Pending(visitor.anonymous_id, visitor.user_id, int(now) + LIFE, ())
    room = _ROOM_FOR_JSON - len(_plain(empty))
    calls, all_fitted = [], True
    for each in due(before, made, visitor):
        if len(each) + 1 > room:
            all_fitted = False
            continue
        room -= len(each) + 1
        calls.append(each)
    kept = msgspec.structs.replace(empty, calls=tuple(calls))
    return (kept if calls else None), all_fitted


def dumps(pending: Pending, seal: Seal) -> bytes:
    """Return the cookie value."""
    return seal.signed(_plain(pending))


def loads(header: bytes, name: bytes, seal: Seal, now: float) -> Pending | None:
    """Return what waits in a joined Cookie *header*, if it is signed and not too old."""
    for token in cookies.values(header, name):
        opened = seal.opened(token)
        if opened is None:
            continue
        try:
            wire = msgspec.json.decode(opened[0], type=_Wire)
        except (msgspec.DecodeError, ValueError, RecursionError):
            continue
        if wire.version == VERSION and wire.until - LIFE - LEEWAY <= now < wire.until + LEEWAY:
            calls = tuple(bytes(each) for each in wire.calls)
            return Pending(wire.anonymous_id, wire.user_id, wire.until, calls)
    return None


def _is_for(made: Pending | Deferred, visitor: Visitor) -> bool:
    """Tell whether *visitor* is the person for whom *made* was made."""
    same_device = made.anonymous_id is not None and made.anonymous_id == visitor.anonymous_id
    return same_device and (made.user_id is None or made.user_id == visitor.user_id)


def _plain(pending: Pending) -> bytes:
    calls = [msgspec.Raw(each) for each in pending.calls]
    wire = _Wire(VERSION, pending.until, pending.anonymous_id, pending.user_id, calls)
    return msgspec.json.encode(wire)


def _within(sent: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a context that was *sent* what the call gave, and not what the request knew."""
    result = {}
    for key in given.keys() & sent.keys():
        one, other = sent[key], given[key]
        both = isinstance(one, Mapping) and isinstance(other, Mapping)
        result[key] = {each: one[each] for each in other if each in one} if both else one
    return result


def _arguments(kind: Kind, sent: Mapping[str, Any]) -> list[Any]:
    if kind == "track":
        return [sent["event"], sent["properties"]]
    if kind == "identify":
        return [sent["userId"], sent["traits"]]
    if kind == "group":
        return [sent["groupId"], sent["traits"]]
    if kind == "alias":
        return [sent["userId"], sent["previousId"]]
    name, category, properties = sent.get("name"), sent.get("category"), sent["properties"]
    if name is None and category is not None:
        # Analytics.js takes a single text for the name.
        return [None, None, {"category": category, **properties}]
    return [category, name, properties]
