"""A shared cache in front of an app, as RFC 9111 (and RFC 9213, for CDNs) has it.

How this works
--------------
It stores every GET that it may: of a status that is cacheable by default, and neither `no-store`
nor `private`. Cookies keep nothing from being stored (section 7.3), neither those that were sent
nor those that were set, and the latter are stored, too. A stored response is found by its path and
by what its Vary names (section 4.1), and served while it is fresh, by Last-Modified if nothing else
says for how long (section 4.2). When it is not, or says `no-cache`, the app is asked (section 4.3);
the headers of a 304 replace those that are stored (section 3.2).
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from httpx2 import Client

Headers = list[tuple[str, str]]

_BY_DEFAULT: Final = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
# What is about one connection (section 3.1), and what the server here writes itself.
_OF_ONE_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "date", "server"})


@dataclass
class Stored:
    """One response as it is kept, and what the request said in the fields that its Vary names."""

    varied: dict[str, str | None]
    status: int
    headers: Headers
    body: bytes
    since: float

    def header(self, name: str) -> str | None:
        """Return all values of one name, joined."""
        found = [value for key, value in self.headers if key == name]
        return ", ".join(found) if found else None


def directives(stored: Stored) -> dict[str, str]:
    """Return what the response tells a shared cache; what is for CDNs counts before the rest."""
    text = stored.header("cdn-cache-control") or stored.header("cache-control") or ""
    pairs = (part.strip().partition("=") for part in text.split(","))
    return {name.lower(): value.strip('"') for name, _, value in pairs if name}


def may_store(stored: Stored) -> bool:
    """Tell whether a shared cache may keep it (section 3)."""
    said = directives(stored)
    # `private="field"` keeps one field from being stored, and not the response.
    is_private = "private" in said and not said["private"]
    return stored.status in _BY_DEFAULT and "no-store" not in said and not is_private


def lasts(stored: Stored) -> float:
    """Return how many seconds it is fresh (section 4.2.1)."""
    said = directives(stored)
    for name in ("s-maxage", "max-age"):
        if said.get(name, "").isdigit():
            return float(said[name])
    expires, modified = stored.header("expires"), stored.header("last-modified")
    if expires is not None:
        return parsedate_to_datetime(expires).timestamp() - stored.since
    if modified is not None:
        return (stored.since - parsedate_to_datetime(modified).timestamp()) / 10
    return 0.0


class SharedCache(ThreadingHTTPServer):
    """The proxy; *origin* is the URL of the app."""

    daemon_threads = True

    def __init__(self, origin: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        # A client of one's own would keep cookies, which a proxy passes on.
        none = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self.origin = Client(base_url=origin, cookies=none, verify=False)
        self.stored: dict[str, list[Stored]] = {}
        self.hits = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def server_close(self) -> None:
        """Close what is open."""
        super().server_close()
        self.origin.close()

    def answer(self, path: str, request: dict[str, str]) -> Stored:
        """Return a response from the store or from the app."""
        known = self._found(path, request)
        if known is not None and not self._must_ask(known):
            self.hits += 1
            return known
        headers = {name: value for name, value in request.items() if name not in _OF_ONE_HOP}
        if known is not None and known.header("etag") is not None:
            headers["if-none-match"] = known.header("etag") or ""
        got = self.origin.get(path, headers=headers)
        fresh = Stored({}, got.status_code, _of_response(got.headers.multi_items()), b"", 0.0)
        if known is not None and fresh.status == 304:
            names = {name for name, _ in fresh.headers}
            known.headers = [pair for pair in known.headers if pair[0] not in names] + fresh.headers
            known.since = time.time()
            self.hits += 1
            return known
        fresh.body, fresh.since = got.content, time.time()
        vary = fresh.header("vary") or ""
        named = [name.strip().lower() for name in vary.split(",") if name.strip()]
        fresh.varied = {name: request.get(name) for name in named}
        if may_store(fresh) and "*" not in named:
            self.stored.setdefault(path, []).append(fresh)
        return fresh

    def _found(self, path: str, request: dict[str, str]) -> Stored | None:
        for each in reversed(self.stored.get(path, [])):
            if all(request.get(name) == value for name, value in each.varied.items()):
                return each
        return None

    def _must_ask(self, known: Stored) -> bool:
        return "no-cache" in directives(known) or time.time() - known.since >= lasts(known)


class _Handler(BaseHTTPRequestHandler):
    """Hands requests over."""

    server: SharedCache
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        request = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.answer(self.path, request)
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def _of_response(headers: Iterable[tuple[str, str]]) -> Headers:
    return [(name.lower(), value) for name, value in headers if name.lower() not in _OF_ONE_HOP]
