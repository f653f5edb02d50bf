"""A destination that keeps messages in a list, for tests and trying things out."""

import time
from collections.abc import Sequence

from segment_identity.messages import Message, received


class Memory:
    """Keeps every message, as a dict, in `messages`."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, batch: Sequence[bytes], /) -> None:
        """Add a batch to `messages`."""
        now = time.time()
        self.messages.extend(received(event, now) for event in batch)

    def close(self) -> None:
        """Keep the messages; there is nothing to release."""
