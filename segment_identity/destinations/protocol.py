"""What a destination is."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class Destination(Protocol):
    """Anything that takes batches of events.

    `send` is called from one thread at a time with at most `batch_events` events, each the UTF-8
    JSON of one Segment message, oldest first, and returns when they are safe. It raises
    `Undeliverable` for a batch that can never be taken (it is then split until the culprit stands
    alone) and anything else for one to be tried again; an event may therefore come twice, with the
    same `messageId`. `close` releases resources; a later `send` opens them again.

    It may raise `Unavailable` with the seconds to wait, and `Unauthorized` to be asked only now and
    then. Six more things are used where they exist: `parallel`, how many threads may call `send`
    at once (1 without it); `linger`, the seconds a batch that is not full waits for more events (0
    without it); `batch_events`, how many events a batch may have (500 without it); `after_fork()`,
    called in a forked child, which must let go of what its parent has open; `name`, what it is
    called; `fingerprint`, a text that tells it from others of its kind in a spool, and holds no
    secret.
    """

    def send(self, batch: Sequence[bytes], /) -> None:
        """Take a batch."""

    def close(self) -> None:
        """Release what is open."""
