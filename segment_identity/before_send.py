"""The app's own look at every message before it is queued."""

from collections.abc import Callable, Mapping

import msgspec

from segment_identity.journal import Journal
from segment_identity.jsonable import Snapshot, encoded
from segment_identity.messages import Message

Hook = Callable[[Message], Message | None]


class BeforeSend:
    """Lets `before_send` see a copy, so that what it changes reaches this message only."""

    __slots__ = ("_drop", "_hook", "_journal")

    def __init__(self, hook: Hook, drop: Callable[[str], None], journal: Journal) -> None:
        self._hook = hook
        self._drop = drop
        self._journal = journal

    def changed(self, event: bytes) -> bytes | None:
        """Return the encoded message as the hook wants it; None if it is dropped, and counted."""
        try:
            changed = self._hook(msgspec.json.decode(event))
            if changed is None:
                self._drop("before_send")
                return None
            if not isinstance(changed, Mapping):
                raise TypeError("before_send returned no message")
            return encoded(Snapshot().mapping(changed, kept=False))
        except Exception as error:
            self._drop("before_send_failed")
            self._journal.report("before_send", error)
            return None
