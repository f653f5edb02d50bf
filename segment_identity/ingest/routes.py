"""Which path of the Tracking API takes what (Segment: HTTP Tracking API, and its browser's)."""

from collections.abc import Mapping
from typing import Final, Literal

from segment_identity.messages import Kind

# A single message of one kind; several of any kind; or what is answered and thrown away.
Route = Kind | Literal["batch", "metrics"]

_ROUTES: Final[Mapping[str, Route]] = {
    "i": "identify",
    "t": "track",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
    "b": "batch",
    "m": "metrics",
    "identify": "identify",
    "track": "track",
    "page": "page",
    "screen": "screen",
    "group": "group",
    "alias": "alias",
    "batch": "batch",
    "import": "batch",
}

# Segment's limits for the body of one request, in bytes.
_MAX_SINGLE: Final = 32 * 1_024
_MAX_BATCH: Final = 500 * 1_024


def route(path: str, root_path: str) -> Route | None:
    """Return what *path*, as ASGI gives it, takes; None if there is no such path.

    Under a mount *path* begins with *root_path*. SDKs add `/v1` to the host they are given, which
    may say so already, and some begin with two slashes.
    """
    inner = path[len(root_path) :] if root_path and path.startswith(root_path) else path
    return _ROUTES.get(inner.strip("/").removeprefix("v1").strip("/"))


def limit(taken: Route) -> int:
    """Return how many bytes the body of a request to this route may have."""
    return _MAX_BATCH if taken in ("batch", "metrics") else _MAX_SINGLE
