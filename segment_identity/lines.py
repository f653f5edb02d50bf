"""Read the lines of a file that may be compressed, damaged, or anything else than it should be."""

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

from segment_identity.batching import Most
from segment_identity.errors import SegmentIdentityError

# The longest line, in bytes, that is held in memory.
_LONGEST: Final = 1_024 * 1_024


class Lines(NamedTuple):
    """Lines that follow each other: *whole* ones, and then perhaps the *start* of a longer one.

    *damage* is what is wrong with the file after them.
    """

    whole: list[bytes]
    start: bytes = b""
    damage: SegmentIdentityError | None = None


class LineFile:
    """What stands in a file called *name*; raises `SegmentIdentityError` where it is damaged."""

    def __init__(self, raw: BinaryIO, name: str) -> None:
        self._name = name
        self._is_gzip = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        self._source = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if self._is_gzip else raw

    def line(self) -> bytes:
        """Return the next line, or the next part of one that is too long; nothing at the end."""
        with self._explaining():
            return self._source.readline(_LONGEST)

    def go_to(self, at: int) -> bool:
        """Go on reading at a byte; False if the file ends before it."""
        with self._explaining():
            # What is packed knows its length only by reading.
            end = at if self._is_gzip else self._source.seek(0, os.SEEK_END)
            return at <= end and self._source.seek(at) == at

    def lines(self, most: Most) -> Lines:
        """Return the next lines, as many as go together; none at the end."""
        lines: list[bytes] = []
        size = 0
        try:
            while len(lines) < most.events and size < most.bytes and (line := self.line()):
                if len(line) == _LONGEST and not line.endswith(b"\n"):
                    return Lines(lines, line)
                lines.append(line)
                size += len(line)
        except SegmentIdentityError as error:
            return Lines(lines, damage=error)
        return Lines(lines)

    def copy(self, start: bytes, target: Path) -> int:
        """Append the long line that begins with *start* to *target*; return how long it is.

        It is 0, and nothing is appended, if the line has no end yet.
        """
        with target.open("ab") as file:
            before, size, part = file.tell(), 0, start
            try:
                while part and not part.endswith(b"\n"):
                    size += file.write(part)
                    part = self.line()
                size = size + file.write(part) if part else 0
            except SegmentIdentityError:
                size = 0
                raise
            finally:
                if not size:
                    file.truncate(before)
        return size

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SegmentIdentityError(
                f"{self._name!r} is no whole gzip file; what stands before its flaw was read"
            ) from error
