"""Small signed cookies that belong to one visitor, beside the memory of who it is.

Each says whose it is. A browser changes hands (somebody resets, another person is identified, an
id is replaced), and what one visitor left must not be the next one's; so what belongs to somebody
else is absent. Who was anonymous and then said who they are is still the same.
"""

from collections.abc import Iterable
from typing import Final, Generic, TypeVar

import msgspec

from segment_identity.signing import Seal
from segment_identity.visitor import Visitor

Content = TypeVar("Content")

VERSION: Final = 1
# What decoding raises for bytes that are not what they should be.
_ILLEGIBLE: Final = (msgspec.DecodeError, ValueError, RecursionError)
_encoder: Final = msgspec.json.Encoder()


class Keepsake(msgspec.Struct, Generic[Content], frozen=True):
    """Something kept for a visitor, who had these ids when it was.

    *stale_key* says that a key signed it which will be gone one day.
    """

    anonymous_id: str
    user_id: str | None
    content: Content
    stale_key: bool = False

    def belongs_to(self, who: Visitor, short_lived: str | None = None) -> bool:
        """Tell whether *who* is that visitor; *short_lived* is another id of the same device."""
        if self.anonymous_id not in (who.anonymous_id, short_lived):
            return False
        return self.user_id is None or self.user_id == who.user_id

    def is_settled(self, who: Visitor) -> bool:
        """Tell whether it belongs to *who* as they are now, under the key of now."""
        same = self.anonymous_id == who.anonymous_id and self.user_id == who.user_id
        return same and not self.stale_key


class _Wire(msgspec.Struct, array_like=True, frozen=True):
    version: int
    anonymous_id: str
    user_id: str | None
    content: msgspec.Raw


def is_same(before: Visitor, after: Visitor) -> bool:
    """Tell whether *after* is the visitor that *before* was, who may have said who they are."""
    return before.anonymous_id in (None, after.anonymous_id) and before.user_id in (
        None,
        after.user_id,
    )


def dumps(keepsake: Keepsake[Content], seal: Seal) -> bytes:
    """Return the cookie value."""
    content = msgspec.Raw(_encoder.encode(keepsake.content))
    wire = _Wire(VERSION, keepsake.anonymous_id, keepsake.user_id, content)
    return seal.signed(_encoder.encode(wire))


def loads(tokens: Iterable[bytes], seal: Seal, kind: type[Content]) -> list[Keepsake[Content]]:
    """Return what the values of a cookie hold, in order.

    One that nobody with our keys signed, or that holds something else, is absent.
    """
    found: list[Keepsake[Content]] = []
    for token in tokens:
        opened = seal.opened(token[1:-1] if token[:1] == b'"' else token)
        if opened is None:
            continue
        try:
            wire = msgspec.json.decode(opened[0], type=_Wire)
            content = msgspec.json.decode(wire.content, type=kind)
        except _ILLEGIBLE:
            continue
        if wire.version == VERSION:
            found.append(Keepsake(wire.anonymous_id, wire.user_id, content, not opened[1]))
    return found


def mine(
    held: Iterable[Keepsake[Content]], who: Visitor, short_lived: str | None = None
) -> Keepsake[Content] | None:
    """Return the first that belongs to *who*."""
    for each in held:
        if each.belongs_to(who, short_lived):
            return each
    return None
