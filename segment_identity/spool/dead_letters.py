"""Events that no attempt would ever deliver, kept for a person to look at."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

NAME: Final = "dead_letters.db"
# Bytes; what is older makes room.
_MOST: Final = 64 * 1_024 * 1_024
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS dead_letters (
    number INTEGER PRIMARY KEY, destination TEXT NOT NULL, died REAL NOT NULL,
    error TEXT NOT NULL, event BLOB NOT NULL, kept_as TEXT NOT NULL DEFAULT ''
)
"""
# Earlier versions had none.
_KEPT_AS: Final = "ALTER TABLE dead_letters ADD COLUMN kept_as TEXT NOT NULL DEFAULT ''"


class DeadLetter(NamedTuple):
    """One event, the destination that refused it, and the kind of error; *died* is a time.

    *kept_as* is what tells the destination from others in a spool, "" if its name must do.
    """

    destination: str
    died: float
    error: str
    event: bytes
    kept_as: str = ""


class DeadLetters:
    """A database in the spool's folder that all its workers share; opened only while it is used."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = folder / NAME
        self._clock = clock

    def add(self, destination: str, event: bytes, error: str, kept_as: str = "") -> None:
        """Keep one event; the oldest ones make room for it."""
        with self._open() as connection:
            connection.execute(
                "INSERT INTO dead_letters (destination, died, error, event, kept_as)"
                " VALUES (?, ?, ?, ?, ?)",
                (destination, self._clock(), error, event, kept_as),
            )
            total = connection.execute("SELECT total(length(event)) FROM dead_letters").fetchone()
            if total[0] > _MOST:
                connection.execute(
                    "DELETE FROM dead_letters WHERE number <="
                    " (SELECT number FROM dead_letters ORDER BY number LIMIT 1 OFFSET 99)"
                )

    def listed(self, destination: str | None = None) -> list[DeadLetter]:
        """Return what is kept, oldest first, for one destination or for all."""
        if not self._path.exists():
            return []
        with self._open() as connection:
            rows = connection.execute(
                "SELECT destination, died, error, event, kept_as FROM dead_letters"
                " WHERE ?1 IS NULL OR destination = ?1 ORDER BY number",
                (destination,),
            )
            return [DeadLetter(*row) for row in rows]

    def counts(self) -> dict[str, int]:
        """Return how many are kept for each destination."""
        if not self._path.exists():
            return {}
        with self._open() as connection:
            return dict(
                connection.execute(
                    "SELECT destination, count(*) FROM dead_letters GROUP BY 1 ORDER BY 1"
                ).fetchall()
            )

    def take(self, destination: str | None, keep: Callable[[list[DeadLetter]], None]) -> int:
        """Remove what *keep* has taken, for one destination or for all; return how many.

        If *keep* raises, nothing is removed; if this process dies in between, what was taken is
        here as well and there twice, which `messageId` makes harmless.
        """
        if not self._path.exists():
            return 0
        with self._open() as connection:
            rows = connection.execute(
                "SELECT number, destination, died, error, event, kept_as FROM dead_letters"
                " WHERE ?1 IS NULL OR destination = ?1 ORDER BY number",
                (destination,),
            ).fetchall()
            keep([DeadLetter(*row[1:]) for row in rows])
            connection.executemany(
                "DELETE FROM dead_letters WHERE number = ?", [row[:1] for row in rows]
            )
            return len(rows)

    def change(self, changed: Callable[[bytes], bytes | None]) -> int:
        """Put what *changed* returns in the place of each event, None for nothing; return how many.

        What was there is gone from the file, too.
        """
        if not self._path.exists():
            return 0
        count = 0
        with self._open() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            rows = connection.execute("SELECT number, event FROM dead_letters").fetchall()
            for number, event in rows:
                new = changed(event)
                if new is None:
                    connection.execute("DELETE FROM dead_letters WHERE number = ?", (number,))
                elif new != event:
                    statement = "UPDATE dead_letters SET event = ? WHERE number = ?"
                    connection.execute(statement, (new, number))
                count += new != event
        if count:
            with closing(sqlite3.connect(self._path, timeout=5)) as connection:
                connection.execute("VACUUM")
        return count

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=5, isolation_level=None)) as connection:
            # A rollback journal: several processes write here, rarely.
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_TABLE)
            columns = connection.execute("PRAGMA table_info(dead_letters)").fetchall()
            if "kept_as" not in {column[1] for column in columns}:
                connection.execute(_KEPT_AS)
            yield connection
            connection.execute("COMMIT")
