"""`Analytics`: takes messages from every thread and hands them to the destinations."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Self

from segment_identity import batching, detached, options
from segment_identity.before_send import BeforeSend, Hook
from segment_identity.circuit import Circuit
from segment_identity.consent import Consent
from segment_identity.delivery import processes
from segment_identity.delivery.accounts import Account, Fault, Stats, total
from segment_identity.delivery.diversion import is_diverted
from segment_identity.delivery.lane import Lane
from segment_identity.delivery.lanes import Lanes
from segment_identity.destinations.naming import named
from segment_identity.destinations.protocol import Destination
from segment_identity.entropy import new_uuid
from segment_identity.identity import Identity
from segment_identity.ids import Id
from segment_identity.journal import Journal
from segment_identity.jsonable import encoded
from segment_identity.logs import Throttle, logger
from segment_identity.messages import MAX_EVENT, Message, is_sampled, order_key
from segment_identity.sources import Sources
from segment_identity.spool.spool import Spool

# Why an event is dropped, where somebody should look into it.
_LOGGED: Final = frozenset({"too_large", "queue_full"})


class Analytics:
    """Sends what identities do to one or more destinations, without ever making a request wait.

    A destination is a URL (`sqlite:///analytics.db`, `memory:`, `console:`) or an object with
    `send(batch)` and `close()`. Each has its own queue, of at most *max_events* events (10,000
    unless given) and *max_bytes* bytes, and its own threads, so that a slow or dead one delays
    nobody else.

    With *spool*, a folder, events are on disk until they are delivered, so that neither a killed
    process nor an outage loses them; a `segment_identity.spool.Spool` has more options. The queue
    is then only the way into it, and *max_bytes* alone bounds it unless *max_events* is given.

    *categories* gives a destination, by its name in `stats()`, the consent categories it needs.
    *before_send* sees every message as a dict and returns it, changed or not, or None to drop it.
    *sample*, a number between 0 and 1, keeps all events of that share of visitors. *on_error* is
    called from a delivery thread with a `Fault`. Times are seconds.
    """

    @options.explained
    def __init__(
        self,
        *destinations: Destination | str,
        spool: str | os.PathLike[str] | Spool | None = None,
        categories: Mapping[str, str | Collection[str]] | None = None,
        before_send: Hook | None = None,
        sample: float | None = None,
        on_error: Callable[[Fault], None] | None = None,
        max_events: int | None = None,
        max_bytes: int = 32 * 1_024 * 1_024,
        shutdown_timeout: float = 10.0,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = new_uuid,
    ) -> None:
        options.function("before_send", before_send)
        options.function("on_error", on_error)
        options.function("clock", clock, required=True)
        options.function("new_id", new_id, required=True)
        options.positive("max_events", 1 if max_events is None else max_events)
        options.positive("max_bytes", max_bytes)
        options.positive("shutdown_timeout", shutdown_timeout)
        options.fraction("sample", sample)
        self._sample = sample
        self._on_error = on_error
        self._shutdown_timeout = shutdown_timeout
        # Shown every event in the call that records it, so they must be quick and never raise.
        self.watchers: list[Callable[[bytes], None]] = []
        self.forget()
        self._throttle = Throttle()
        self.journal = Journal(self._count_fault)
        self._before_send = before_send and BeforeSend(before_send, self.drop, self.journal)
        self.sources = Sources(clock, new_id, self.journal)
        self._spool = spool if spool is None or isinstance(spool, Spool) else Spool(spool)
        room = batching.room(max_events, max_bytes, spooled=self._spool is not None)
        lanes = [
            Lane(each, room=room, on_fault=self._tell, keeper=self._spool)
            for each in named(destinations, spooled=self._spool is not None)
        ]
        needed = options.categories(categories, [lane.name for lane in lanes])
        self._lanes = Lanes(lanes, needed)
        if self._spool is not None:
            self._spool.attach(lanes, self.journal.report)
        processes.enter(self)

    def forget(self) -> None:
        """Begin counting at nothing: at first, and in a forked child."""
        # As with a lane's ledger: a signal's handler may find it held by its own thread.
        self._lock = threading.RLock()
        self._dropped: defaultdict[str, int] = defaultdict(int)
        self._faults: defaultdict[str, int] = defaultdict(int)

    def __repr__(self) -> str:
        return f"Analytics({', '.join(lane.name for lane in self._lanes)})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def identity(
        self,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        group_id: Id | None = None,
        traits: Mapping[str, Any] | None = None,
        group_traits: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        consent: Consent = None,
    ) -> Identity:
        """Return a handle for use outside a request, for example in a job.

        Takes what `Identity.to_dict()` gave. Without an *anonymous_id* its messages carry a new
        one only if there is no *user_id* either. With *consent* False nothing is recorded.
        """
        visit = detached.visit(
            self.sources,
            user_id=user_id,
            anonymous_id=anonymous_id,
            group_id=group_id,
            traits=traits,
            group_traits=group_traits,
            context=context,
            consent=consent,
        )
        return detached.DetachedIdentity(visit, self)

    def emit(self, message: Message) -> bytes | None:
        """Encode one message and queue it everywhere; None if it goes nowhere, which is counted."""
        event = self.passed(message)
        if event is not None:
            self.queue((event,), (order_key(message),))
        return event

    def passed(self, message: Message, event: bytes | None = None) -> bytes | None:
        """Return a message, encoded unless *event* is it already, as all destinations may have it.

        None, and counted, if it goes nowhere.
        """
        if self._sample is not None and not is_sampled(message, self._sample):
            self.drop("sampled_out")
            return None
        event = encoded(message) if event is None else event
        passed = event if self._before_send is None else self._before_send.changed(event)
        if passed is not None and len(passed) > MAX_EVENT:
            self.drop("too_large")
            return None
        return passed

    def queue(
        self, events: Sequence[bytes], keys: Sequence[str], only: Collection[str] | None = None
    ) -> Mapping[int, Sequence[str]]:
        """Queue what `passed`, with the keys of its order, everywhere or at *only* some.

        Returns the destinations without room, by the place of the event that they lack.
        """
        if is_diverted(events):
            self.drop("captured", len(events))
            return {}
        for watch in self.watchers if only is None else ():
            for event in events:
                watch(event)
        full = self._lanes.put(events, keys, only)
        if not processes.must_close(self):
            self.close()
        return full

    def has_room(self, events: int, size: int) -> bool:
        """Tell whether any destination could queue so many events, *size* bytes in all."""
        return self._lanes.has_room(events, size)

    def drop(self, reason: str, count: int = 1) -> None:
        """Count an event that goes nowhere, or several."""
        with self._lock:
            self._dropped[reason] += count
        if reason in _LOGGED and self._throttle.allows(reason, time.monotonic()):
            logger.warning("an event was dropped: %s", reason)

    def _count_fault(self, reason: str) -> None:
        with self._lock:
            self._faults[reason] += 1

    def start(self) -> None:
        """Deliver what earlier processes left in the spool, before anything new is recorded.

        The middleware calls this when the app starts up; the first event does, too.
        """
        if self._spool is not None:
            self._spool.start()

    def store(self) -> bool:
        """Put every event recorded so far into the spool, now; False if that cannot be done.

        Waits for the disk, unlike a verb. What is stored survives a killed process.
        """
        return self._spool is not None and self._spool.store()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until every event is delivered; False if that took more than *timeout* seconds."""
        until = time.monotonic() + options.seconds("flush", timeout)
        self.store()
        waits = [lane.flush(max(0.0, until - time.monotonic())) for lane in self._lanes]
        return all(waits)

    def close(self, timeout: float | None = None) -> bool:
        """Deliver what waits within *timeout* seconds and release everything that is open.

        Returns False if events are still waiting. An event recorded later opens things again.
        """
        given = self._shutdown_timeout if timeout is None else timeout
        until = time.monotonic() + options.seconds("close", given)
        is_done = self._lanes.end(until, self.store)
        if self._spool is not None:
            self._spool.close()
        # Before looking at what waits: an event that comes meanwhile must be closed for again.
        processes.closed(self)
        is_safe = self._lanes.release(self.journal.report)
        if not is_safe or self._lanes.is_busy(until):
            processes.must_close(self)
        return is_done

    def circuits(self) -> dict[str, Circuit]:
        """Return what is known of each destination's failures."""
        return {lane.name: lane.circuit for lane in self._lanes}

    def stats(self) -> Stats:
        """Return the counts of all events, which add up at every moment."""
        with self._lock:
            dropped, faults = dict(self._dropped), dict(self._faults)
        capture = Account(sum(dropped.values()), dropped=dropped)
        return total({lane.name: lane.account() for lane in self._lanes}, capture, faults)

    def _tell(self, fault: Fault) -> None:
        if self._on_error is not None:
            try:
                self._on_error(fault)
            except BaseException as error:
                self.journal.report("on_error", error)
