"""Read and write the few cookies of an identity as bytes, exactly as Analytics.js does.

The standard library and Starlette are not used on purpose: their reader needs seconds for a long
run of backslashes on unpatched Pythons and keeps the last duplicate where browsers use the first;
their writer raises for non-ASCII ids and quotes in a way js-cookie does not read.
"""

import re
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote, unquote_to_bytes

import msgspec

YEAR: Final = 31_536_000
MAX_VALUE: Final = 4_096
# Of one name in one request, and of blanks before it; more is an attack, not a browser.
MAX_VALUES: Final = 64
MAX_BLANKS: Final = 64

_BLANK: Final = b" \t"
# What js-cookie leaves as it is, beside letters and digits.
_SAFE: Final = "-_.!~*'()#$&+/:<=>?@[]^`{|}"
# Texts that JSON.parse, which Analytics.js tries first, would turn into something else.
_LIKE_JSON: Final = re.compile(
    r"[ \t\r\n]*(?:-?[0-9]++(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null|[\"\[{].*)[ \t\r\n]*",
    re.DOTALL,
)
# Of ids and plain JSON only two characters need encoding.
_LITERAL: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.:{}"
_OF_JSON: Final = b'",'
# Marks what is no digit of a UUID; looking up 256 octets once is faster than 17 each time.
_NOT_OF_UUID: Final = bytes(each if each in b"0123456789abcdef-" else 0 for each in range(256))
_ENCODED_NAME: Final = re.compile(rb"(?:^|;)[ \t]*([A-Za-z0-9_%.-]{1,128})[ \t]*=")


def cookie_header(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Join all Cookie lines of a request; HTTP/2 may send many."""
    found = []
    for name, value in headers:
        if name == b"cookie":
            found.append(value)
    return found[0] if len(found) == 1 else b"; ".join(found)


def values(header: bytes, name: bytes) -> list[bytes]:
    """Return the values of every cookie called *name*, in order, in time linear in *header*.

    Names are exact and case-sensitive; only blanks and tabs are trimmed (RFC 6265 section 5.2), so
    no exotic white space can fake a prefix.
    """
    found: list[bytes] = []
    position = header.find(name)
    for _ in range(MAX_VALUES):
        if position < 0:
            break
        after = position + len(name)
        if position == 0 or _starts_pair(header, position):
            end = header.find(b";", after)
            rest = header[after : min(len(header) if end < 0 else end, after + MAX_VALUE + 64)]
            rest = rest.lstrip(_BLANK)
            if rest.startswith(b"=") and len(rest) <= MAX_VALUE:
                found.append(rest[1:].strip(_BLANK))
        position = header.find(name, after)
    return found


def _starts_pair(header: bytes, position: int) -> bool:
    """Tell whether only blanks lie between *position* and the `;` or start before it."""
    if header[position - 1] == 0x3B or header[position - 2 : position] == b"; ":
        return True
    before = header[max(0, position - MAX_BLANKS) : position].rstrip(_BLANK)
    return before.endswith(b";") or (not before and position < MAX_BLANKS)


def has_encoded_name(header: bytes, names: Iterable[str]) -> bool:
    """Tell whether one of *names* also comes percent-encoded, which js-cookie would read first."""
    if b"%" not in header:
        return False
    wanted = frozenset(names)
    return any(
        b"%" in name and unquote(name.decode("ascii")) in wanted
        for name in _ENCODED_NAME.findall(header[:16_384])
    )


def decode(raw: bytes) -> str | None:
    """Return the text js-cookie and Analytics.js read from *raw*, or None if it is not a text.

    One percent-decoding and one pair of quotes; then JSON strings (`%22…%22`, as Analytics.js 1.x
    wrote them) are opened, numbers keep their digits, and JSON objects and arrays are no text.
    """
    if raw[:1] == b'"':
        raw = raw[1:-1]
    try:
        text = (unquote_to_bytes(raw) if b"%" in raw else raw).decode()
    except UnicodeDecodeError:
        return None
    if text[:1] not in '"[{' or not text:
        return text
    try:
        parsed = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return parsed if isinstance(parsed, str) else None


def encode(text: str) -> bytes:
    """Return *text* as js-cookie writes it, JSON-quoted where Analytics.js would misread it."""
    octets = text.encode()
    if octets.translate(_NOT_OF_UUID) == octets and octets.count(b"-") == 4:
        # Nothing in it needs encoding, and no number has so many dashes.
        return octets
    if _LIKE_JSON.fullmatch(text):
        octets = msgspec.json.encode(text)
    return encode_raw(octets)


def encode_raw(octets: bytes) -> bytes:
    """Return a text in UTF-8 percent-encoded as js-cookie does."""
    others = octets.translate(None, _LITERAL)
    if not others:
        return octets
    if others.translate(None, _OF_JSON):
        return quote(octets, safe=_SAFE).encode("ascii")
    return octets.replace(b'"', b"%22").replace(b",", b"%2C")


class Attributes:
    """The unchanging parts of our Set-Cookie lines for one domain and one scheme."""

    __slots__ = (
        "_delete",
        "_delete_host_only",
        "_tail",
        "domain",
        "prefix",
        "script_ending",
        "secure",
    )

    def __init__(self, *, domain: str | None, secure: bool) -> None:
        self.domain = domain
        self.secure = secure
        where = b"; Path=/" + (b"; Domain=" + domain.encode("ascii") if domain else b"")
        rest = b"; SameSite=Lax" + (b"; Secure" if secure else b"")
        gone = b"=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        self._tail = where + rest
        self._delete = gone + where + rest
        self._delete_host_only = gone + b"; Path=/" + rest if domain else None
        # What follows a value where a script writes it; browsers do not care about case.
        self.script_ending = f"; Max-Age={YEAR}{self._tail.decode()}".replace(" ", "").lower()
        self.prefix = b"" if not secure else b"__Secure-" if domain else b"__Host-"

    def endings(self, now: float) -> tuple[bytes, bytes]:
        """Return what follows the value of a cookie that lives for a year from *now*.

        First for a cookie that scripts may read, then for one they may not.
        """
        return _endings(self._tail, int(now))

    def brief(self, now: float, seconds: int) -> bytes:
        """Return what follows the value of a cookie that no script reads, good for *seconds*."""
        return _lifetime(int(now), seconds) + self._tail + b"; HttpOnly"

    def delete(self, name: bytes) -> list[bytes]:
        """Return Set-Cookie values that remove *name*, in its domain and its host-only form."""
        lines = [name + self._delete]
        return lines if self._delete_host_only is None else [*lines, *self.delete_host_only(name)]

    def delete_host_only(self, name: bytes) -> list[bytes]:
        """Return what removes a host-only twin of *name* if ours are domain cookies."""
        return [] if self._delete_host_only is None else [name + self._delete_host_only]


@lru_cache(maxsize=16)
def _endings(tail: bytes, now: int) -> tuple[bytes, bytes]:
    plain = _lifetime(now, YEAR) + tail
    return plain, plain + b"; HttpOnly"


def _lifetime(now: int, seconds: int) -> bytes:
    expires = formatdate(now + seconds, usegmt=True)
    return f"; Max-Age={seconds}; Expires={expires}".encode("ascii")
