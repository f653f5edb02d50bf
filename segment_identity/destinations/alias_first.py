"""A destination that has every alias before the identify that needs it."""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Container, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from segment_identity.alias_order import alias_first
from segment_identity.destinations.naming import single
from segment_identity.destinations.protocol import Destination
from segment_identity.destinations.wishes import wishes
from segment_identity.errors import ConfigurationError

_MOST: Final = 50_000
_WAIT: Final = 5.0
# How many values one statement names.
_SOME: Final = 500


class AliasFirst:
    """Sends to *destination*, a URL or an object, an alias before each identify that needs one.

    For what ties an anonymous past to a user by an alias alone, as Mixpanel and Kissmetrics did:
    before the first identify that carries an anonymousId and a userId goes an alias of both, the
    app's own if it is in the same batch, else one made here. *memory* is a file that remembers
    which were tied, for all processes and after a restart (as hashes, not as ids); without it this
    process does. A repeated alias has the same `messageId`.
    """

    def __init__(self, destination: Destination | str, *, memory: str | Path | None = None) -> None:
        self._inner = inner = single(destination, "AliasFirst")
        # What it is called and known by is what it sends to.
        self.name = getattr(inner, "name", None)
        self.fingerprint = getattr(inner, "fingerprint", None)
        asked = wishes(inner)
        self.parallel, self.linger = asked.parallel, asked.linger
        self.batch_events = asked.limit.events
        if memory is not None and not isinstance(memory, str | os.PathLike):
            raise ConfigurationError(f"memory was given {type(memory).__name__}; want a file")
        if memory is not None and not Path(memory).parent.is_dir():
            raise ConfigurationError(f"the folder of memory does not exist: {Path(memory).parent}")
        self._file = None if memory is None else str(memory)
        self._lock = threading.Lock()
        # Of a mapping the keys alone; they keep their order, and the oldest go first.
        self._tied: dict[str, None] = {}

    def __repr__(self) -> str:
        return f"AliasFirst({self._inner!r})"

    def send(self, batch: Sequence[bytes], /) -> None:
        """Send a batch, and remember what it ties once it is safe."""
        order = alias_first(batch, self._tied)
        if order.events != list(batch):
            # Only now is it worth asking the file.
            order = alias_first(batch, self._recalled(order.tied))
        self._inner.send(order.events)
        self._remember(order.tied)

    def close(self) -> None:
        """Close the destination."""
        self._inner.close()

    def after_fork(self) -> None:
        """Leave what the parent process has open alone."""
        self._lock = threading.Lock()
        after_fork = getattr(self._inner, "after_fork", None)
        if after_fork is not None:
            after_fork()

    def _recalled(self, names: Iterable[str]) -> Container[str]:
        wanted = sorted(names)
        found = {name for name in wanted if name in self._tied}
        if self._file is None:
            return found
        # Where the file cannot be read an alias is sent again, which does no harm.
        with contextlib.suppress(sqlite3.Error), closing(self._opened()) as database:
            for start in range(0, len(wanted), _SOME):
                some = wanted[start : start + _SOME]
                marks = ", ".join("?" * len(some))
                query = f"SELECT name FROM tied WHERE name IN ({marks})"
                found.update(name for (name,) in database.execute(query, some))
        return found

    def _remember(self, names: Iterable[str]) -> None:
        new = sorted(name for name in names if name not in self._tied)
        if not new:
            return
        if self._file is not None:
            # The batch is there already; to raise now would send it again.
            with contextlib.suppress(sqlite3.Error), closing(self._opened()) as database, database:
                rows = [(name,) for name in new]
                database.executemany("INSERT OR IGNORE INTO tied VALUES (?)", rows)
        with self._lock:
            self._tied |= dict.fromkeys(new)
            for name in list(self._tied)[: max(0, len(self._tied) - _MOST)]:
                del self._tied[name]

    def _opened(self) -> sqlite3.Connection:
        assert self._file is not None
        database = sqlite3.connect(self._file, timeout=_WAIT)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS tied (name TEXT PRIMARY KEY) WITHOUT ROWID"
            )
        except sqlite3.Error:
            database.close()
            raise
        return database
