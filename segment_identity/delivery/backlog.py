"""What waits for one strand: in memory, or in the spool as well."""

import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import msgspec

from segment_identity.batching import batch_length, fits


class Chunk(msgspec.Struct):
    """Events that were taken or stored together.

    *seqs* are their places in the spool, none if they are in memory alone; *events* is None while
    they are in the spool alone.
    """

    events: list[bytes] | None
    count: int
    size: int
    seqs: tuple[int, ...] = ()


class Reader(Protocol):
    """Where chunks that are not in memory are; the spool is one."""

    def load(self, seq: int) -> list[bytes]:
        """Return the events stored at *seq*."""


class Backlog:
    """The events of one strand that are ready to be delivered, oldest first.

    Every method but `loaded` wants the lane's lock held.
    """

    __slots__ = ("_chunks", "_loose", "count", "since", "size")

    def __init__(self) -> None:
        # Chunks come first: they are older, or came back.
        self._chunks: deque[Chunk] = deque()
        self._loose: deque[bytes] = deque()
        self.count = 0
        self.size = 0
        self.since = 0.0

    def put(self, event: bytes) -> None:
        """Add one event that is in memory alone."""
        if not self.count:
            self.since = time.monotonic()
        self._loose.append(event)
        self.count += 1
        self.size += len(event)

    def add(self, chunk: Chunk) -> None:
        """Add a chunk at the end."""
        if not self.count:
            self.since = time.monotonic()
        self._chunks.append(chunk)
        self.count += chunk.count
        self.size += chunk.size

    def put_back(self, chunk: Chunk) -> None:
        """Add a chunk at the beginning."""
        self._chunks.appendleft(chunk)
        self.count += chunk.count
        self.size += chunk.size

    def take(self) -> list[Chunk]:
        """Remove and return what makes the next batch."""
        taken: list[Chunk] = []
        count = size = 0
        while self._chunks and fits(count, size, self._chunks[0].count, self._chunks[0].size):
            chunk = self._chunks.popleft()
            taken.append(chunk)
            count += chunk.count
            size += chunk.size
        if not taken:
            length = batch_length(map(len, self._loose))
            events = [self._loose.popleft() for _ in range(length)]
            count, size = length, sum(map(len, events))
            taken.append(Chunk(events, count, size))
        self.count -= count
        self.size -= size
        self.since = time.monotonic()
        return taken


def loaded(chunks: Sequence[Chunk], reader: Reader | None) -> Chunk:
    """Return *chunks* as one whose events are in memory."""
    if len(chunks) == 1 and chunks[0].events is not None:
        return chunks[0]
    events: list[bytes] = []
    seqs: list[int] = []
    for chunk in chunks:
        if chunk.events is not None:
            events += chunk.events
        else:
            assert reader is not None
            for seq in chunk.seqs:
                events += reader.load(seq)
        seqs += chunk.seqs
    return Chunk(events, len(events), sum(map(len, events)), tuple(seqs))
