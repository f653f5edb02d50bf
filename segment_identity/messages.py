"""Build the objects of the Segment Spec, in Segment's own words and camelCase."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec

from segment_identity.errors import InvalidCall
from segment_identity.jsonable import clean, iso
from segment_identity.visitor import Visitor

Kind = Literal["identify", "track", "page", "screen", "group", "alias"]
Message = dict[str, Any]

# Segment's limit for one event (bytes of JSON).
MAX_EVENT: Final = 32 * 1_024
_MAX_MESSAGE_ID: Final = 99
_PAGE_KEYS: Final = ("path", "referrer", "search", "title", "url")
# What `datetime` can say ends there, in seconds since 1970.
_YEAR_10000: Final = 253_402_300_800
_CONTROL: Final = "".join(map(chr, (*range(0x21), *range(0x7F, 0xA1))))
_object: Final = msgspec.json.Decoder(dict[str, Any]).decode
_FRACTIONS: Final = tuple(f".{milliseconds:03d}Z" for milliseconds in range(1_000))


def build(
    kind: Kind,
    visitor: Visitor,
    fields: Mapping[str, Any],
    *,
    context: Mapping[str, Any] | msgspec.Raw,
    integrations: Mapping[str, Any],
    message_id: str,
    timestamp: str,
) -> Message:
    """Return one message; *fields* are what only this kind of message has.

    What is encoded already goes in as `Raw`.
    """
    return {
        "type": kind,
        "messageId": message_id,
        "anonymousId": visitor.anonymous_id,
        "userId": visitor.user_id,
        "timestamp": timestamp,
        "originalTimestamp": timestamp,
        "context": context,
        "integrations": integrations,
        **fields,
    }


def page_fields(
    name: str | None,
    category: str | None,
    properties: Mapping[str, Any],
    context: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of a page call and its context.

    As in Analytics.js the properties start from the page itself, and properties named like its
    parts (path, url, title…) correct the page in the context.
    """
    given = context.get("page")
    page = given if isinstance(given, Mapping) else {}
    all_properties = {**page, **properties}
    if category is not None:
        all_properties["category"] = category
    if name:
        all_properties["name"] = name
    corrected = {**page, **{key: properties[key] for key in _PAGE_KEYS if key in properties}}
    fields = named_fields(name, category, all_properties)
    return fields, {**context, "page": corrected} if corrected else dict(context)


def named_fields(
    name: str | None, category: str | None, properties: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the fields of a page or screen call; absent ones are left out."""
    fields: dict[str, Any] = {}
    if category is not None:
        fields["category"] = category
    if name is not None:
        fields["name"] = name
    fields["properties"] = properties
    return fields


def in_group(context: Mapping[str, Any], group_id: str | None) -> Mapping[str, Any]:
    """Say in the context which group the visitor is in (Segment Spec: Common, groupId)."""
    return context if group_id is None else {**context, "groupId": group_id}


def moment(verb: str, given: object, now: float) -> str:
    """Return the time of a message; *given* may be a datetime, an ISO text or None for *now*."""
    if given is None:
        return instant(now)
    if isinstance(given, dt.datetime):
        try:
            return iso(given)
        except Exception:
            # A time zone is the app's own code.
            pass
    elif isinstance(given, str):
        try:
            return iso(dt.datetime.fromisoformat(given))
        except (ValueError, OverflowError):
            pass
    raise InvalidCall(
        f"{verb}() was given {type(given).__name__} as timestamp; "
        "want a datetime or a text such as '2026-01-31T12:00:00Z'"
    )


def new_message_id(now: float, unique: str) -> str:
    """Return a messageId, as Analytics.js makes them: the time in milliseconds and *unique*.

    With the time first, what comes together stands together in a warehouse's index of ids.
    """
    return f"{int(now * 1000)}-{unique}"


def checked_message_id(verb: str, given: object) -> str:
    """Return *given* as a messageId, which Segment wants shorter than 100 characters."""
    if isinstance(given, str) and is_message_id(given):
        return given
    raise InvalidCall(
        f"{verb}() was given {type(given).__name__} as message_id; "
        f"want a printable text of 1 to {_MAX_MESSAGE_ID} characters, unique for this message"
    )


def is_message_id(given: str) -> bool:
    """Tell whether *given* can be a messageId."""
    return 0 < len(given) <= _MAX_MESSAGE_ID and given.isprintable()


def checked_mapping(verb: str, name: str, given: object) -> Mapping[Any, Any]:
    """Return *given* if it is a mapping (None counts as empty)."""
    if given is None:
        return {}
    if type(given) is dict or isinstance(given, Mapping):
        return given
    raise InvalidCall(f"{verb}() was given {type(given).__name__} as {name}; want a mapping")


def checked_name(verb: str, name: str, given: object) -> str | None:
    """Return *given* if it is a text or None."""
    if given is None or isinstance(given, str):
        return None if given is None else clean(given)
    raise InvalidCall(f"{verb}() was given {type(given).__name__} as {name}; want a str")


def checked_event(given: object) -> str:
    """Return *given* if it can name an event; it is cleaned when it is encoded."""
    if isinstance(given, str) and given.strip(_CONTROL).strip():
        return given if type(given) is str else clean(given)
    shown = "a blank" if isinstance(given, str) else type(given).__name__
    raise InvalidCall(f"track() was given {shown} as event; want its name, such as 'Signed Up'")


def checked_time(given: object) -> float:
    """Return *given* if it is a time in seconds since 1970; raises `ValueError` if it is none."""
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if is_number and 0 <= given < _YEAR_10000:  # type: ignore[operator]
        return given  # type: ignore[return-value]
    raise ValueError("no time in seconds since 1970")


def instant(now: float) -> str:
    """Return a time, in seconds since 1970, as ISO 8601 in UTC with milliseconds."""
    return stamp(int(now * 1000))


def stamp(milliseconds: int) -> str:
    """Return a time, in whole milliseconds since 1970, as `instant` does."""
    return _second(milliseconds // 1000) + _FRACTIONS[milliseconds % 1000]


def order_key(message: Message) -> str:
    """Return what *message* has in common with all that must stay in order with it."""
    key: str = message["anonymousId"] or message["userId"] or message["messageId"]
    return key


def received(event: bytes, now: float) -> Message:
    """Read an encoded message as its receiver does, who stamps `sentAt` and `receivedAt`.

    Raises what `msgspec` raises if it is none.
    """
    message: Message = _object(event)
    stamp = instant(now)
    message.setdefault("sentAt", stamp)
    message.setdefault("receivedAt", stamp)
    return message


def is_sampled(message: Mapping[str, Any], rate: float) -> bool:
    """Tell whether the visitor of *message* is in the sample; all of one visitor is or is not."""
    who = message.get("anonymousId") or message.get("userId") or ""
    digest = hashlib.blake2b(str(who).encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest) < rate * 2**64


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
