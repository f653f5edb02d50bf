"""Read the messages a client posted; what it said of each is not judged yet.

Only the fields named here are read at all: a client's `projectId`, `_metadata` or `receivedAt` is
gone with that.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segment_identity.ingest.body import Malformed
from segment_identity.ingest.routes import Route

MAX_EVENTS: Final = 2_500
_MAX_DEPTH: Final = 64
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


# What is no object is no message, and costs the others of its batch nothing.
Item = Said | list[Any] | str | bool | int | float | None


class Posted(msgspec.Struct, frozen=True, gc=False):
    """What one request said: messages, and what they share."""

    batch: list[Item]
    context: Any = None
    integrations: Any = None
    sentAt: Any = None
    writeKey: Any = None


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


def is_deep(event: bytes, message: Mapping[str, Any]) -> bool:
    """Tell whether a message, *event* when encoded, is nested deeper than anybody would mean to."""
    # Hardly any has that many objects and lists at all.
    many = event.count(b"{") + event.count(b"[") > _MAX_DEPTH
    return many and _is_deep(*message.values())


def _is_deep(*parts: Any) -> bool:
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


def _decoded(body: bytes, route: Route) -> Posted:
    if route != "batch":
        said = _single.decode(body)
        if _is_deep(said.properties, said.traits, said.context, said.integrations):
            raise Malformed
        return Posted([said], writeKey=said.writeKey)
    posted = _batch.decode(body)
    if len(posted.batch) > MAX_EVENTS or _is_deep(posted.context, posted.integrations):
        raise Malformed
    return posted


def _whole(found: "re.Match[bytes]") -> bytes:
    return b"\\ufffd" if found["lone"] else found[0]
