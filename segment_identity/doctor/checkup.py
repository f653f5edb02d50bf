"""Visit an app as several browsers, and note what they got."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import urljoin, urlsplit

from segment_identity.logs import logger
from segment_identity.published_keys import PUBLISHED
from segment_identity.seen import Answer, Layer, Seen, covers, is_loopback
from segment_identity.signing import MemorySigner

Fetch = Callable[[str, Mapping[str, str]], Answer]

# A browser's own, as programs get no identity by themselves.
_BROWSER: Final = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Encoding": "identity",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "none",
}
_RETURNS: Final = 8
_SCRIPTS: Final = 10
_SCRIPT: Final = re.compile(r"<script[^>]*\ssrc=[\"']([^\"']+)", re.IGNORECASE)
_VERSION: Final = re.compile(r"=\"(1\.\d{1,3}\.\d{1,3})\"")


def examine(url: str, fetch: Fetch, *, layers: Callable[[], tuple[Layer, ...]] = tuple) -> Seen:
    """Visit *url* and return what was seen; *layers* is asked after the first visit."""
    first = fetch(url, _BROWSER)
    url = first.url
    second = fetch(url, _BROWSER)
    other = "https" if not first.is_https else "http"
    pretender = fetch(
        url, {**_BROWSER, "X-Forwarded-Proto": other, "X-Forwarded-For": "203.0.113.77"}
    )
    found = layers()
    return Seen(
        (first, second),
        tuple(_returns(url, first, fetch)),
        # In this process, and on this machine, it may be right to believe what a proxy says.
        None if found or is_loopback(first.host) else pretender,
        found,
        tuple(_scripts(first, fetch)),
        _key(first),
    )


def _returns(url: str, first: Answer, fetch: Fetch) -> Iterator[Answer]:
    """Come again and again with the cookies that a browser kept, if it kept any."""
    jar: dict[str, str] = {}
    answer = first
    for _ in range(_RETURNS):
        for each in answer.cookies:
            kept = answer.is_https or not each.secure or is_loopback(answer.host)
            if each.deletes:
                jar.pop(each.name, None)
            elif kept and covers(each.domain, answer.host):
                jar[each.name] = each.value
        # The page's script has heard what the server said.
        jar.pop("ajs_sync", None)
        if not jar:
            return
        header = "; ".join(f"{name}={value}" for name, value in jar.items())
        answer = fetch(url, {**_BROWSER, "Cookie": header})
        yield answer


def _scripts(page: Answer, fetch: Fetch) -> Iterator[str]:
    """Yield the versions of Analytics.js among the page's own scripts."""
    for source in _SCRIPT.findall(page.body)[:_SCRIPTS]:
        where = urljoin(page.url, source)
        if urlsplit(where).netloc == urlsplit(page.url).netloc:
            body = fetch(where, {**_BROWSER, "Sec-Fetch-Dest": "script"}).body
            found = _VERSION.search(body)
            if "ajs_anonymous_id" in body and found is not None:
                yield found[1]


def _key(page: Answer) -> str | None:
    """Return where the key stands that signed the identity, if everybody can read it."""
    cookie = page.cookie("ajs_identity")
    if cookie is None:
        return None
    for key, where in PUBLISHED.items():
        if MemorySigner([key.encode()]).loads(cookie.value.encode()) is not None:
            return where
    return None


class _Lines(logging.Handler):
    """Keeps each line once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what a record says."""
        self.lines[record.getMessage()] = None


@contextmanager
def listening() -> Iterator[dict[str, None]]:
    """Collect what this package logs while the block lasts."""
    handler = _Lines()
    logger.addHandler(handler)
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)
