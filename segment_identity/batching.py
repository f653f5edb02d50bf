"""How many events make one batch, how many may wait, and which go one after another."""

from collections.abc import Iterable, Sequence
from typing import Final
from zlib import crc32

import msgspec

MAX_BATCH_EVENTS: Final = 500
MAX_BATCH_BYTES: Final = 450 * 1_024


class Most(msgspec.Struct, frozen=True):
    """What one batch may hold."""

    events: int = MAX_BATCH_EVENTS
    bytes: int = MAX_BATCH_BYTES


USUAL: Final = Most()


def most(events: int) -> Most:
    """Return the limits of a destination that takes so many *events* at once."""
    return Most(events, events * MAX_BATCH_BYTES // MAX_BATCH_EVENTS)


class Room(msgspec.Struct, frozen=True):
    """What may wait in memory for one destination; count alone would not bound the bytes."""

    events: int = 10_000
    bytes: int = 32 * 1_024 * 1_024

    def has_room(self, events: int, size: int, more_events: int, more: int) -> bool:
        """Tell whether *more_events* of *more* bytes in all fit beside *events* of *size* bytes."""
        return events + more_events <= self.events and size + more <= self.bytes

    def takes(self, events: int, size: int, more_events: int, more: int) -> bool:
        """Tell whether *more_events* events of *more* bytes all fit beside *events* of *size*.

        More than could ever fit may come in, as far as they go, when nothing waits.
        """
        return not events or self.has_room(events, size, more_events, more)


def room(events: int | None, size: int, *, spooled: bool) -> Room:
    """Return what may wait: *events*, or as many as usual, and *size* bytes.

    What is on its way into the spool waits for milliseconds, so bytes alone usually bound it there.
    """
    usual = size if spooled else Room().events
    return Room(usual if events is None else events, size)


def batch_length(sizes: Iterable[int], limit: Most = USUAL) -> int:
    """Return how many of the events waiting, of these *sizes* in bytes, go in the next batch."""
    count = total = 0
    for size in sizes:
        total += size
        if count == limit.events or (count and total > limit.bytes):
            break
        count += 1
    return count


def fits(events: int, size: int, more_events: int, more: int, limit: Most = USUAL) -> bool:
    """Tell whether a chunk of *more_events* events, *more* bytes, still fits in a batch."""
    return not events or (events + more_events <= limit.events and size + more <= limit.bytes)


def is_full(events: int, size: int, limit: Most = USUAL) -> bool:
    """Tell whether waiting longer would not make the next batch larger."""
    return events >= limit.events or size >= limit.bytes


def strand(key: str, strands: int) -> int:
    """Return which of several strands takes the events of *key*, the same one in every process.

    Strands run side by side; the events of one visitor stay in one, and so in order.
    """
    return crc32(key.encode("utf-8", "surrogatepass")) % strands if strands > 1 else 0


def by_strand(
    events: Sequence[bytes], keys: Iterable[str], strands: int
) -> Iterable[tuple[int, Sequence[bytes]]]:
    """Return which of several strands takes which of *events*, each of the key at its place."""
    if strands == 1:
        return ((0, events),)
    parts: dict[int, list[bytes]] = {}
    for event, key in zip(events, keys, strict=True):
        parts.setdefault(strand(key, strands), []).append(event)
    return parts.items()


def patience(events: int, size: int, age: float, linger: float, limit: Most = USUAL) -> float:
    """Return the seconds to wait for more events before the next batch goes.

    The oldest of *events* waiting, *size* bytes in all, has waited for *age* seconds; none waits
    for longer than *linger*.
    """
    return 0.0 if is_full(events, size, limit) else max(0.0, linger - age)
