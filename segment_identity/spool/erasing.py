"""Take events out of a spool's folder that are not to be delivered any more."""

import os
import sqlite3
from collections.abc import Callable
from typing import NamedTuple

from segment_identity.errors import ConfigurationError, Unavailable
from segment_identity.spool.dead_letters import DeadLetters
from segment_identity.spool.file import SpoolFile
from segment_identity.spool.folder import Folder, checked_folder

# An event as it may be kept; None if it may not.
Changed = Callable[[bytes], bytes | None]


class Taken(NamedTuple):
    """How many events were changed or removed, and how many files running workers have open."""

    dead_letters: int
    spooled: int
    in_use: int


def erase(folder: str | os.PathLike[str], changed: Changed) -> Taken:
    """Change or remove events in a spool's *folder*, as *changed* says.

    The file of a running worker is its own, and left alone. Raises `Unavailable` if the disk does
    not allow it.
    """
    path = checked_folder(folder)
    if not path.is_dir():
        raise ConfigurationError(f"erase was given {path}, which is not there; want a spool")
    place = Folder(path, power_safe=True)
    try:
        letters = DeadLetters(path).change(changed)
        files, open_ones = len(place.strangers(None)), 0
        spooled = 0
        for file in place.orphans(None, lambda _reason, _error: None):
            open_ones += 1
            try:
                spooled += _in(file, changed)
            finally:
                file.close()
        return Taken(letters, spooled, files - open_ones)
    except (sqlite3.Error, OSError) as error:
        # Neither SQLite nor the system quotes an event.
        raise Unavailable(f"the spool could not be changed: {error}") from error


def _in(file: SpoolFile, changed: Changed) -> int:
    count = 0
    for chunk in file.stored():
        events = file.load(chunk.seq)
        new = [changed(each) for each in events]
        if new != events:
            count += sum(one != other for one, other in zip(events, new, strict=True))
            file.replace(chunk.seq, [each for each in new if each is not None])
    return count
