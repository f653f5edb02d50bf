"""Remember which messages came lately, so that a repeat is taken once."""

from typing import Final

_CAPACITY: Final = 100_000


class Recent:
    """The messageIds of the last 50,000 to 100,000 messages, of each sender for itself.

    A sender is an anonymousId or a key: nobody can have somebody else's message dropped by sending
    its messageId first. Only hashes are kept, in two sets, of which the older goes when the younger
    is full.
    """

    __slots__ = ("_half", "_old", "_young")

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._half = max(1, capacity // 2)
        self._young: set[int] = set()
        self._old: set[int] = set()

    def is_new(self, sender: str, message_id: str) -> bool:
        """Tell whether this message did not come before, and remember it."""
        mark = hash((sender, message_id))
        if mark in self._young or mark in self._old:
            return False
        if len(self._young) >= self._half:
            self._old, self._young = self._young, set()
        self._young.add(mark)
        return True
