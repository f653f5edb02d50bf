"""What every verb takes besides its own arguments (Segment Spec: Common Fields)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypedDict

import msgspec

from segment_identity import ids, messages
from segment_identity.errors import InvalidCall
from segment_identity.ids import Id
from segment_identity.jsonable import Snapshot


class Common(TypedDict, total=False):
    """Keyword arguments of every verb.

    *context* is laid over the request's own; *timestamp* is a datetime (a naive one is UTC) or an
    ISO 8601 text; *anonymous_id* replaces the stored one, as in Analytics.js. With *browser* the
    next page makes the call again there, for destinations that live in the browser; whoever sits
    at it can read what the call says.
    """

    context: Mapping[str, Any] | None
    integrations: Mapping[str, Any] | None
    timestamp: datetime | str | None
    message_id: str | None
    anonymous_id: Id | None
    browser: bool


class Call(msgspec.Struct, frozen=True, gc=False):
    """The checked common arguments of one call."""

    context: Mapping[str, Any]
    integrations: Mapping[str, Any]
    timestamp: str
    message_id: str
    anonymous_id: str | None
    browser: bool = False


_NAMES = frozenset(Common.__annotations__)


def bare(now: float, unique: str) -> Call:
    """Return a call without common arguments; *unique* tells it from all others."""
    return Call({}, {}, messages.instant(now), messages.new_message_id(now, unique), None)


def known(verb: str, given: Common) -> None:
    """Raise `InvalidCall` for a keyword that no verb has."""
    unknown = given.keys() - _NAMES
    if unknown:
        raise InvalidCall(
            f"{verb}() was given {min(unknown)!r}; besides its own arguments it takes "
            + ", ".join(sorted(_NAMES))
        )


def checked(
    verb: str, given: Common, snapshot: Snapshot, now: float, new_id: Callable[[], str]
) -> Call:
    """Check the common arguments of one call to *verb*; raises `InvalidCall`."""
    if not given:
        return bare(now, new_id())
    known(verb, given)
    message_id = given.get("message_id")
    if message_id is None:
        message_id = messages.new_message_id(now, new_id())
    else:
        message_id = messages.checked_message_id(verb, message_id)
    anonymous_id = given.get("anonymous_id")
    browser = given.get("browser", False)
    if not isinstance(browser, bool):
        raise InvalidCall(f"{verb}() was given {type(browser).__name__} as browser; want a bool")
    return Call(
        _mapping(verb, "context", given.get("context"), snapshot),
        _mapping(verb, "integrations", given.get("integrations"), snapshot),
        messages.moment(verb, given.get("timestamp"), now),
        message_id,
        None if anonymous_id is None else ids.given(verb, "anonymous_id", anonymous_id),
        browser,
    )


def _mapping(verb: str, name: str, given: object, snapshot: Snapshot) -> Mapping[str, Any]:
    if given is None:
        return {}
    return snapshot.mapping(messages.checked_mapping(verb, name, given), kept=False)
