"""What a destination is."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class Destination(Protocol):
    """Anything that takes batches of events.

    `send` is called from one thread at a time with at most 500 events, each the UTF-8 JSON of one
    Segment message, oldest first, and returns when they are safe. It raises `Undeliverable` for a
    batch that can never be taken (it is then split until the culprit stands alone) and anything
    else for one to be tried again; an event may therefore come twice, with the same `messageId`.
    `close` releases resources; a later `send` opens them again.
    """

    def send(self, batch: Sequence[bytes], /) -> None:
        """Take a batch."""

    def close(self) -> None:
        """Release what is open."""
