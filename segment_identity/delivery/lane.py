"""One destination's own queue and thread.

How this works
--------------
A tracking call only appends bytes to a queue under a lock that is never held over I/O. The lane's
thread takes batches and hands them to the destination, in order, one at a time. A destination that
fails is asked again after a growing pause, which delays no other lane and no request.

The thread starts with the first event and not before, because threads do not survive a fork. It
ends when the lane is closed and nothing waits; an event that comes later starts another. So close()
is not a state: nothing that is recorded after it is lost.

Every count changes under the same lock as the queue, so the account adds up whenever it is read.
"""

import os
import random
import threading
import time
import weakref
from collections import Counter, deque
from collections.abc import Callable, Sequence

from segment_identity import retry
from segment_identity.batching import Room, batch_length
from segment_identity.delivery.accounts import Account, Fault
from segment_identity.destinations.protocol import Destination
from segment_identity.logs import Throttle, logger


class Lane:
    """Delivers events to one destination from a thread of its own."""

    def __init__(
        self,
        name: str,
        destination: Destination,
        *,
        room: Room,
        on_fault: Callable[[Fault], None],
    ) -> None:
        self.name = name
        self.destination = destination
        self._room = room
        self._on_fault = on_fault
        self._throttle = Throttle()
        self._start_afresh()
        _lanes.add(self)

    def _start_afresh(self) -> None:
        """Begin with nothing: at first, and in a forked child, whose parent keeps its events."""
        self._changed = threading.Condition(threading.Lock())
        self._queue: deque[bytes] = deque()
        self._size = 0
        self._in_flight = 0
        self._overflow = 0
        self._accepted = self._delivered = self._dead = 0
        self._dropped: Counter[str] = Counter()
        self._thread: threading.Thread | None = None
        self._waiting = False
        self._deadline: float | None = None

    def put(self, event: bytes) -> None:
        """Queue one encoded event, or count it as dropped if the queue is full."""
        with self._changed:
            self._accepted += 1
            if not self._room.has_room(len(self._queue), self._size, len(event)):
                self._dropped["queue_full"] += 1
                self._overflow += 1
                return
            self._queue.append(event)
            self._size += len(event)
            if self._waiting:
                self._changed.notify_all()
            elif self._thread is None:
                self._start_thread()

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is pending; False if that took more than *timeout* seconds."""
        with self._changed:
            if self._queue and self._thread is None:
                self._start_thread()
            return self._changed.wait_for(self._is_empty, timeout)

    def close(self, timeout: float) -> bool:
        """Deliver what is pending within *timeout* seconds, then end the thread."""
        until = time.monotonic() + timeout
        with self._changed:
            self._deadline = until
            thread = self._thread or (self._start_thread() if self._queue else None)
            is_left = thread is None and bool(self._queue)
            self._changed.notify_all()
        if thread is not None:
            thread.join(timeout)
        elif is_left:
            # The interpreter is exiting and starts no more threads; this one does the work.
            self._run()
        with self._changed:
            self._deadline = None
            return self._is_empty()

    def account(self) -> Account:
        """Return the counts as they are now."""
        with self._changed:
            return Account(
                self._accepted,
                self._delivered,
                dict(self._dropped),
                self._dead,
                len(self._queue) + self._in_flight,
            )

    def forget(self) -> None:
        """Leave queue and thread to the parent of this forked process."""
        self._start_afresh()
        after_fork = getattr(self.destination, "after_fork", None)
        if after_fork is not None:
            after_fork()

    def _is_empty(self) -> bool:
        return not self._queue and not self._in_flight

    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _start_thread(self) -> threading.Thread | None:
        thread = threading.Thread(
            target=self._run, name=f"segment_identity {self.name}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            # No thread to be had now; the events wait and the next one tries again.
            return None
        self._thread = thread
        return thread

    def _run(self) -> None:
        while batch := self._take():
            self._report_overflow()
            if not self._deliver(batch):
                return

    def _take(self) -> list[bytes]:
        """Wait for the next batch; empty when the lane is closed and nothing waits."""
        with self._changed:
            while not self._queue or self._is_late():
                if self._deadline is not None:
                    self._thread = None
                    return []
                self._waiting = True
                self._changed.wait()
                self._waiting = False
            length = batch_length(map(len, self._queue))
            batch = [self._queue.popleft() for _ in range(length)]
            self._size -= sum(map(len, batch))
            self._in_flight = length
            return batch

    def _deliver(self, batch: Sequence[bytes]) -> bool:
        """Bring one batch to an end; False if closing left no time, and it waits again."""
        rest = [list(batch)]
        attempts = 0
        while rest:
            events = rest[-1]
            try:
                self.destination.send(events)
            except BaseException as error:
                # Even SystemExit: what it ends is this thread, and with it all deliveries.
                attempts += 1
                if retry.verdict(error, attempts) == "split":
                    attempts = 0
                    rest.pop()
                    self._split(events, rest, error)
                else:
                    self._report("retrying", len(events), error)
                    if not self._pause(retry.delay(attempts - 1, random.random())):
                        self._put_back(rest)
                        return False
            else:
                attempts = 0
                rest.pop()
                self._done(len(events), delivered=True)
        return True

    def _split(self, events: list[bytes], rest: list[list[bytes]], error: BaseException) -> None:
        if len(events) > 1:
            middle = len(events) // 2
            rest += [events[middle:], events[:middle]]
            return
        self._done(1, delivered=False)
        self._report("dead_lettered", 1, error)

    def _done(self, count: int, *, delivered: bool) -> None:
        with self._changed:
            self._in_flight -= count
            if delivered:
                self._delivered += count
            else:
                self._dead += count
            if self._is_empty():
                self._changed.notify_all()

    def _pause(self, seconds: float) -> bool:
        """Wait before the next attempt; False once the time to close in has run out."""
        until = time.monotonic() + seconds
        with self._changed:
            while True:
                now = time.monotonic()
                end = until if self._deadline is None else min(until, self._deadline)
                if now >= end:
                    return self._deadline is None or now < self._deadline
                self._changed.wait(end - now)

    def _put_back(self, rest: list[list[bytes]]) -> None:
        with self._changed:
            for events in rest:
                self._queue.extendleft(reversed(events))
                self._size += sum(map(len, events))
            self._in_flight = 0
            self._thread = None

    def _report_overflow(self) -> None:
        """Tell of events that found no room, here and not in the call that recorded them."""
        with self._changed:
            overflow, self._overflow = self._overflow, 0
        if overflow:
            self._report("queue_full", overflow)

    def _report(self, reason: str, events: int, error: BaseException | None = None) -> None:
        # An error's text may quote events (SQLAlchemy's does), so only its kind is logged.
        kind = type(error).__name__ if error is not None else "limit reached"
        if self._throttle.allows(reason, time.monotonic()):
            logger.warning("destination %s: %s (%s, %d events)", self.name, reason, kind, events)
        self._on_fault(Fault(self.name, reason, events, error))


_lanes: weakref.WeakSet[Lane] = weakref.WeakSet()


def _after_fork() -> None:
    for lane in list(_lanes):
        lane.forget()


os.register_at_fork(after_in_child=_after_fork)
