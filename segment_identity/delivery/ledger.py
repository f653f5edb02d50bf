"""The books of one lane: every count, under one lock.

A handler of a signal runs in the middle of whatever the main thread does, perhaps with the lock
held, and may record an event itself. So that it does not wait for its own thread the lock is
reentrant; and as Python runs handlers only where something is called (or a loop begins again),
counts that go together change in one go, without a call in between.
"""

import threading
from collections import defaultdict

from segment_identity.batching import Room
from segment_identity.delivery.accounts import Account


class Ledger:
    """Counts the events of one lane.

    Every method wants `lock` held, so that the counts change together with the queues and the
    account adds up whenever it is read. `settled` is notified when nothing is pending any more,
    and when a thread has ended.
    """

    def __init__(self, room: Room) -> None:
        self.lock = threading.RLock()
        self.settled = threading.Condition(self.lock)
        self.pending = 0
        self._room = room
        self._accepted = self._delivered = self._dead = self._stored = self._adopted = 0
        self._dropped: defaultdict[str, int] = defaultdict(int)
        # What waits in memory alone; what is on its way or in the spool takes no room.
        self._waiting = self._waiting_size = 0
        self._overflow: defaultdict[str, int] = defaultdict(int)

    def accept(self, size: int, refusal: str | None = None) -> bool:
        """Count one event of *size* bytes; False if there is no room (or *refusal* says why)."""
        if self.accept_all(1, size, refusal):
            return True
        reason = refusal or "queue_full"
        self._accepted += 1
        self._dropped[reason] += 1
        self._overflow[reason] += 1
        return False

    def accept_all(self, count: int, size: int, refusal: str | None = None) -> bool:
        """Count *count* events, *size* bytes in all; False, and none, if they have no room."""
        if refusal is not None or not self._room.has_room(
            self._waiting, self._waiting_size, count, size
        ):
            return False
        self._accepted += count
        self.pending += count
        self._waiting += count
        self._waiting_size += size
        return True

    def has_room(self, events: int, size: int) -> bool:
        """Tell whether so many events, *size* bytes in all, would be accepted."""
        return self._room.takes(self._waiting, self._waiting_size, events, size)

    def refuse(self, reason: str) -> None:
        """Count one event that this destination may not have."""
        self._accepted += 1
        self._dropped[reason] += 1

    def adopt(self, count: int) -> None:
        """Count events that another process had stored."""
        self._accepted += count
        self._adopted += count
        self._stored += count
        self.pending += count

    def leave(self, count: int, size: int) -> None:
        """Count events that no longer take room: they are on their way, or in the spool."""
        self._waiting -= count
        self._waiting_size -= size

    def come_back(self, count: int, size: int) -> None:
        """Count events that take room again."""
        self._waiting += count
        self._waiting_size += size

    def store(self, count: int) -> None:
        """Count events that are safe in the spool now; or, below 0, no longer."""
        self._stored += count

    def is_stored(self, fresh: int) -> bool:
        """Tell whether all but *fresh* of the pending events are in the spool."""
        return self.pending - fresh <= self._stored

    def deliver(self, count: int) -> None:
        """Count delivered events."""
        self._delivered += count
        self.pending -= count
        self._tell_settled()

    def bury(self, count: int) -> None:
        """Count events that no attempt will ever deliver."""
        self._dead += count
        self.pending -= count
        self._tell_settled()

    def lose(self, reason: str, count: int, *, told: bool = False) -> None:
        """Count events that had been accepted and are dropped all the same."""
        if not count:
            return
        self._dropped[reason] += count
        if not told:
            self._overflow[reason] += count
        self.pending -= count
        self._tell_settled()

    def lose_stored(self, reason: str, count: int) -> None:
        """Count events that were safe in the spool and are dropped all the same."""
        self._stored -= count
        self.lose(reason, count)

    def overflow(self) -> dict[str, int]:
        """Return the drops since the last call, to be told outside the lock."""
        fresh: defaultdict[str, int] = defaultdict(int)
        told, self._overflow = self._overflow, fresh
        return told

    def account(self) -> Account:
        """Return the counts as they are now."""
        return Account(
            self._accepted,
            self._delivered,
            {**self._dropped},
            self._dead,
            self.pending,
            self._stored,
            self._adopted,
        )

    def _tell_settled(self) -> None:
        if not self.pending:
            self.settled.notify_all()
