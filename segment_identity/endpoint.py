"""Where a Segment-compatible Tracking API is, and how a batch is put to it (HTTP Tracking API)."""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from segment_identity.errors import ConfigurationError
from segment_identity.version import __version__

# The body of an answer tells nothing that the status does not, and may be endless.
MAX_ANSWER: Final = 64 * 1_024
# Below this a compressed body is hardly smaller.
MIN_GZIP: Final = 1_024
# A host name, an IPv4 address, or an IPv6 address in brackets.
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_WANTED: Final = "want 'https://WRITE_KEY@api.segment.io/v1'"


class Endpoint(msgspec.Struct, frozen=True):
    """One Tracking API; *origin* is scheme, host and port, *path* the way to `/batch`."""

    scheme: str
    host: str
    port: int
    path: str
    authorization: str

    def __repr__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}{self.path}"


def endpoint(url: str) -> Endpoint:
    """Read `https://WRITE_KEY@host/v1`; raises `ConfigurationError`, which never quotes the key.

    The write key is the user of HTTP Basic authentication. A password, which Segment leaves empty,
    is sent along, as Jitsu's keys have two parts.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        if port == 0:
            raise ValueError("no port")
    except ValueError as error:
        raise ConfigurationError(f"Segment was given a URL that is none; {_WANTED}") from error
    host = parts.netloc.rpartition("@")[2]
    host = host if host.endswith("]") else re.sub(r":[0-9]*$", "", host)
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
        raise ConfigurationError(f"Segment was given a URL without scheme or host; {_WANTED}")
    if parts.query or parts.fragment:
        raise ConfigurationError(
            f"Segment was given a URL with '?' or '#'; {_WANTED}, and options to Segment(…)"
        )
    key, secret = unquote(parts.username or ""), unquote(parts.password or "")
    if not key or ":" in key:
        raise ConfigurationError(f"Segment was given a URL without a write key; {_WANTED}")
    credentials = base64.b64encode(f"{key}:{secret}".encode()).decode()
    return Endpoint(
        parts.scheme,
        host,
        port or (443 if parts.scheme == "https" else 80),
        parts.path.rstrip("/").removesuffix("/batch") + "/batch",
        f"Basic {credentials}",
    )


def headers(target: Endpoint, retries: int, *, gzipped: bool) -> Mapping[str, str]:
    """Return the headers of one attempt, the one after *retries* others."""
    fields = {
        "Authorization": target.authorization,
        "Content-Type": "application/json",
        "User-Agent": f"segment_identity/{__version__}",
    }
    if gzipped:
        fields["Content-Encoding"] = "gzip"
    if retries:
        fields["X-Retry-Count"] = str(retries)
    return fields


def body(events: Sequence[bytes], sent_at: str) -> bytes:
    """Return the JSON that puts *events*, each a JSON object, in one batch."""
    # Joined in one go: putting a large text into another costs a tenth of a delivery.
    *most, last = events
    parts = [*most, last + b'],"sentAt":"' + sent_at.encode("ascii") + b'"}']
    parts[0] = b'{"batch":[' + parts[0]
    return b",".join(parts)
