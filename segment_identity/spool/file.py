"""One spool file: an SQLite database that one process at a time has open.

How this works
--------------
A row holds a chunk, the events that one group commit brought for one strand, and not one event:
Python gives up the GIL around every step of SQLite, and a busy app gives it back late, so few steps
matter more than few bytes.

The connection locks the file for as long as it is open (`locking_mode = EXCLUSIVE`), and the system
drops that lock with the process, however it ends. So a file that can be opened has no owner: either
it is new, or its process is gone and whoever opened it may take over what it holds. Only the owner
deletes a file, which is why a creator looks once more, lock in hand, whether it is still there.
"""

import contextlib
import ctypes
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

from segment_identity import spooling

SUFFIX: Final = ".spool"
_APPLICATION: Final = 0x5E6D1D  # what `file` may show; any constant that others do not use
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS chunks (
    seq INTEGER PRIMARY KEY, lane TEXT NOT NULL, strand INTEGER NOT NULL, made REAL NOT NULL,
    events INTEGER NOT NULL, size INTEGER NOT NULL, checksum INTEGER NOT NULL, body BLOB NOT NULL
)
"""
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Stored(NamedTuple):
    """One chunk without its events: where it is, whose, since when (seconds since 1970), how many
    events and how many bytes of them.
    """

    seq: int
    lane: str
    strand: int
    made: float
    events: int
    size: int


class Occupied(Exception):
    """Another process has the file."""


class Foreign(Exception):
    """The file is of another version, or no spool file."""


class SpoolFile:
    """An open spool file; not to be used by two threads at once."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        # What could be read was read, and the file should go to quarantine.
        self.damaged = False
        self._connection = connection

    @classmethod
    def open(cls, path: Path, *, power_safe: bool = False) -> Self:
        """Open *path*, new or left behind; raises `Occupied`, `Foreign` or `sqlite3.Error`."""
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            # Before anything else, and for a new file only. Fewer pages for a large chunk than the
            # default's, and no more bytes for a small one.
            connection.execute("PRAGMA page_size = 8192")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, spooling.VERSION):
                raise Foreign
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {'FULL' if power_safe else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {spooling.VERSION}")
            connection.execute(_TABLE)
            connection.execute("COMMIT")
        except BaseException as error:
            connection.close()
            if is_busy(error):
                raise Occupied from error
            raise
        return cls(path, connection)

    def is_there(self) -> bool:
        """Tell whether the file still has its name, so that the next process will find it."""
        return self.path.exists()

    def insert(self, chunks: Iterable[tuple[Stored, Sequence[bytes]]]) -> None:
        """Store chunks with their events, all or none."""
        rows = []
        for stored, events in chunks:
            body = spooling.pack(events)
            rows.append((*stored, spooling.checksum(body), body))
        with self._transaction():
            for row in rows:
                self._connection.execute("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def load(self, seq: int) -> list[bytes]:
        """Return the events of one chunk; none if it is gone or damaged."""
        row = None
        with self._noting_damage():
            query = "SELECT body, checksum FROM chunks WHERE seq = ?"
            row = self._connection.execute(query, (seq,)).fetchone()
        return [] if row is None else spooling.unpack(*row)

    def remove(self, seqs: Sequence[int]) -> int:
        """Forget chunks; return how many bytes of events they held."""
        size = 0
        with self._transaction():
            for seq in seqs:
                deleted = "DELETE FROM chunks WHERE seq = ? RETURNING size"
                size += sum(row[0] for row in self._connection.execute(deleted, (seq,)))
        return size

    def replace(self, seq: int, events: Sequence[bytes]) -> None:
        """Put *events* in the place of what chunk *seq* held; none removes it.

        What was there is written over, too.
        """
        body = spooling.pack(events)
        values = (len(events), sum(map(len, events)), spooling.checksum(body), body, seq)
        self._connection.execute("PRAGMA secure_delete = ON")
        with self._transaction():
            if events:
                self._connection.execute(
                    "UPDATE chunks SET events = ?, size = ?, checksum = ?, body = ? WHERE seq = ?",
                    values,
                )
            else:
                self._connection.execute("DELETE FROM chunks WHERE seq = ?", (seq,))

    def stored(self) -> list[Stored]:
        """Return what the file holds, oldest first; of a damaged one what can be read."""
        rows = self._connection.execute(
            "SELECT seq, lane, strand, made, events, size FROM chunks ORDER BY seq"
        )
        found: list[Stored] = []
        with self._noting_damage():
            found.extend(Stored(*row) for row in rows)
        return found

    def close(self) -> None:
        """Let go of the file; an empty one is deleted."""
        is_empty = False
        with contextlib.suppress(sqlite3.Error):
            row = self._connection.execute("SELECT NOT EXISTS (SELECT 1 FROM chunks)").fetchone()
            is_empty = bool(row[0])
        self._connection.close()
        if is_empty:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)

    def quarantine(self) -> Path:
        """Let go of a damaged file, under a name that nobody opens; returns it."""
        self._connection.close()
        return quarantined(self.path)

    def abandon(self) -> None:
        """Never close this connection: it belongs to the parent of this forked process.

        Closing it, even by the garbage collector at exit, would move and delete the parent's
        write-ahead log, for this copy believes that it holds the parent's lock.
        """
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))

    @contextlib.contextmanager
    def _noting_damage(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, UnicodeError) as error:
            if not is_damaged(error):
                raise
            self.damaged = True

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # A full disk may have ended the transaction already.
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise


def is_busy(error: BaseException) -> bool:
    """Tell whether an error means that another process has the file locked."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def is_damaged(error: BaseException) -> bool:
    """Tell whether an error means that the file is no sound database any more."""
    # What SQLite says of damage may itself quote bytes that are no text.
    return isinstance(error, UnicodeError) or (
        getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED
    )


def quarantined(path: Path) -> Path:
    """Move a damaged file and its log out of the way; returns its new name."""
    target = path.with_suffix(".damaged")
    for ending in ("", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            path.with_name(path.name + ending).rename(target.with_name(target.name + ending))
    return target
