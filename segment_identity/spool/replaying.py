"""Give dead letters another chance, once their cause is mended.

They go into a spool file that has no process, like that of a worker that was killed. So whoever has
the same spool, now or later, adopts and delivers them, and nothing else needs to know of it.
"""

import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

import msgspec

from segment_identity import spooling
from segment_identity.errors import ConfigurationError, Unavailable
from segment_identity.spool.dead_letters import DeadLetter, DeadLetters
from segment_identity.spool.file import Stored
from segment_identity.spool.folder import Folder, checked_folder


class Replayed(msgspec.Struct, frozen=True):
    """How many dead letters were put back, and how many are left, by destination."""

    put_back: Mapping[str, int]
    left: Mapping[str, int]


def replay(
    folder: str | os.PathLike[str],
    destination: str | None = None,
    *,
    clock: Callable[[], float] = time.time,
) -> Replayed:
    """Put the dead letters in a spool's *folder* back, of one *destination* or of all.

    A running worker with this spool delivers them within ten seconds, else the next one to start.
    What is refused again is a dead letter again. Raises `Unavailable` if the disk does not allow
    it; then they stay where they are.
    """
    path = checked_folder(folder)
    if not path.is_dir():
        raise ConfigurationError(f"replay was given {path}, which is not there; want a spool")
    letters, put_back = DeadLetters(path, clock), Counter[str]()

    def keep(taken: list[DeadLetter]) -> None:
        put_back.update(letter.destination for letter in taken)
        _store(Folder(path, power_safe=True), taken, clock())

    try:
        letters.take(destination, keep)
        return Replayed(dict(put_back), letters.counts())
    except (sqlite3.Error, OSError) as error:
        # Neither SQLite nor the system quotes an event.
        raise Unavailable(f"the dead letters could not be put back: {error}") from error


def _store(folder: Folder, letters: Sequence[DeadLetter], now: float) -> None:
    """Leave *letters* in a file for whoever adopts it; it is on disk when this returns."""
    if not letters:
        return
    file = folder.create()
    try:
        file.insert(
            # The time is that of now, for what is old would be dropped and not delivered.
            (Stored(number, lane, 0, now, len(events), sum(map(len, events))), events)
            for number, (lane, events) in enumerate(_chunks(letters), 1)
        )
    finally:
        file.close()


def _chunks(letters: Sequence[DeadLetter]) -> Iterator[tuple[str, list[bytes]]]:
    """Cut *letters* into what goes to one destination together."""
    for lane, group in groupby(letters, key=lambda letter: letter.kept_as or letter.destination):
        for events in spooling.batches([letter.event for letter in group]):
            yield lane, events
