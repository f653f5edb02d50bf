"""Import a file of events, one JSON object a line, and go on where an earlier import ended."""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from segment_identity import imports, options
from segment_identity.consumption import Report
from segment_identity.delivery.handover import Handover
from segment_identity.destinations.naming import single
from segment_identity.destinations.protocol import Destination
from segment_identity.destinations.wishes import wishes
from segment_identity.errors import ConfigurationError
from segment_identity.imports import Place
from segment_identity.lines import LineFile, Lines
from segment_identity.logs import Throttle, logger

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

    Raises `ConfigurationError` if there is no such file, and `SegmentIdentityError` where one by
    gzip is cut off or damaged, once all that stands before is done.
    """
    options.function("progress", progress)
    options.event("stop", stop)
    if not isinstance(file, str | os.PathLike):
        raise ConfigurationError(f"import was given {type(file).__name__}; want a file")
    path = Path(file)
    if not path.is_file():
        raise ConfigurationError(f"import was given {path.name!r}, which is no file")
    opened = single(destination, "import")
    try:
        run = _Import(path, _key(destination), opened, stop or threading.Event())
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
        most = imports.at_once(wishes(self._destination).limit)
        with self._path.open("rb") as raw:
            source = LineFile(raw, self._path.name)
            kept = None if again else self._places().get(self._key)
            first = source.line()
            begun = place = imports.going_on(kept, first)
            if not source.go_to(place.at):
                begun = place = imports.going_on(None, first)
                source.go_to(place.at)
            while not self._stop.is_set() and any(lines := source.lines(most)):
                place, left = self._take(source, lines, place)
                abandoned += left
                self._note(place)
                if progress is not None:
                    progress(min(raw.tell(), size), size)
                if lines.damage is not None:
                    raise lines.damage
                if left:
                    break
        return Imported(
            place.lines - begun.lines + abandoned,
            place.delivered - begun.delivered,
            place.rejected - begun.rejected,
            abandoned,
            begun.lines,
        )

    def _take(self, source: LineFile, lines: Lines, place: Place) -> tuple[Place, int]:
        """Bring *lines* to an end; return the place after them and how many were left."""
        whole = lines.whole
        unfinished = bool(whole) and not lines.start and imports.is_unfinished(whole[-1])
        place, left = self._hand_over(whole[:-1] if unfinished else whole, place)
        if lines.start and not left:
            size = source.copy(lines.start, self._rejected)
            if size:
                self._tell("dead_lettered", 1, "too_long")
                return imports.passed_over(place, size), 0
            unfinished = True
        return place, left + unfinished

    def _hand_over(self, lines: list[bytes], place: Place) -> tuple[Place, int]:
        """Deliver *lines*; return the place after them and how many were left."""
        full = [line for line in lines if line.strip()]

        def reject(index: int, reason: str, kind: str) -> None:
            with self._rejected.open("ab") as file:
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
        while True:
            fresh.write_bytes(msgspec.json.encode({**self._places(), self._key: place}))
            # The file's import to another destination may have put its own there meanwhile.
            with contextlib.suppress(FileNotFoundError):
                fresh.replace(self._kept_in)
                return

    @property
    def _rejected(self) -> Path:
        return self._path.with_name(f"{self._path.name}.rejected")

    @property
    def _kept_in(self) -> Path:
        return self._path.with_name(f"{self._path.name}.progress")


def _key(destination: Destination | str) -> str:
    """Return what tells *destination* from others, and shows nothing of it."""
    if isinstance(destination, str):
        return imports.target(destination)
    marks = (getattr(destination, each, None) for each in ("name", "fingerprint"))
    return imports.target(" ".join([type(destination).__name__, *map(str, filter(None, marks))]))
