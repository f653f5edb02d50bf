"""Read from one message what it says of people: when, which ids, and which traits."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from segment_identity.happened import corrected
from segment_identity.kinds import instant_of

# Its type and moment; its anonymousId, userId and previousId, whatever they are; and its traits.
Claim = tuple[str, str, object, object, object, object]

_KINDS: Final = frozenset("identify track page screen group alias".split())
_LENGTH: Final = len("2026-01-31T12:00:00.000Z")
_ORIGIN: Final = "0001-01-01T00:00:00.000Z"


def claim(message: Mapping[str, Any]) -> Claim | None:
    """Return what *message* says; None if it is none of the Segment Spec."""
    kind, get = message.get("type"), message.get
    if not isinstance(kind, str) or kind not in _KINDS or not isinstance(get("messageId"), str):
        return None
    ids = get("anonymousId"), get("userId"), get("previousId")
    return (kind, moment(message), *ids, get("traits"))


def moment(message: Mapping[str, Any]) -> str:
    """Return the time and messageId of *message* as a text that sorts as they do."""
    return moment_of(_time(message), message["messageId"])


def moment_of(time: str, message_id: str) -> str:
    """Return a time and a messageId as one text."""
    return f"{time}|{message_id}".replace("\x00", "")


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
