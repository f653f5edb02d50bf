"""Remember which messages came lately, so that a repeat is taken once."""

from typing import Final

_CAPACITY: Final = 100_000


class Recent:
    """The messageIds of the last 50,000 to 100,000 messages, of each sender for itself.

    A sender is an anonymousId or a key: nobody can have somebody else's message dropped by sending
    its messageId first. Only hashes are kept, and the names of the destinations that still lack the
    message, in two tables, of which the older goes when the younger is full.
    """

    __slots__ = ("_half", "_old", "_young")

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._half = max(1, capacity // 2)
        self._young: dict[int, tuple[str, ...]] = {}
        self._old: dict[int, tuple[str, ...]] = {}

    def known(self, sender: str, message_id: str) -> tuple[int, tuple[str, ...] | None]:
        """Return what stands for a message of a sender, and which destinations still lack it.

        None in their place says that it did not come before.
        """
        mark = hash((sender, message_id))
        lacking = self._young.get(mark)
        return mark, self._old.get(mark) if lacking is None else lacking

    def note(self, mark: int, lacking: tuple[str, ...] = ()) -> None:
        """Remember that a message came, and which destinations had no room for it."""
        if mark not in self._young and len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[mark] = lacking
