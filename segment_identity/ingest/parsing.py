"""Read the messages a client posted; what it said of each is not judged yet.

Only the fields named here are read at all: a client's `projectId`, `_metadata` or `receivedAt` is
gone with that.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from segment_identity.ingest.body import Malformed
from segment_identity.ingest.routes import Route

MAX_EVENTS: Final = 2_500
_MAX_DEPTH: Final = 64
_USUAL_DEPTH: Final = 6
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class Said(msgspec.Struct, frozen=True, gc=False):
    """What a client said of one message, each part of any kind that JSON has."""

    type: Any = None
    messageId: Any = None
    anonymousId: Any = None
    userId: Any = None
    event: Any = None
    name: Any = None
    category: Any = None
    groupId: Any = None
    previousId: Any = None
    properties: Any = None
    traits: Any = None
    context: Any = None
    integrations: Any = None
    timestamp: Any = None
    originalTimestamp: Any = None
    sentAt: Any = None
    channel: Any = None
    writeKey: Any = None


_Scalar = None | bool | int | float | str
_Shallow: Any = _Scalar
for _ in range(_USUAL_DEPTH):
    # Each level doubles what the decoder has to know, so there are few.
    _Shallow = _Scalar | list[_Shallow] | dict[str, _Shallow]


class _Usual(Said, frozen=True, gc=False):
    """What is nested no deeper than SDKs do it, which the decoder itself can tell."""

    properties: _Shallow = None
    traits: _Shallow = None
    context: _Shallow = None
    integrations: _Shallow = None


# What is no object is no message, and costs the others of its batch nothing.
Item = Said | list[Any] | str | bool | int | float | None


class Posted(msgspec.Struct, frozen=True, gc=False):
    """What one request said: messages, and what they share.

    The context of a message is the same object as that of the one before if both said the same.
    """

    batch: list[Item]
    context: Any = None
    integrations: Any = None
    sentAt: Any = None
    writeKey: Any = None


class _Batched(_Usual, frozen=True, gc=False):
    """Its context is read later: those of one page's messages are mostly the same, and long."""

    context: msgspec.Raw = msgspec.Raw(b"null")


class _UsualPosted(Posted, frozen=True, gc=False):
    batch: list[_Batched | list[Any] | str | bool | int | float | None]  # type: ignore[assignment]
    context: _Shallow = None
    integrations: _Shallow = None


_usual_single: Final = msgspec.json.Decoder(_Usual)
_usual_batch: Final = msgspec.json.Decoder(_UsualPosted)
_usual_context: Final = msgspec.json.Decoder(_Shallow)
_single: Final = msgspec.json.Decoder(Said)
_batch: Final = msgspec.json.Decoder(Posted)


def parse(body: bytes, route: Route) -> Posted:
    """Read the body of a request to *route*; raises `Malformed`."""
    try:
        return _decoded(body, route)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # Scripts cut texts in the middle of a character, and say so in an escape of half of it.
        whole = _ESCAPE.sub(_whole, body) if b"\\u" in body else body
        if whole == body:
            raise Malformed from error
    try:
        return _decoded(whole, route)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed from error


def _decoded(body: bytes, route: Route) -> Posted:
    try:
        usual = _posted(body, route, _usual_single, _usual_batch)
        _read_contexts(usual.batch)
    except msgspec.ValidationError:
        return _shallow(_posted(body, route, _single, _batch), route)
    if len(usual.batch) > MAX_EVENTS:
        raise Malformed
    return usual


def _posted(
    body: bytes,
    route: Route,
    single: msgspec.json.Decoder[Any],
    batch: msgspec.json.Decoder[Any],
) -> Posted:
    if route == "batch":
        found: Posted = batch.decode(body)
        return found
    said: Said = single.decode(body)
    return Posted([said], writeKey=said.writeKey)


def _read_contexts(batch: Iterable[Item]) -> None:
    said = context = None
    for item in batch:
        if type(item) is _Batched:
            if item.context != said:
                said, context = item.context, _usual_context.decode(item.context)
            msgspec.structs.force_setattr(item, "context", context)


def _shallow(posted: Posted, route: Route) -> Posted:
    """Take out of a batch the messages that are nested too deep; a single one is refused."""
    items = [
        None if isinstance(each, Said) and _is_deep_in(each) else each for each in posted.batch
    ]
    alone = route != "batch" and items == [None]
    if alone or len(items) > MAX_EVENTS or _is_deep(posted.context, posted.integrations):
        raise Malformed
    return msgspec.structs.replace(posted, batch=items)


def _is_deep_in(said: Said) -> bool:
    return _is_deep(said.properties, said.traits, said.context, said.integrations)


def _is_deep(*parts: Any) -> bool:
    """Tell whether *parts* of a message are nested deeper than anybody would mean to."""
    level: list[Any] = [each for each in parts if type(each) is dict or type(each) is list]
    # The message itself is the first level.
    for _ in range(_MAX_DEPTH - 1):
        if not level:
            return False
        inner = []
        for each in level:
            for value in each.values() if type(each) is dict else each:
                kind = type(value)
                if kind is dict or kind is list:
                    inner.append(value)
        level = inner
    return bool(level)


def _whole(found: "re.Match[bytes]") -> bytes:
    return b"\\ufffd" if found["lone"] else found[0]
