"""What a Kafka record says of the event it holds: whose it is, and whether it is one at all."""

from typing import Any, Final, get_args

import msgspec

from segment_identity.messages import Kind

# A tuple, because what is looked for in it may be unhashable.
_KINDS: Final[tuple[str, ...]] = get_args(Kind)


class _Ids(msgspec.Struct, frozen=True, rename="camel"):
    anonymous_id: Any = None
    user_id: Any = None
    message_id: Any = None


_ids: Final = msgspec.json.Decoder(_Ids)


def key(event: bytes) -> bytes | None:
    """Return the key that puts all events of one visitor in one partition, and so in order.

    That is the anonymousId, else the userId, else the messageId; None if *event* has none.
    """
    try:
        ids = _ids.decode(event)
    except (msgspec.DecodeError, RecursionError):
        return None
    for each in (ids.anonymous_id, ids.user_id, ids.message_id):
        if isinstance(each, str) and each:
            return each.encode("utf-8", "surrogatepass")
    return None


def flaw(value: bytes | None) -> str | None:
    """Say why the *value* of a record is no message of the Segment Spec, or None if it is one."""
    if not value:
        return "empty"
    try:
        message = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "not_json"
    if not isinstance(message, dict):
        return "not_an_object"
    if message.get("type") not in _KINDS:
        return "unknown_type"
    identifier = message.get("messageId")
    return None if isinstance(identifier, str) and identifier else "no_message_id"
