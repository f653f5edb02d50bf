"""The `ajs_sync` cookie: what the server tells the page's script about the identity.

The value is the identity itself, because a running Analytics.js may have rewritten the plain
cookies by the time the script reads them. *settled* means the server knows better (identify, reset,
a replaced id); otherwise the id is tentative (fresh, or restored) and an older one in the browser's
localStorage wins. When it does, the script answers by setting *replaced* to the id that lost. A
settled marker without any id says that consent was withdrawn: the page forgets everything.
"""

from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

import msgspec

from segment_identity import cookies


class Marker(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One identity as told to, or answered by, the script in the page."""

    anonymous_id: str | None = None
    user_id: str | None = None
    group_id: str | None = None
    settled: bool = False


class _Answer(msgspec.Struct, frozen=True):
    replaced: str


# What the decoder raises for the bytes of strangers; UnicodeDecodeError is a ValueError.
_ILLEGIBLE = (msgspec.DecodeError, ValueError, RecursionError)
_encoder = msgspec.json.Encoder()


def dumps(marker: Marker) -> bytes:
    """Return the cookie value: percent-encoded JSON."""
    return cookies.encode_raw(_encoder.encode(marker))


def loads(values: Sequence[bytes]) -> tuple[Marker | None, str | None]:
    """Return the standing marker and the id the browser says it replaced; both may be None."""
    for raw in values:
        text = raw if b"%" not in raw else unquote_to_bytes(raw)
        try:
            return None, msgspec.json.decode(text, type=_Answer).replaced
        except _ILLEGIBLE:
            pass
        try:
            found = msgspec.json.decode(text, type=Marker)
        except _ILLEGIBLE:
            continue
        if found.settled or found.anonymous_id is not None:
            return found, None
    return None, None
