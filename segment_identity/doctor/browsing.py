"""Ask a server as a browser would."""

import http.client
import ssl
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from segment_identity.errors import ConfigurationError, Unavailable
from segment_identity.seen import Answer

_MOST: Final = 2_000_000
_REDIRECTS: Final = 5
_TIMEOUT: Final = 10.0


def checked(url: str) -> str:
    """Return *url* if a browser could open it."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            "doctor was given no address it can open; want https://host/path or module:app"
        )
    return url


def fetch(url: str, headers: Mapping[str, str]) -> Answer:
    """Open *url*, following redirects; `Unavailable` if nobody answers."""
    for _ in range(_REDIRECTS):
        answer = _ask(url, headers)
        where = next((value for name, value in answer.headers if name == "location"), None)
        if where is None or not 300 <= answer.status < 400:
            return answer
        url = checked(urljoin(url, where))
    return answer


def connection(parts: SplitResult, timeout: float) -> http.client.HTTPConnection:
    """Return a connection, not yet open, to the host of a checked URL."""
    assert parts.hostname is not None
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    return http.client.HTTPSConnection(
        parts.hostname, parts.port, timeout=timeout, context=ssl.create_default_context()
    )


def _ask(url: str, headers: Mapping[str, str]) -> Answer:
    parts = urlsplit(url)
    connect = connection(parts, _TIMEOUT)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connect.request("GET", path, headers=dict(headers))
        response = connect.getresponse()
        body = response.read(_MOST).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(f"{parts.hostname} does not answer ({type(error).__name__})") from error
    finally:
        connect.close()
    pairs = tuple((name.lower(), value) for name, value in response.getheaders())
    return Answer(url, response.status, pairs, body)
