"""How many events make one batch, and how many may wait."""

from collections.abc import Iterable
from typing import Final

import msgspec

MAX_BATCH_EVENTS: Final = 500
MAX_BATCH_BYTES: Final = 450 * 1_024


class Room(msgspec.Struct, frozen=True):
    """What may wait in memory for one destination; count alone would not bound the bytes."""

    events: int = 10_000
    bytes: int = 32 * 1_024 * 1_024

    def has_room(self, events: int, size: int, more: int) -> bool:
        """Tell whether an event of *more* bytes fits beside *events* of *size* bytes."""
        return events < self.events and size + more <= self.bytes


def batch_length(sizes: Iterable[int]) -> int:
    """Return how many of the events waiting, of these *sizes* in bytes, go in the next batch."""
    count = total = 0
    for size in sizes:
        total += size
        if count == MAX_BATCH_EVENTS or (count and total > MAX_BATCH_BYTES):
            break
        count += 1
    return count
