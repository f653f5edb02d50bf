"""What the parts of delivery see of each other."""

from typing import Protocol

from segment_identity.batching import Most
from segment_identity.circuit import Circuit
from segment_identity.delivery.backlog import Chunk, Reader
from segment_identity.delivery.ledger import Ledger
from segment_identity.destinations.protocol import Destination
from segment_identity.keeping import Keeping


class Store(Reader, Protocol):
    """Where stored chunks are, and where they end; the spool is one."""

    def fate(self, seqs: tuple[int, ...]) -> str:
        """Say what became of events that were stored at *seqs* and are there no more."""

    def remove(self, seqs: tuple[int, ...]) -> None:
        """Forget delivered chunks."""

    def bury(self, lane: str, kept_as: str, event: bytes, error: BaseException) -> bool:
        """Keep an event of *lane* that no attempt will ever deliver; False if that fails."""


class Lane(Protocol):
    """What the strands of one lane share."""

    name: str
    kept: Keeping
    destination: Destination
    ledger: Ledger
    store: Store | None
    limit: Most
    # All of these are read and written with the ledger's lock held.
    circuit: Circuit
    linger: float
    deadline: float | None
    flushing: int

    def tell(self, reason: str, events: int, error: BaseException | None = None) -> None:
        """Report what happened to events."""

    def tell_overflow(self) -> None:
        """Report the events that found no room."""

    def wake_all(self) -> None:
        """Let every strand look again."""


class Keeper(Store, Protocol):
    """What stores events before a strand sees them; the spool is one."""

    def wake(self) -> None:
        """Store what waits, soon."""

    def refusal(self, size: int) -> str | None:
        """Say why an event of *size* bytes cannot be stored, or None."""


class Kept(Protocol):
    """A lane as its keeper sees it."""

    kept: Keeping

    def gather(self) -> list[tuple[int, list[bytes]]]:
        """Hand over what is not stored yet, by strand."""

    def add(self, number: int, chunk: Chunk, *, adopted: bool = False) -> None:
        """Let a strand deliver a chunk."""

    def is_stored(self) -> bool:
        """Tell whether all that was gathered, and still waits, is in the spool."""

    def expire(self, before: float) -> tuple[int, ...]:
        """Drop chunks older than *before*; return their places."""

    def adopt_lost(self, reason: str, count: int) -> None:
        """Count events of a dead process that nobody can deliver any more."""
