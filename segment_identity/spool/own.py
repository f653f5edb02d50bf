"""The spool file of this process: opened when it is needed, replaced when it is lost."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from segment_identity import spooling
from segment_identity.delivery.backlog import Chunk
from segment_identity.delivery.sides import Kept
from segment_identity.spool.file import Occupied, SpoolFile, Stored, is_damaged
from segment_identity.spool.folder import Folder, Report


def gathered_from(lanes: Sequence[Kept]) -> Iterator[tuple[Kept, int, Chunk]]:
    """Yield what *lanes* have not stored yet, cut into chunks, each with its lane and strand."""
    for lane in lanes:
        for number, events in lane.gather():
            for batch in spooling.batches(events):
                yield lane, number, Chunk(batch, len(batch), sum(map(len, batch)))


class OwnFile:
    """Stores, loads and removes chunks; not to be used by two threads at once.

    Places are never given twice in one process, so that one that was lost with its file does not
    turn up as somebody else's. Every method may raise `OSError` or `sqlite3.Error`.
    """

    def __init__(self, folder: Folder, report: Report) -> None:
        self._folder = folder
        self._report = report
        self._file: SpoolFile | None = None
        self._seq = 0
        # Up to here places are in a file that was closed, and is somebody else's now.
        self._left = 0
        self.path: Path | None = None
        self.bytes = 0

    def insert(self, chunks: Sequence[tuple[str, int, float, Chunk]]) -> None:
        """Store chunks (lane, strand, time, events), all or none, and note in them where."""
        file, rows = self._opened(), []
        for lane, strand, made, chunk in chunks:
            assert chunk.events is not None
            self._seq += 1
            row = Stored(self._seq, lane, strand, made, chunk.count, chunk.size)
            rows.append((row, chunk.events))
        try:
            file.insert(rows)
        except (sqlite3.Error, UnicodeError) as error:
            if is_damaged(error):
                self._replace(file)
            raise
        for (row, _), (_, _, made, chunk) in zip(rows, chunks, strict=True):
            chunk.seqs, chunk.made = (row.seq,), made
            self.bytes += row.size

    def load(self, seq: int) -> list[bytes]:
        """Return the events stored at *seq*, none if they are gone for good."""
        file = self._opened()
        events = file.load(seq)
        if file.damaged:
            self._replace(file)
        return events

    def is_left(self, seqs: Iterable[int]) -> bool:
        """Tell whether some of these places are with whoever took the file that was closed."""
        return any(seq <= self._left for seq in seqs)

    def remove(self, seqs: Sequence[int]) -> None:
        """Forget chunks."""
        # First the file: another one holds other bytes.
        removed = self._opened().remove(seqs)
        self.bytes -= removed

    def close(self) -> None:
        """Let go of the file, which the next call opens again if nobody has adopted it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def abandon(self) -> None:
        """Leave the file to the parent of this forked process."""
        if self._file is not None:
            self._file.abandon()

    def _opened(self) -> SpoolFile:
        if self._file is not None and not self._file.is_there():
            self._file = self._moved(self._file)
        if self._file is None:
            self._file = self._again() or self._folder.create()
            self.path = self._file.path
            self.bytes = sum(row.size for row in self._file.stored())
        return self._file

    def _again(self) -> SpoolFile | None:
        """Open the file that was closed, if it is still ours."""
        if self.path is None:
            return None
        try:
            return self._folder.reopen(self.path, self._report)
        except Occupied:
            self._left = self._seq
            return None

    def _moved(self, lost: SpoolFile) -> SpoolFile:
        """Save what a file holds that somebody has deleted; while it is open, it can be read."""
        fresh = self._folder.create()
        if lost.is_there():
            # The folder was away for a moment; what it holds must not be in two files.
            fresh.close()
            return lost
        self.path, self.bytes = fresh.path, 0
        with contextlib.suppress(sqlite3.Error):
            for row in lost.stored():
                fresh.insert([(row, lost.load(row.seq))])
                self.bytes += row.size
        lost.close()
        return fresh

    def _replace(self, file: SpoolFile) -> None:
        """Put a damaged file aside; the next call makes a new one."""
        self._report("spool_damaged", sqlite3.DatabaseError())
        file.quarantine()
        self._file = self.path = None
