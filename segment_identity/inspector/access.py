"""Judge who may look: this machine alone, or who has the token.

How this works
--------------
Without a token only this machine may look, and being reached from 127.0.0.1 does not show that: a
proxy on this machine passes on the whole world, and says so in its headers, and a page of another
site can have the browser ask a name that leads here (DNS rebinding), and says so in `Host`.
"""

import hmac
import ipaddress
from collections.abc import Mapping
from typing import Final

COOKIE: Final = "segment_identity_inspector"
PARAMETER: Final = "token"

_FORWARDED: Final = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via")
_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")


def is_local(peer: str | None, headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether a request was made on this machine, and for it."""
    if any(name in headers for name in _FORWARDED):
        return False
    host = headers.get(b"host", b"").decode("latin-1").lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return _is_loopback(peer) and name in _NAMES


def _is_loopback(peer: str | None) -> bool:
    try:
        return peer is not None and ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


def is_token(given: str | None, token: str) -> bool:
    """Tell whether *given* is the token, in a time that does not depend on how much of it is."""
    return given is not None and hmac.compare_digest(given.encode(), token.encode())
