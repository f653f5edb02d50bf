"""`Spool`: events survive a killed process and an outage, because they are on disk first.

How this works
--------------
A tracking call puts its event into memory and wakes the spool's one writer thread. Every few
milliseconds the writer gathers what the lanes have, stores it in one transaction (a group commit),
and only then lets the strands have it. A strand removes a chunk once its destination took it. So
what is in the file is what is not delivered; what comes twice after a crash has the same messageId.

Each process has a file of its own, since several writers of one file would wait for each other. The
writer also looks for files whose process is gone and moves what they hold into its own.

A disk that is full or broken must not stop anything: what cannot be stored goes on in memory, as
it would without a spool, and is counted.
"""

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from segment_identity import options, spooling
from segment_identity.delivery.backlog import Chunk
from segment_identity.delivery.sides import Kept
from segment_identity.errors import ConfigurationError, Unavailable
from segment_identity.sources import sound
from segment_identity.spool import forks
from segment_identity.spool.adoption import adopt
from segment_identity.spool.dead_letters import DeadLetters
from segment_identity.spool.folder import Folder, Report, checked_folder
from segment_identity.spool.own import OwnFile, gathered_from

# Seconds between two commits while events come in, and between two looks for orphans.
_COMMIT_EVERY: Final = 0.02
_LOOK_EVERY: Final = 10.0


