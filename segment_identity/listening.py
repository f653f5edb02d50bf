"""Follow the events of a running app, as its inspector streams them."""

import http.client
import queue
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from segment_identity import retry
from segment_identity.doctor.browsing import connection
from segment_identity.errors import ConfigurationError, Unauthorized, Unavailable
from segment_identity.event_stream import Heard, heard
from segment_identity.inspector.access import COOKIE
from segment_identity.messages import Message
from segment_identity.tails import Wanted

# Seconds: four times what passes between two signs of life; and how soon a wish to stop is seen.
_SILENCE: Final = 60.0
_LOOK: Final = 0.2
_WAITING: Final = 1_000
_SCHEMES: Final = ("http", "https")


def is_inspector(url: str) -> bool:
    """Tell whether *url* may be the address of an inspector."""
    return url.lower().startswith(tuple(f"{each}://" for each in _SCHEMES))


def listen(
    url: str,
    wanted: Wanted,
    *,
    token: str | None,
    last: int,
    follow: bool,
    waiting: Callable[[str], None] | None,
    stop: threading.Event,
) -> Iterator[Message]:
    """Return the *last* events that the inspector at *url* knows of, and then each new one.

    The *token* is sent as a browser sends it, in a cookie, so that no log of addresses has it.
    While the app is away it is asked again, and *waiting* is told.
    """
    return _followed(_Ear(url, token), wanted, deque(maxlen=last), follow, waiting, stop)


def _followed(
    ear: "_Ear",
    wanted: Wanted,
    first: deque[Message],
    follow: bool,
    waiting: Callable[[str], None] | None,
    stop: threading.Event,
) -> Iterator[Message]:
    failures, number, is_new = 0, 0, False
    while not stop.is_set():
        try:
            with closing(ear.open(number)) as stream:
                for each in stream.until(stop):
                    failures, number = 0, each.number
                    if each.data is None:
                        yield from first
                        first.clear()
                        is_new = True
                        if not follow:
                            return
                        continue
                    message = msgspec.json.decode(each.data)
                    if message in wanted and is_new:
                        yield message
                    elif message in wanted:
                        first.append(message)
        except Unavailable as error:
            if isinstance(error, Unauthorized) or not (follow and is_new):
                raise
            failures += 1
            if failures == 1 and waiting is not None:
                waiting(str(error))
            stop.wait(retry.delay(failures, 0.5))


class _Ear:
    """Opens the stream of an inspector."""

    def __init__(self, url: str, token: str | None) -> None:
        self._parts = _checked(url)
        self._headers = {"Accept": "text/event-stream"}
        if token is not None:
            if not (token.isascii() and token.isprintable()):
                raise ConfigurationError("the token was given unprintable; want the inspector's")
            cookie: SimpleCookie = SimpleCookie({COOKIE: token})
            self._headers["Cookie"] = f"{COOKIE}={cookie[COOKIE].coded_value}"

    def open(self, after: int) -> "_Stream":
        """Return the stream of what came *after* that number; raises `Unavailable`."""
        host = self._parts.hostname
        opened = connection(self._parts, _SILENCE)
        try:
            headers = {**self._headers, "Last-Event-ID": str(after)}
            opened.request("GET", self._parts.path.rstrip("/") + "/stream", headers=headers)
            wire = opened.sock
            response = opened.getresponse()
            kind = response.getheader("content-type", "")
            if response.status == 404:
                raise Unauthorized(
                    f"{host} has no inspector there, or none for who comes without its token"
                )
            if response.status != 200 or not kind.startswith("text/event-stream"):
                raise Unavailable(f"{host} answers {response.status} where its inspector should be")
        except (OSError, http.client.HTTPException) as error:
            opened.close()
            raise Unavailable(f"{host} does not answer ({type(error).__name__})") from error
        except Unavailable:
            opened.close()
            raise
        return _Stream(str(host), opened, wire, response)


class _Stream:
    """One answer, read by a thread of its own, as who reads cannot be told to stop."""

    def __init__(
        self, host: str, opened: http.client.HTTPConnection, wire: Any, lines: Any
    ) -> None:
        self._host, self._opened, self._wire, self._lines = host, opened, wire, lines
        self._heard: queue.Queue[Heard | None] = queue.Queue(_WAITING)
        self._reader = threading.Thread(target=self._read, name="inspector", daemon=True)
        self._reader.start()

    def until(self, stop: threading.Event) -> Iterator[Heard]:
        """Yield what is heard until *stop*; raises `Unavailable` when the other side ends it."""
        while not stop.is_set():
            with suppress(queue.Empty):
                each = self._heard.get(timeout=_LOOK)
                if each is None:
                    raise Unavailable(f"{self._host} has ended the stream")
                yield each

    def close(self) -> None:
        """Hang up."""
        with suppress(OSError):
            self._wire.shutdown(socket.SHUT_RDWR)
        while self._reader.is_alive():
            with suppress(queue.Empty):
                self._heard.get_nowait()
            self._reader.join(0.01)
        self._lines.close()
        self._opened.close()

    def _read(self) -> None:
        with suppress(OSError, http.client.HTTPException, ValueError):
            for each in heard(self._lines):
                self._heard.put(each)
        self._heard.put(None)


def _checked(url: str) -> SplitResult:
    """Return the parts of an inspector's address, which must not hold its token."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.username or parts.fragment:
        raise ConfigurationError(
            "tail was given no address of an inspector; want http://host/inspector, "
            "and its token apart, as addresses are written to logs"
        )
    return parts
