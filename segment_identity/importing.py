"""Import a file of events, one JSON object a line, and go on where an earlier import ended."""

import gzip
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from segment_identity import imports
from segment_identity.consumption import Report
from segment_identity.delivery.handover import Handover
from segment_identity.destinations.naming import single
from segment_identity.destinations.protocol import Destination
from segment_identity.errors import ConfigurationError
from segment_identity.imports import Place
from segment_identity.logs import Throttle, logger

# What is read at once, in lines and in bytes; how far it got is noted as often.
_LINES: Final = 2_000
_BYTES: Final = 4 * 1_024 * 1_024
# The longest line, in bytes; a longer one is no event, whatever its parts are.
_LINE: Final = 1_024 * 1_024
_places: Final = msgspec.json.Decoder(dict[str, Place])

# Told how many bytes are done, and how many the file has.
Progress = Callable[[int, int], None]


class Imported(msgspec.Struct, frozen=True):
    """What an import did: `lines == delivered + rejected + abandoned`.

    *abandoned* lines are for the next import, *skipped* ones were imported before.
    """

    lines: int = 0
    delivered: int = 0
    rejected: int = 0
    abandoned: int = 0
    skipped: int = 0


def import_events(
    file: str | os.PathLike[str],
    destination: Destination | str,
    *,
    again: bool = False,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Imported:
    """Hand every event in *file* to *destination*, in order; blank lines are passed over.

    *file* is newline-delimited JSON of messages of the Segment Spec, also by gzip (`.gz`). How far
    it is imported, by destination, stands in `<file>.progress`, so that an import that is
    interrupted, or a file that has grown, goes on from there; *again* begins anew. An event without
    a `messageId` is given one made of its line, so that a repeat makes no second row. Lines that
    are no events, or are refused for good, are appended to `<file>.rejected`. While the destination
    is away it is tried again until *stop* is set. Closes *destination*.

    Raises `ConfigurationError` if there is no such file.
    """
    path = Path(file)
    if not path.is_file():
        raise ConfigurationError(f"import was given {path.name!r}, which is no file")
    name = destination if isinstance(destination, str) else type(destination).__name__
    opened = single(destination, "import")
    try:
        run = _Import(path, imports.target(name), opened, stop or threading.Event())
        return run.go(progress, again=again)
    finally:
        opened.close()


class _Import:
    """One file on its way to one destination."""

    def __init__(
        self, path: Path, key: str, destination: Destination, stop: threading.Event
    ) -> None:
        self._path = path
        self._key = key
        self._destination = destination
        self._stop = stop
        self._throttle = Throttle()

    def go(self, progress: Progress | None, *, again: bool) -> Imported:
        """Import what is left of the file."""
        abandoned = 0
        size = self._path.stat().st_size
        with self._path.open("rb") as raw, _plain(raw) as source:
            kept = None if again else self._places().get(self._key)
            begun = place = imports.going_on(kept, source.readline(_LINE))
            source.seek(place.at)
            while not self._stop.is_set() and (lines := _some(source)):
                unfinished = imports.is_unfinished(lines[-1])
                place, left = self._hand_over(lines[:-1] if unfinished else lines, place)
                abandoned += left + unfinished
                self._note(place)
                if progress is not None:
                    progress(min(raw.tell(), size), size)
                if unfinished:
                    break
        return Imported(
            place.lines - begun.lines + abandoned,
            place.delivered - begun.delivered,
            place.rejected - begun.rejected,
            abandoned,
            begun.lines,
        )

    def _hand_over(self, lines: list[bytes], place: Place) -> tuple[Place, int]:
        """Deliver *lines*; return the place after them and how many were left."""
        full = [line for line in lines if line.strip()]

        def reject(index: int, reason: str, kind: str) -> None:
            with self._path.with_name(f"{self._path.name}.rejected").open("ab") as file:
                file.write(full[index].rstrip(b"\r\n") + b"\n")

        values = [imports.event(line) for line in full]
        handover = Handover(values, self._destination, reject, self._tell, self._stop)
        handover.run()
        report: Report = handover.report()
        done = handover.done.index(False) if False in handover.done else len(full)
        return imports.after(place, lines, done, report), len(full) - done

    def _tell(self, reason: str, events: int, kind: str) -> None:
        # An error's text may quote events, so only its kind is logged.
        if self._throttle.allows(reason, time.monotonic()):
            logger.warning("import: %s (%s, %d events)", reason, kind, events)

    def _places(self) -> dict[str, Place]:
        try:
            return _places.decode(self._kept_in.read_bytes())
        except (OSError, msgspec.MsgspecError):
            return {}

    def _note(self, place: Place) -> None:
        """Write how far it got, whole or not at all."""
        fresh = self._kept_in.with_name(f"{self._kept_in.name}.new")
        fresh.write_bytes(msgspec.json.encode({**self._places(), self._key: place}))
        fresh.replace(self._kept_in)

    @property
    def _kept_in(self) -> Path:
        return self._path.with_name(f"{self._path.name}.progress")


def _plain(raw: BinaryIO) -> BinaryIO:
    """Return what stands in a file, which may be compressed."""
    is_gzip = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return cast(BinaryIO, gzip.open(raw)) if is_gzip else raw


def _some(source: BinaryIO) -> list[bytes]:
    """Return the next lines, as many as are handed over at once."""
    lines: list[bytes] = []
    size = 0
    while len(lines) < _LINES and size < _BYTES and (line := source.readline(_LINE)):
        lines.append(line)
        size += len(line)
    return lines