class Spool:
    """Keeps events in *folder* until they are delivered.

    *max_bytes* and *max_age* (seconds) bound what one process keeps: beyond the first new events
    are dropped and counted, beyond the second old ones. *power_safe* waits for the disk at every
    commit, so that not even a power cut loses a stored event; without it a killed process loses
    none. The folder must be on a disk of this machine; all workers share it.
    """

    @options.explained
    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        max_bytes: int = spooling.Limits().bytes,
        max_age: float = spooling.Limits().age,
        power_safe: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        options.whole("max_bytes", max_bytes)
        options.positive("max_age", max_age)
        options.flags(power_safe=power_safe)
        options.function("clock", clock, required=True)
        self._folder = Folder(checked_folder(folder), power_safe=power_safe)
        self._limits = spooling.Limits(int(max_bytes), float(max_age))
        self._lanes: list[Kept] = []
        self._report: Report = lambda reason, error: None
        self._clock = sound(clock, lambda reason, error: self._report(reason, error))
        self.dead_letters = DeadLetters(self._folder.path, self._clock)
        self._begin()
        forks.enter(self)

    def _begin(self) -> None:
        """Begin with no file open: at first, and in a forked child."""
        # Held while SQLite works, by whichever thread; never while an event is captured.
        self._io = threading.RLock()
        self._own = OwnFile(self._folder, lambda reason, error: self._report(reason, error))
        self._delivered: list[int] = []
        # Both of these may be used by a signal's handler while its own thread is in the middle of
        # them, which no Event could bear.
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._starting = threading.RLock()
        self._is_woken = False
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._looked = float("-inf")

    def __repr__(self) -> str:
        return f"Spool({str(self._folder.path)!r})"

    def attach(self, lanes: Sequence[Kept], report: Report) -> None:
        """Serve these lanes, and no others; *report* counts and logs an error of ours."""
        if self._lanes:
            raise ConfigurationError(
                "spool was given a Spool that another Analytics has; want one of its own"
            )
        self._lanes = list(lanes)
        self._report = report

    def start(self) -> None:
        """Start the writer, which also adopts what dead processes left."""
        with self._starting:
            if self._thread is not None:
                return
            # One for each thread, so that none takes the end of another for its own.
            ending = threading.Event()
            thread = threading.Thread(
                target=self._run, args=(ending,), name="segment_identity spool", daemon=True
            )
            if self._thread is not None:
                # A signal's handler recorded an event in the middle of this.
                return
            self._ending, self._thread = ending, thread
            try:
                thread.start()
            except RuntimeError:
                # No thread to be had now; whoever flushes or closes commits.
                self._thread = None

    def wake(self) -> None:
        """Have what waits stored, soon; costs a tracking call next to nothing."""
        if not self._is_woken:
            self._is_woken = True
            self._wakes.put(None)
        if self._thread is None:
            self.start()

    def refusal(self, size: int) -> str | None:
        """Say why an event of *size* bytes cannot be stored, or None."""
        return self._limits.refusal(self._own.bytes, size)

    def store(self) -> bool:
        """Store what waits, now; False if some of what was recorded is in memory alone."""
        with self._io:
            self.commit()
            return all(lane.is_stored() for lane in self._lanes)

    def commit(self) -> None:
        """Store what waits."""
        with self._io:
            gathered = list(gathered_from(self._lanes))
            try:
                with self._guarded():
                    self._insert(gathered)
            finally:
                for lane, number, chunk in gathered:
                    lane.add(number, chunk)

    def close(self) -> None:
        """Store what waits, end the writer and let go of the file."""
        with self._starting:
            thread, self._thread = self._thread, None
            self._ending.set()
            self._wakes.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        with self._io:
            self.commit()
            with self._guarded():
                self._tidy()
            self._own.close()

    def load(self, seq: int) -> list[bytes]:
        """Return the events stored at *seq*, none if they are gone for good.

        Raises `Unavailable` if they cannot be read now.
        """
        with self._io:
            try:
                return self._own.load(seq)
            except Exception as error:
                self._report("spool", error)
                raise Unavailable(type(error).__name__) from error

    def fate(self, seqs: Sequence[int]) -> str:
        """Say what became of events that were stored at *seqs* and are there no more."""
        with self._io:
            return "left_behind" if self._own.is_left(seqs) else "spool_gone"

    def remove(self, seqs: Sequence[int]) -> None:
        """Forget delivered chunks; what cannot be removed now is removed later."""
        with self._io:
            self._delivered += seqs
            with self._guarded():
                self._tidy()

    def bury(self, lane: str, kept_as: str, event: bytes, error: BaseException) -> bool:
        """Keep an event of *lane* that no attempt will ever deliver; False if that fails."""
        with self._guarded("dead_letters"):
            self.dead_letters.add(lane, event, type(error).__name__, kept_as)
            return True
        return False

    def forget(self) -> None:
        """Leave the file to the parent of this forked process."""
        self._own.abandon()
        self._begin()

    def hold(self) -> None:
        """Let no other thread use the file until `release`."""
        self._io.acquire()

    def release(self) -> None:
        """Let other threads use the file again."""
        self._io.release()

    def _run(self, ending: threading.Event) -> None:
        while not ending.is_set():
            if time.monotonic() - self._looked >= _LOOK_EVERY:
                self._looked = time.monotonic()
                self._look(ending)
            with contextlib.suppress(queue.Empty):
                self._wakes.get(timeout=_LOOK_EVERY)
                ending.wait(_COMMIT_EVERY)
                # Before what waits is gathered, so that no event falls in between.
                self._is_woken = False
                self.commit()

    def _insert(self, gathered: Sequence[tuple[Kept, int, Chunk]]) -> None:
        if gathered:
            timed = spooling.timed(gathered, self._clock())
            self._own.insert(
                [(lane.kept.name, number, at, chunk) for at, (lane, number, chunk) in timed]
            )

    def _tidy(self) -> None:
        if self._delivered:
            self._own.remove(self._delivered)
            self._delivered.clear()

    def _look(self, ending: threading.Event) -> None:
        """Drop what is too old, and adopt what dead processes left."""
        oldest = self._limits.oldest(self._clock())
        for lane in self._lanes:
            if expired := lane.expire(oldest):
                self.remove(expired)
        with self._io, self._guarded():
            adopt(self._folder, self._own, self._lanes, oldest, self._report, ending.is_set)

    @contextlib.contextmanager
    def _guarded(self, reason: str = "spool") -> Iterator[None]:
        """Count what the disk does to us, and go on: with the writer all events would wait."""
        try:
            yield
        except Exception as error:
            self._report(reason, error)
