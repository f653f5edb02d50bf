"""What waits for one strand: in memory, or in the spool as well."""

import time
from collections import deque
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Protocol

import msgspec

from segment_identity.batching import USUAL, Most, batch_length, fits
from segment_identity.spooling import WINDOW


class Chunk(msgspec.Struct):
    """Events that were taken or stored together.

    *seqs* are their places in the spool, none if they are in memory alone, and *made* is when the
    youngest was stored (seconds since 1970); *events* is None while they are in the spool alone.
    """

    events: list[bytes] | None
    count: int
    size: int
    seqs: tuple[int, ...] = ()
    made: float = 0.0


class Reader(Protocol):
    """Where chunks that are not in memory are; the spool is one."""

    def load(self, seq: int) -> list[bytes]:
        """Return the events stored at *seq*, none if they are gone for good.

        Raises `Unavailable` if they cannot be read now.
        """


class Backlog:
    """The events of one strand that are ready to be delivered, oldest first.

    They leave in batches, of which none has more than *limit*.
    Every method but `loaded` wants the lane's lock held.
    """

    __slots__ = ("_chunks", "_limit", "_loose", "_window", "count", "since", "size")

    def __init__(self, limit: Most = USUAL) -> None:
        self._limit = limit
        # Chunks come first: they are older, or came back.
        self._chunks: deque[Chunk] = deque()
        self._loose: deque[bytes] = deque()
        # Bytes of stored events that are in memory as well.
        self._window = 0
        self.count = 0
        self.size = 0
        self.since = 0.0

    def put(self, event: bytes) -> None:
        """Add one event that is in memory alone."""
        size = len(event)
        if not self.count:
            self.since = time.monotonic()
        # In one go, for the sake of signals (see ledger): appending would be a call.
        self._loose += (event,)
        self.count += 1
        self.size += size

    def put_all(self, events: Collection[bytes], size: int) -> None:
        """Add events, *size* bytes in all, that are in memory alone."""
        if not self.count:
            self.since = time.monotonic()
        self._loose += events
        self.count += len(events)
        self.size += size

    def add(self, chunk: Chunk) -> None:
        """Add a chunk at the end."""
        if not self.count:
            self.since = time.monotonic()
        self._enter(chunk)
        last = self._chunks[-1] if self._chunks else None
        if last is not None and _go_together(last, chunk):
            # A long outage of a quiet app would otherwise be many small objects.
            self._chunks[-1] = _joined(last, chunk)
        else:
            self._chunks.append(chunk)

    def put_back(self, chunk: Chunk) -> None:
        """Add a chunk at the beginning.

        Its events stay in memory: they may be fewer than the spool has at its places, where some
        are delivered already.
        """
        self._count_in(chunk)
        self._chunks.appendleft(chunk)

    def expire(self, before: float) -> list[Chunk]:
        """Remove and return the stored chunks that are older than *before*."""
        expired = []
        while self._chunks and self._chunks[0].seqs and self._chunks[0].made < before:
            expired.append(self._leave())
        return expired

    def take(self) -> list[Chunk]:
        """Remove and return what makes the next batch: all of it in the spool, or none of it.

        The one may be left to the next process, the other may not.
        """
        taken: list[Chunk] = []
        count = size = 0
        while self._chunks:
            first = self._chunks[0]
            if not fits(count, size, first.count, first.size, self._limit):
                break
            if taken and bool(taken[-1].seqs) != bool(first.seqs):
                break
            chunk = self._leave()
            taken.append(chunk)
            count += chunk.count
            size += chunk.size
        if not taken:
            # A copy, as the handler of a signal may add to them meanwhile.
            some = list(islice(self._loose, self._limit.events))
            length = batch_length(map(len, some), self._limit)
            events = [self._loose.popleft() for _ in range(length)]
            taken.append(Chunk(events, length, sum(map(len, events))))
            self.count -= length
            self.size -= taken[0].size
        self.since = time.monotonic()
        return taken

    def _enter(self, chunk: Chunk) -> None:
        if chunk.seqs and self._window + chunk.size > WINDOW:
            chunk.events = None
        self._count_in(chunk)

    def _count_in(self, chunk: Chunk) -> None:
        self.count += chunk.count
        self.size += chunk.size
        if chunk.seqs and chunk.events is not None:
            self._window += chunk.size

    def _leave(self) -> Chunk:
        chunk = self._chunks.popleft()
        self.count -= chunk.count
        self.size -= chunk.size
        if chunk.seqs and chunk.events is not None:
            self._window -= chunk.size
        return chunk


def loaded(chunks: Sequence[Chunk], reader: Reader | None) -> Chunk:
    """Return *chunks* as one whose events are in memory."""
    if len(chunks) == 1 and chunks[0].events is not None:
        return chunks[0]
    events: list[bytes] = []
    seqs: list[int] = []
    made = max(chunk.made for chunk in chunks)
    for chunk in chunks:
        if chunk.events is not None:
            events += chunk.events
        else:
            assert reader is not None
            for seq in chunk.seqs:
                events += reader.load(seq)
        seqs += chunk.seqs
    return Chunk(events, len(events), sum(map(len, events)), tuple(seqs), made)


def _go_together(first: Chunk, second: Chunk) -> bool:
    """Tell whether both are in the spool alone, and not too many for one batch."""
    elsewhere = first.events is None and second.events is None
    return elsewhere and fits(first.count, first.size, second.count, second.size)


def _joined(first: Chunk, second: Chunk) -> Chunk:
    return Chunk(
        None,
        first.count + second.count,
        first.size + second.size,
        first.seqs + second.seqs,
        max(first.made, second.made),
    )
