"""The latest events of this process, and a stream of those to come (server-sent events)."""

import asyncio
import os
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from segment_identity.event_stream import UP_TO_DATE

_KEPT: Final = 200
# A browser that reads too slowly misses what is beyond this.
_WAITING: Final = 500
_HEARTBEAT: Final = 15.0


class Watch:
    """Keeps the latest events, and wakes whoever streams them; called from any thread."""

    def __init__(self) -> None:
        self.begin()
        _all.add(self)

    def begin(self) -> None:
        """Begin with nothing: at first, and in a forked child, whose parent has who listens."""
        # Reentrant, as a signal's handler may record an event in the middle of this.
        self._lock = threading.RLock()
        self._number = 0
        self._latest: deque[tuple[int, bytes]] = deque(maxlen=_KEPT)
        self._listeners: set[Listener] = set()

    def __call__(self, event: bytes) -> None:
        """Take note of one event."""
        with self._lock:
            self._number += 1
            numbered = (self._number, event)
            self._latest.append(numbered)
            listeners = tuple(self._listeners)
        for each in listeners:
            each.hear(numbered)

    def listen(self, after: int = 0) -> "Listener":
        """Return a stream of what came *after* that number and what is to come."""
        listener = Listener(asyncio.get_running_loop())
        with self._lock:
            # A number beyond ours is that of an earlier process.
            since = after if after <= self._number else 0
            for numbered in self._latest:
                if numbered[0] > since:
                    listener.waiting.append(numbered)
            self._listeners.add(listener)
        return listener

    def forget(self, listener: "Listener") -> None:
        """Stop telling *listener*."""
        with self._lock:
            self._listeners.discard(listener)

    @property
    def streams(self) -> int:
        """How many listen."""
        return len(self._listeners)


_all: weakref.WeakSet[Watch] = weakref.WeakSet()


def _after_fork() -> None:
    for watch in list(_all):
        watch.begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Listener:
    """One browser that watches."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.waiting: deque[tuple[int, bytes]] = deque(maxlen=_WAITING)
        self._loop = loop
        self._more = asyncio.Event()

    def hear(self, numbered: tuple[int, bytes]) -> None:
        """Take one event, from any thread."""
        self.waiting.append(numbered)
        try:
            self._loop.call_soon_threadsafe(self._more.set)
        except RuntimeError:
            # Its loop has ended, and it with it.
            return

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield events as a browser's EventSource wants them (HTML Standard, 9.2)."""
        yield b"retry: 2000\n\n"
        is_new = False
        while True:
            while self.waiting:
                number, event = self.waiting.popleft()
                # The event is one line, as JSON escapes every line break.
                yield b"id: %d\ndata: %b\n\n" % (number, event)
            if not is_new:
                is_new = True
                yield UP_TO_DATE + b"\n\n"
            self._more.clear()
            if self.waiting:
                continue
            try:
                await asyncio.wait_for(self._more.wait(), _HEARTBEAT)
            except TimeoutError:
                yield b": still here\n\n"
