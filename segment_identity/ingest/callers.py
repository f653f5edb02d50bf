"""Judge who posts: a page of this site, a page of another one, an app, a server (RFC 6454, Fetch).

How this works
--------------
A browser says where a request comes from, and no script can change that: `Sec-Fetch-Site`, and
`Origin` on every POST. A page of another site can post here, with this site's cookies on the way;
so a browser's request counts only from this site itself or from an origin that was listed. A
neighbouring subdomain is not this site.

Who sends neither is no browser, and needs a key. A *write key* is in every copy of an app, so it
names a source and proves nothing: its bearer is believed as much as a browser, which is that
there is a device. A *secret key* is a server's own, and its bearer may say who did what.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Collection, Mapping
from typing import Any, Final, Literal
from urllib.parse import unquote_to_bytes

import msgspec

# "public" may claim a device and nobody; "secret" is believed.
Trust = Literal["public", "secret"]
# Who is "unknown" may still have a key in the body.
Standing = Trust | Literal["unknown", "refused"]

_MAX_KEY: Final = 256
_MAX_AUTHORIZATION: Final = 1_024
_REQUESTED: Final = re.compile(rb"[A-Za-z0-9, _-]{1,512}")
_QUERY_KEY: Final = re.compile(rb"(?:^|&)writeKey=([^&]{1,256})")

Headers = Mapping[bytes, bytes]


class Keys(msgspec.Struct, frozen=True):
    """The keys that are known; texts of bytes."""

    write: frozenset[bytes] = frozenset()
    secret: frozenset[bytes] = frozenset()

    def __repr__(self) -> str:
        return "<Keys>"

    def trust(self, given: Collection[bytes]) -> Trust | None:
        """Return how far the bearer of any of the *given* keys is trusted."""
        if _holds(self.secret, given):
            return "secret"
        return "public" if _holds(self.write, given) else None


def standing(headers: Headers, query: bytes, keys: Keys, origins: Collection[bytes]) -> Standing:
    """Return how a request stands by its head alone."""
    # Node's fetch names a mode, but never a site.
    if b"sec-fetch-site" in headers or b"origin" in headers:
        return "public" if _may_post(headers, origins) else "refused"
    return keys.trust(given_keys(headers, query)) or "unknown"


def _may_post(headers: Headers, origins: Collection[bytes]) -> bool:
    """Tell whether the page that made a browser send this may do so."""
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site is not None and site.strip() == b"same-origin":
        return True
    if origin is None:
        return False
    # Browsers of old, and any over plain http, do not say how far away the page is.
    return origin in origins or (site is None and _is_own(origin, headers.get(b"host", b"")))


def given_keys(headers: Headers, query: bytes) -> list[bytes]:
    """Return the keys in a request's head: the user of Basic authentication, a bearer, `writeKey`.

    Segment's SDKs end the user with a colon, and older ones do not; Jitsu's keys go on after it.
    """
    keys = [unquote_to_bytes(each) for each in _QUERY_KEY.findall(query[:4_096])]
    scheme, _, said = headers.get(b"authorization", b"")[: _MAX_AUTHORIZATION + 1].partition(b" ")
    said = said.strip()
    if len(said) > _MAX_AUTHORIZATION:
        return keys
    if scheme.lower() == b"bearer":
        keys.append(said)
    elif scheme.lower() == b"basic":
        try:
            plain = base64.b64decode(said, validate=True)
        except binascii.Error:
            return keys
        keys += [plain, plain.partition(b":")[0]]
    return keys


def body_key(said: Any) -> list[bytes]:
    """Return the key in a body, if it has one."""
    if type(said) is str and 0 < len(said) <= _MAX_KEY:
        return [said.encode("utf-8", "replace")]
    return []


def cors(headers: Headers, origins: Collection[bytes]) -> list[tuple[bytes, bytes]]:
    """Return what lets a listed page read the answer; nothing for all others."""
    origin = headers.get(b"origin")
    if not origins:
        return []
    if origin is None or origin not in origins:
        return [(b"vary", b"Origin")]
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"Retry-After"),
        (b"vary", b"Origin"),
    ]


def preflight(headers: Headers, origins: Collection[bytes]) -> list[tuple[bytes, bytes]]:
    """Return what, besides `cors`, lets a listed page post at all."""
    if headers.get(b"origin") not in origins:
        return []
    allowed = [
        (b"access-control-allow-methods", b"POST"),
        (b"access-control-max-age", b"7200"),
    ]
    asked = headers.get(b"access-control-request-headers", b"")
    if _REQUESTED.fullmatch(asked):
        allowed.append((b"access-control-allow-headers", asked))
    return allowed


def _is_own(origin: bytes, host: bytes) -> bool:
    scheme, _, authority = origin.lower().partition(b"://")
    # The scheme is not compared, as a proxy that ends https says http from then on.
    port = {b"https": b":443", b"http": b":80"}.get(scheme)
    if port is None or not authority:
        return False
    return authority.removesuffix(port) == host.lower().removesuffix(port)


def _holds(known: Collection[bytes], given: Collection[bytes]) -> bool:
    """Compare every key with every other, so that the time taken tells nothing of them."""
    found = False
    for each in given:
        for key in known:
            found |= hmac.compare_digest(key, each)
    return found
