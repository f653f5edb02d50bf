"""A destination that prints messages, for development."""

import sys
from collections.abc import Sequence
from typing import TextIO

from segment_identity.context import CONTROL


class Console:
    """Writes each message as one line of JSON to *stream*, standard output unless given."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, batch: Sequence[bytes], /) -> None:
        """Print a batch; control characters stay escaped, so that no event can draw on a screen."""
        stream = self._stream or sys.stdout
        for event in batch:
            line = CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", event.decode())
            stream.write(line + "\n")
        stream.flush()

    def close(self) -> None:
        """Leave the stream open; it belongs to somebody else."""
