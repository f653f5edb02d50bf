"""`Analytics`: takes messages from every thread and hands them to the destinations."""

import atexit
import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from segment_identity import context as contexts
from segment_identity import ids, options
from segment_identity.batching import Room
from segment_identity.delivery.accounts import Account, Fault, Stats, total
from segment_identity.delivery.diversion import is_diverted
from segment_identity.delivery.lane import Lane
from segment_identity.destinations.naming import named
from segment_identity.destinations.protocol import Destination
from segment_identity.detached import DetachedVisit
from segment_identity.entropy import new_uuid
from segment_identity.identity import Identity
from segment_identity.journal import Journal
from segment_identity.jsonable import Snapshot
from segment_identity.logs import Throttle, logger
from segment_identity.messages import MAX_EVENT, Message, checked_mapping, is_sampled
from segment_identity.sources import Sources
from segment_identity.visitor import Visitor

BeforeSend = Callable[[Message], Message | None]


class Analytics:
    """Sends what identities do to one or more destinations, without ever making a request wait.

    A destination is a URL (`sqlite:///analytics.db`, `memory:`, `console:`) or an object with
    `send(batch)` and `close()`. Each has its own queue, of at most *max_events* events and
    *max_bytes* bytes, and its own thread, so that a slow or dead one delays nobody else.

    *before_send* sees every message as a dict and returns it, changed or not, or None to drop it.
    *sample*, a number between 0 and 1, keeps all events of that share of visitors. *on_error* is
    called from a delivery thread with a `Fault`. Times are seconds.
    """

    @options.explained
    def __init__(
        self,
        *destinations: Destination | str,
        before_send: BeforeSend | None = None,
        sample: float | None = None,
        on_error: Callable[[Fault], None] | None = None,
        max_events: int = 10_000,
        max_bytes: int = 32 * 1_024 * 1_024,
        shutdown_timeout: float = 10.0,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = new_uuid,
    ) -> None:
        options.function("before_send", before_send)
        options.function("on_error", on_error)
        options.function("clock", clock, required=True)
        options.function("new_id", new_id, required=True)
        options.positive("max_events", max_events)
        options.positive("max_bytes", max_bytes)
        options.positive("shutdown_timeout", shutdown_timeout)
        options.fraction("sample", sample)
        self._before_send = before_send
        self._sample = sample
        self._on_error = on_error
        self._shutdown_timeout = shutdown_timeout
        self._start_counting()
        self._throttle = Throttle()
        self.journal = Journal(self._count_fault)
        self._sources = Sources(clock, new_id, self.journal)
        room = Room(max_events, max_bytes)
        self._lanes = [
            Lane(name, destination, room=room, on_fault=self._tell)
            for name, destination in named(destinations)
        ]
        _all.add(self)

    def _start_counting(self) -> None:
        """Begin at nothing: at first, and in a forked child."""
        self._lock = threading.Lock()
        self._dropped: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"Analytics({', '.join(lane.name for lane in self._lanes)})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def identity(
        self,
        *,
        user_id: str | int | None = None,
        anonymous_id: str | None = None,
        group_id: str | int | None = None,
        traits: Mapping[str, Any] | None = None,
        group_traits: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Identity:
        """Return a handle for use outside a request, for example in a job.

        Takes what `Identity.to_dict()` gave. Without an *anonymous_id* its messages carry a new
        one only if there is no *user_id* either.
        """
        snapshot = Snapshot()
        visitor = Visitor(
            None if anonymous_id is None else ids.given("identity", "anonymous_id", anonymous_id),
            None if user_id is None else ids.given("identity", "user_id", user_id),
            None if group_id is None else ids.given("identity", "group_id", group_id),
            snapshot.mapping(checked_mapping("identity", "traits", traits)),
            snapshot.mapping(checked_mapping("identity", "group_traits", group_traits)),
            touched=True,
        )
        given = snapshot.mapping(checked_mapping("identity", "context", context))
        library = {"library": contexts.LIBRARY, **given}
        return Identity(DetachedVisit(visitor, library, self._sources), self)

    def emit(self, message: Message) -> None:
        """Encode one message and queue it for every destination."""
        if self._sample is not None and not is_sampled(message, self._sample):
            return self.drop("sampled_out")
        event = msgspec.json.encode(message)
        if self._before_send is not None:
            changed = self._changed(event)
            if changed is None:
                return None
            event = changed
        if len(event) > MAX_EVENT:
            return self.drop("too_large")
        if is_diverted(event):
            return self.drop("captured")
        _open.add(self)
        key = message["anonymousId"] or message["userId"] or message["messageId"]
        for lane in self._lanes:
            lane.put(event, key)
        if _exiting.is_set():
            # Nobody else will come to deliver what is recorded this late.
            self.close()
        return None

    def drop(self, reason: str) -> None:
        """Count one event that goes nowhere."""
        with self._lock:
            self._dropped[reason] += 1
        if reason in _WORTH_A_LINE and self._throttle.allows(reason, time.monotonic()):
            logger.warning("an event was dropped: %s", reason)

    def _count_fault(self, reason: str) -> None:
        with self._lock:
            self._faults[reason] += 1

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until every event is delivered; False if that took more than *timeout* seconds."""
        until = time.monotonic() + timeout
        waits = [lane.flush(max(0.0, until - time.monotonic())) for lane in self._lanes]
        return all(waits)

    def close(self, timeout: float | None = None) -> bool:
        """Deliver what waits within *timeout* seconds and release everything that is open.

        Returns False if events are still waiting. An event recorded later opens things again.
        """
        until = time.monotonic() + (self._shutdown_timeout if timeout is None else timeout)
        waits = [lane.close(max(0.0, until - time.monotonic())) for lane in self._lanes]
        for lane, empty in zip(self._lanes, waits, strict=True):
            if not empty:
                waiting = lane.account().pending
                logger.warning("destination %s: %d events still wait", lane.name, waiting)
                continue
            try:
                lane.destination.close()
            except Exception as error:
                self.journal.report("close", error)
        if all(waits):
            _open.discard(self)
        return all(waits)

    def stats(self) -> Stats:
        """Return the counts of all events, which add up at every moment."""
        with self._lock:
            capture = Account(self._dropped.total(), dropped=dict(self._dropped))
            faults = dict(self._faults)
        return total({lane.name: lane.account() for lane in self._lanes}, capture, faults)

    def _changed(self, event: bytes) -> bytes | None:
        """Let `before_send` see a copy, so that what it changes reaches this message only."""
        assert self._before_send is not None
        try:
            changed = self._before_send(msgspec.json.decode(event))
            if changed is None:
                self.drop("before_send")
                return None
            if not isinstance(changed, Mapping):
                raise TypeError("before_send returned no message")
            return msgspec.json.encode(Snapshot().mapping(changed))
        except Exception as error:
            self.drop("before_send_failed")
            self.journal.report("before_send", error)
            return None

    def _tell(self, fault: Fault) -> None:
        if self._on_error is None:
            return
        try:
            self._on_error(fault)
        except Exception as error:
            self.journal.report("on_error", error)


_all: weakref.WeakSet[Analytics] = weakref.WeakSet()
# Those that may have something to deliver; kept alive until they have.
_open: set[Analytics] = set()
_exiting = threading.Event()


def _at_exit() -> None:
    _exiting.set()
    for each in tuple(_open):
        each.close()


def _after_fork() -> None:
    _open.clear()
    for each in list(_all):
        each._start_counting()


# Registered when this is imported, so that it runs after what the app registers later.
atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork)

_WORTH_A_LINE: Final = frozenset({"too_large"})
