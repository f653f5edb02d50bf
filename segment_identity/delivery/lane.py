"""One destination's own queue, order, threads and retries.

A tracking call only appends bytes to a queue under a lock that is never held over I/O; everything
else happens in the lane's own threads (see strand), so a dead destination delays no request and no
other lane. A destination that can be called from several threads says how many in `parallel`; each
visitor's events stay in one of them. With a spool, events pass through it before a strand sees them
(see segment_identity.spool).
"""

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence

from segment_identity import batching
from segment_identity.batching import Room
from segment_identity.circuit import Circuit
from segment_identity.delivery.accounts import Account, Fault
from segment_identity.delivery.backlog import Chunk
from segment_identity.delivery.ledger import Ledger
from segment_identity.delivery.sides import Keeper, Store
from segment_identity.delivery.strand import Strand
from segment_identity.destinations.naming import Named
from segment_identity.destinations.wishes import wishes
from segment_identity.logs import Throttle, logger


class Lane:
    """Delivers events to one destination."""

    def __init__(
        self,
        named: Named,
        *,
        room: Room,
        on_fault: Callable[[Fault], None],
        keeper: Keeper | None = None,
    ) -> None:
        self.name, self.destination, self.kept = named
        self._parallel, self.linger, self.limit = wishes(self.destination)
        self.store: Store | None = keeper
        self._keeper = keeper
        self._room = room
        self._on_fault = on_fault
        self._throttle = Throttle()
        self._start_afresh()
        _lanes.add(self)

    def _start_afresh(self) -> None:
        """Begin with nothing: at first, and in a forked child, whose parent keeps its events."""
        self.ledger = Ledger(self._room)
        self.circuit = Circuit()
        # When each of those who close it now wants it done; the most patient one decides.
        self._closers: list[float] = []
        self.deadline: float | None = None
        self.flushing = 0
        self._strands = [Strand(self, number) for number in range(self._parallel)]
        # With a keeper, what it has not taken yet.
        self._fresh: list[list[bytes]] = [[] for _ in self._strands]

    def put(self, event: bytes, key: str) -> bool:
        """Queue one encoded event of the visitor *key*; False, and counted, if there is no room.

        Never waits for more than the lock.
        """
        size = len(event)
        number = batching.strand(key, len(self._strands))
        ledger, keeper = self.ledger, self._keeper
        with ledger.lock:
            taken = ledger.accept(size, None if keeper is None else keeper.refusal(size))
            if taken and keeper is None:
                strand = self._strands[number]
                strand.backlog.put(event)
                strand.nudge()
            elif taken:
                self._fresh[number].append(event)
        if keeper is not None:
            keeper.wake()
        return taken

    def put_all(self, events: Sequence[bytes], keys: Sequence[str]) -> bool:
        """Queue events of these *keys*; none, and False, without room for all."""
        ledger, keeper, size = self.ledger, self._keeper, sum(map(len, events))
        parts = batching.by_strand(events, keys, len(self._strands))
        with ledger.lock:
            refusal = None if keeper is None else keeper.refusal(size)
            if not ledger.accept_all(len(events), size, refusal):
                return False
            for number, some in parts:
                if keeper is None:
                    strand = self._strands[number]
                    strand.backlog.put_all(some, sum(map(len, some)))
                    strand.nudge()
                else:
                    self._fresh[number] += some
        if keeper is not None:
            keeper.wake()
        return True

    def has_room(self, events: int, size: int) -> bool:
        """Tell whether so many events, *size* bytes in all, could be queued now."""
        if self._keeper is not None and self._keeper.refusal(size) is not None:
            return False
        with self.ledger.lock:
            return self.ledger.has_room(events, size)

    def refuse(self, reason: str) -> None:
        """Count one event that must not go this way."""
        with self.ledger.lock:
            self.ledger.refuse(reason)

    def gather(self) -> list[tuple[int, list[bytes]]]:
        """Hand over what no keeper has taken yet, by strand; it still counts as waiting."""
        empty: list[list[bytes]] = [[] for _ in self._strands]
        with self.ledger.lock:
            # In one go, for the sake of signals (see ledger).
            taken, self._fresh = self._fresh, empty
        return [(number, fresh) for number, fresh in enumerate(taken) if fresh]

    def add(self, number: int, chunk: Chunk, *, adopted: bool = False) -> None:
        """Let strand *number* deliver a chunk that was gathered (stored or not) or adopted."""
        with self.ledger.lock:
            if adopted:
                self.ledger.adopt(chunk.count)
            elif chunk.seqs:
                self.ledger.store(chunk.count)
                self.ledger.leave(chunk.count, chunk.size)
            strand = self._strands[number % len(self._strands)]
            strand.backlog.add(chunk)
            strand.nudge()

    def expire(self, before: float) -> tuple[int, ...]:
        """Drop stored events older than *before* (seconds since 1970); return their places."""
        with self.ledger.lock:
            expired = [chunk for each in self._strands for chunk in each.backlog.expire(before)]
            count = sum(chunk.count for chunk in expired)
            self.ledger.lose_stored("expired", count)
        self.tell_overflow()
        return tuple(seq for chunk in expired for seq in chunk.seqs)

    def adopt_lost(self, reason: str, count: int) -> None:
        """Count events that another process had stored and that nobody can deliver any more."""
        with self.ledger.lock:
            self.ledger.adopt(count)
            self.ledger.lose_stored(reason, count)
        self.tell_overflow()

    def is_stored(self) -> bool:
        """Tell whether all that was gathered, and still waits, is in the spool."""
        with self.ledger.lock:
            return self.ledger.is_stored(sum(map(len, self._fresh)))

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is pending; False if that took more than *timeout* seconds."""
        with self.ledger.lock:
            self.flushing += 1
            for strand in self._strands:
                strand.start()
                strand.wake()
            done = self.ledger.settled.wait_for(self._is_settled, timeout)
            self.flushing -= 1
            return done

    @contextlib.contextmanager
    def closing(self, until: float) -> Iterator[None]:
        """Have the threads end once nothing waits, or at *until* (seconds of a steady clock)."""
        with self.ledger.lock:
            self._closers.append(until)
            self.deadline = max(self._closers)
            self.wake_all()
        try:
            yield
        finally:
            with self.ledger.lock:
                self._closers.remove(until)
                self.deadline = max(self._closers, default=None)

    def ended(self, until: float) -> bool:
        """Wait until *until* for the threads to end; False if events are still waiting."""
        with self.ledger.lock:
            orphans = [strand for strand in self._strands if not strand.start()]
            threads = self._others()
            # Not joined at once: a signal's handler that closes may hold the lock they need, and
            # waiting for a condition lets go of it.
            left = max(0.0, until - time.monotonic())
            gone = self.ledger.settled.wait_for(lambda: not self._others(), left)
        for thread in threads if gone else ():
            thread.join(max(0.0, until - time.monotonic()))
        for strand in orphans:
            # The interpreter is exiting and starts no more threads; this one does the work.
            strand.run()
        with self.ledger.lock:
            return self._is_settled()

    @property
    def is_busy(self) -> bool:
        """Whether a thread delivers, not counting the one that asks."""
        return bool(self._others())

    @property
    def is_idle(self) -> bool:
        """Whether no thread uses the destination."""
        return all(strand.thread is None for strand in self._strands)

    def account(self) -> Account:
        """Return the counts as they are now."""
        with self.ledger.lock:
            return self.ledger.account()

    def forget(self) -> None:
        """Leave queues and threads to the parent of this forked process."""
        self._start_afresh()
        after_fork = getattr(self.destination, "after_fork", None)
        if after_fork is not None:
            after_fork()

    def wake_all(self) -> None:
        """Let every strand look again; wants the ledger's lock held."""
        for strand in self._strands:
            strand.wake()

    def tell_overflow(self) -> None:
        """Report events that found no room: here, and not in the call that recorded them."""
        with self.ledger.lock:
            overflow = self.ledger.overflow()
        for reason, count in overflow.items():
            self.tell(reason, count)

    def tell(self, reason: str, events: int, error: BaseException | None = None) -> None:
        """Report what happened to events, to the log and to the app."""
        # An error's text may quote events (SQLAlchemy's does), so only its kind is logged.
        kind = type(error).__name__ if error is not None else "limit reached"
        if self._throttle.allows(reason, time.monotonic()):
            logger.warning("destination %s: %s (%s, %d events)", self.name, reason, kind, events)
        self._on_fault(Fault(self.name, reason, events, error))

    def _others(self) -> list[threading.Thread]:
        """Return the threads that deliver, but for the one that asks."""
        threads = [strand.thread for strand in self._strands]
        return [each for each in threads if each not in (None, threading.current_thread())]

    def _is_settled(self) -> bool:
        return not self.ledger.pending


_lanes: weakref.WeakSet[Lane] = weakref.WeakSet()


def _after_fork() -> None:
    for lane in list(_lanes):
        lane.forget()


os.register_at_fork(after_in_child=_after_fork)
