"""Read an inspector's stream: server-sent events (HTML Standard, 9.2.6), and a sign of our own."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

# A comment, which browsers ignore: what was kept has been told, and what follows is new.
UP_TO_DATE: Final = b": up to date"


class Heard(NamedTuple):
    """An event, as JSON, and its number; or, without *data*, that all that was kept is told."""

    number: int
    data: bytes | None


def heard(lines: Iterable[bytes]) -> Iterator[Heard]:
    """Yield what the *lines* of a stream say; an event that is cut off is none."""
    number, data = 0, b""
    for each in lines:
        line = each.rstrip(b"\r\n")
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if line == UP_TO_DATE:
            yield Heard(number, None)
        elif field == b"id" and value.isdigit() and len(value) < 16:
            number = int(value)
        elif field == b"data":
            data = data + b"\n" + value if data else value
        elif not line:
            if data:
                yield Heard(number, data)
            data = b""
