"""Stop in good order when the process is asked to."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set; the second of a kind does what it always did."""
    event = threading.Event()
    before: dict[int, Any] = {}

    def stop(number: int, _: FrameType | None) -> None:
        event.set()
        signal.signal(number, before[number])

    for each in _STOPPING:
        before[each] = signal.signal(each, stop)
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
