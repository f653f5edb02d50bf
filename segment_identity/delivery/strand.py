"""One thread that brings events to a destination, in order.

How this works
--------------
A strand takes what waits as one batch and hands it to the destination. What fails for the world's
reasons is tried again after a pause that all strands of the lane share (see circuit); what fails
for its own is split until the culprit stands alone and is buried. A batch is finished before the
next one begins, so the events of one visitor, who is always in the same strand, stay in order.

The thread starts with the first event and not before, because threads do not survive a fork. It
ends when the lane is closed and nothing waits; an event that comes later starts another. So closing
is not a state: nothing that is recorded after it is lost.
"""

import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from segment_identity import batching, circuit, retry, spooling
from segment_identity.batching import Most
from segment_identity.delivery.backlog import Backlog, Chunk, loaded
from segment_identity.delivery.sides import Lane
from segment_identity.errors import Unauthorized, Unavailable

_ANYTHING: Final = Most(0, 0)
# What a dead letter is that cannot be written.
_LOST: Final = "dead_letter_lost"
# Seconds until a spool that could not be read is tried again.
_READ_AGAIN: Final = 0.5


class Strand:
    """Delivers the events of some visitors from a thread of its own."""

    def __init__(self, lane: Lane, number: int) -> None:
        self.number = number
        self.backlog = Backlog(lane.limit)
        self.thread: threading.Thread | None = None
        self._lane = lane
        self._ledger = lane.ledger
        self._changed = threading.Condition(lane.ledger.lock)
        # What must wait before it is worth waking the thread; None while it does not sleep.
        self._sleeps_until: Most | None = None

    def nudge(self) -> None:
        """Let the thread know that something waits; wants the lock held."""
        wanted = self._sleeps_until
        if wanted is not None and batching.is_full(self.backlog.count, self.backlog.size, wanted):
            self._sleeps_until = None
            self._changed.notify()
        elif self.thread is None:
            self.start()

    def wake(self) -> None:
        """Let the thread look again; wants the lock held."""
        self._changed.notify()

    def start(self) -> bool:
        """Start the thread if there is work and none yet; False if there is no thread to be had."""
        if self.thread is not None or not self.backlog.count:
            return True
        name = f"segment_identity {self._lane.name}"
        thread = threading.Thread(target=self.run, name=name, daemon=True)
        if self.thread is not None:
            # A signal's handler recorded an event in the middle of this.
            return True
        # Known before it starts, for the same reason.
        self.thread = thread
        try:
            thread.start()
        except RuntimeError:
            # None now; the events wait and the next one tries again.
            self.thread = None
            return False
        return True

    def run(self) -> None:
        """Deliver until the lane is closed."""
        while chunks := self._take():
            self._lane.tell_overflow()
            opened = self._open(chunks)
            if opened is None or not self._deliver(opened):
                return

    def _take(self) -> list[Chunk]:
        """Wait for the next batch; empty when the lane is closed and nothing waits."""
        lane, backlog = self._lane, self.backlog
        with self._ledger.lock:
            while True:
                now = time.monotonic()
                closing = lane.deadline is not None
                if closing and (not backlog.count or self._is_late(now)):
                    self._leave()
                    return []
                wait: float | None = None
                if backlog.count:
                    linger = 0.0 if closing or lane.flushing else lane.linger
                    age = now - backlog.since
                    wait = batching.patience(backlog.count, backlog.size, age, linger, lane.limit)
                if wait == 0:
                    break
                self._sleeps_until = lane.limit if backlog.count else _ANYTHING
                self._changed.wait(wait)
                self._sleeps_until = None
            chunks = backlog.take()
            for chunk in chunks:
                if not chunk.seqs:
                    self._ledger.leave(chunk.count, chunk.size)
            return chunks

    def _open(self, chunks: list[Chunk]) -> Chunk | None:
        """Bring what is in the spool alone into memory, and count what is there no more.

        None if the spool cannot be read now and closing leaves no time; they all wait again.
        """
        while True:
            try:
                opened = loaded(chunks, self._lane.store)
                break
            except Unavailable as error:
                self._lane.tell("spool", sum(chunk.count for chunk in chunks), error)
            with self._ledger.lock:
                # What cannot be read now may be the next moment; only time ends it.
                self._changed.wait(_READ_AGAIN)
                if self._is_late(time.monotonic()):
                    for chunk in reversed(chunks):
                        self.backlog.put_back(chunk)
                        if not chunk.seqs:
                            self._ledger.come_back(chunk.count, chunk.size)
                    self._leave()
                    return None
        lost = sum(chunk.count for chunk in chunks) - opened.count
        store = self._lane.store
        if lost and store is not None:
            reason = store.fate(opened.seqs)
            with self._ledger.lock:
                self._ledger.lose_stored(reason, lost)
            self._lane.tell_overflow()
        if not opened.events and opened.seqs and store is not None:
            store.remove(opened.seqs)
        return opened

    def _deliver(self, chunk: Chunk) -> bool:
        """Bring one batch to an end; False if closing left no time, and it waits again."""
        assert chunk.events is not None
        # A chunk was stored whole, perhaps with more events than the destination takes at once.
        rest = list(spooling.batches(chunk.events, self._lane.limit))[::-1]
        attempts = 0
        while rest:
            turn = self._turn(durable=bool(chunk.seqs))
            if turn is None:
                self._put_back(chunk, rest)
                return False
            if turn.most is not None and len(rest[-1]) > turn.most:
                events = rest.pop()
                rest += [events[turn.most :], events[: turn.most]]
            events = rest[-1]
            began = time.monotonic()
            try:
                # A list of its own, as a destination may empty it.
                self._lane.destination.send(list(events))
            except BaseException as error:
                # Even SystemExit: what it ends is this thread, and with it all deliveries.
                attempts += 1
                if retry.verdict(error, attempts) == "split":
                    attempts = 0
                    rest.pop()
                    self._got_through(began)
                    self._split(events, rest, error, chunk)
                else:
                    self._failed(error, began, len(events))
            else:
                attempts = 0
                rest.pop()
                self._got_through(began)
                self._done(chunk, len(events), self._ledger.deliver, last=not rest)
        return True

    def _turn(self, *, durable: bool) -> circuit.Turn | None:
        """Wait until this strand may send; None once the time to close in has run out.

        What is durable need not wait for a destination that is down: the next process sends it.
        """
        lane = self._lane
        with self._ledger.lock:
            while True:
                now = time.monotonic()
                turn = circuit.turn(lane.circuit, now)
                if turn.wait == 0:
                    lane.circuit = circuit.begun(lane.circuit)
                    return turn
                if lane.deadline is None:
                    self._changed.wait(turn.wait)
                elif durable or self._is_late(now):
                    return None
                else:
                    left = lane.deadline - now
                    self._changed.wait(left if turn.wait is None else min(turn.wait, left))

    def _is_late(self, now: float) -> bool:
        return self._lane.deadline is not None and now >= self._lane.deadline

    def _failed(self, error: BaseException, began: float, events: int) -> None:
        """Make the whole lane pause."""
        lane, hard = self._lane, isinstance(error, Unauthorized)
        with self._ledger.lock:
            pause = retry.pause(error, lane.circuit.failures, random.random())
            now = time.monotonic()
            lane.circuit = circuit.failed(lane.circuit, began, now, pause, hard=hard)
            lane.wake_all()
        lane.tell("unauthorized" if hard else "retrying", events, error)

    def _got_through(self, began: float) -> None:
        """Note that the destination answers."""
        lane = self._lane
        if lane.circuit.failures:
            with self._ledger.lock:
                lane.circuit = circuit.succeeded(lane.circuit, began)
                lane.wake_all()

    def _split(
        self, events: list[bytes], rest: list[list[bytes]], error: BaseException, chunk: Chunk
    ) -> None:
        if len(events) > 1:
            middle = len(events) // 2
            rest += [events[middle:], events[:middle]]
            return
        lane, ledger = self._lane, self._ledger
        kept = lane.store is None or lane.store.bury(lane.name, lane.kept.name, events[0], error)
        end = ledger.bury if kept else partial(ledger.lose, _LOST, told=True)
        self._done(chunk, 1, end, last=not rest)
        lane.tell("dead_lettered" if kept else _LOST, 1, error)

    def _done(self, chunk: Chunk, count: int, end: Callable[[int], None], *, last: bool) -> None:
        """Count events that came to an *end*; the last of a chunk takes it out of the spool."""
        if last and chunk.seqs:
            assert self._lane.store is not None
            self._lane.store.remove(chunk.seqs)
        with self._ledger.lock:
            if chunk.seqs:
                self._ledger.store(-count)
            end(count)

    def _put_back(self, chunk: Chunk, rest: list[list[bytes]]) -> None:
        events = [event for part in reversed(rest) for event in part]
        size = sum(map(len, events))
        with self._ledger.lock:
            self.backlog.put_back(Chunk(events, len(events), size, chunk.seqs, chunk.made))
            if not chunk.seqs:
                self._ledger.come_back(len(events), size)
            self._leave()

    def _leave(self) -> None:
        """Note that this thread ends; wants the lock held."""
        self.thread = None
        self._ledger.settled.notify_all()
