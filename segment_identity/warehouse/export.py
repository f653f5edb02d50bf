"""Write what is in a warehouse to files: its events to one, as `importing` takes them, or all
tables as Parquet.
"""

import gzip
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Final, cast

import msgspec
from sqlalchemy.engine import URL

from segment_identity import exports
from segment_identity.errors import ConfigurationError
from segment_identity.warehouse import reading
from segment_identity.warehouse.engine import open_existing
from segment_identity.warehouse.events import Events
from segment_identity.warehouse.faults import explaining
from segment_identity.warehouse.parquet import export_parquet

__all__ = ["Exported", "export_events", "export_parquet"]

# After so many events it is told how far it got.
_EVENTS: Final = 1_000

# Told how many events are done, and how many there are.
Progress = Callable[[int, int], None]
Target = str | os.PathLike[str] | IO[bytes]


class Exported(msgspec.Struct, frozen=True):
    """How many events were written; unless *is_whole* it was stopped, and there is no file."""

    events: int = 0
    is_whole: bool = True


def export_events(
    url: str | URL,
    target: Target,
    *,
    since: str | None = None,
    until: str | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Exported:
    """Write every event in the warehouse at *url* to *target*, in the order of their times.

    They are messages of the Segment Spec as newline-delimited JSON, by gzip if *target* is called
    `*.gz`, all as they were when it began; `import_events` takes them. With *since* or *until*, ISO
    8601, only those from then, and before then. A file is there once it is whole and not before.
    Raises `ConfigurationError` if the warehouse or the folder is not there.
    """
    window = exports.bound("since", since), exports.bound("until", until)
    stop = stop or threading.Event()
    database = open_existing(url)
    try:
        with _written(target, stop) as file, explaining(), reading.reading(database) as connection:
            events = Events(connection, database)
            total = 0 if progress is None else events.count(window)
            done = 0
            with closing(events.ordered(window)) as messages:
                for message in messages:
                    if stop.is_set():
                        break
                    file.write(exports.line(message))
                    done += 1
                    if progress is not None and done % _EVENTS == 0:
                        progress(done, total)
            if progress is not None:
                progress(done, total)
        return Exported(done, not stop.is_set())
    finally:
        database.engine.dispose()


@contextmanager
def _written(target: Target, stop: threading.Event) -> Iterator[IO[bytes]]:
    """Give a file to write to, which gets its name at the end, unless it was stopped."""
    if not isinstance(target, str | os.PathLike):
        if not hasattr(target, "write"):
            raise ConfigurationError(f"export was given {type(target).__name__}; want a file")
        yield target
        return
    path = Path(target)
    if path.is_dir():
        raise ConfigurationError(f"the target {path} is a folder; want a file")
    if not path.parent.is_dir():
        raise ConfigurationError(f"the folder to export to does not exist: {path.parent}")
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as raw:
            if exports.is_gzip(path.name):
                with gzip.open(raw, "wb", compresslevel=6) as packed:
                    yield cast(IO[bytes], packed)
            else:
                yield raw
            raw.flush()
            os.fsync(raw.fileno())
        if not stop.is_set():
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
