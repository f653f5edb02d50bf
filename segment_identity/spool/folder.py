"""The folder that the spool files of all workers share."""

import contextlib
import os
import secrets
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from segment_identity import spooling
from segment_identity.errors import ConfigurationError
from segment_identity.spool.file import (
    SUFFIX,
    Foreign,
    Occupied,
    SpoolFile,
    is_busy,
    is_damaged,
    quarantined,
)

# Never holds anything; who has it locked may adopt.
_CLAIM: Final = "adopting.lock"

# Counts and logs an error of ours, by reason.
Report = Callable[[str, BaseException], None]


class Folder:
    """Opens spool files and finds those whose process is gone."""

    def __init__(self, path: Path, *, power_safe: bool) -> None:
        self.path = path
        self._power_safe = power_safe

    def create(self) -> SpoolFile:
        """Open a new file; raises `OSError` or `sqlite3.Error`."""
        self.path.mkdir(parents=True, exist_ok=True)
        while True:
            name = f"{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
            with contextlib.suppress(Occupied):
                opened = SpoolFile.open(self.path / name, power_safe=self._power_safe)
                # Somebody who looks for orphans may have taken it for one before it was locked.
                if opened.is_there():
                    return opened
                opened.close()

    def reopen(self, path: Path, report: Report) -> SpoolFile | None:
        """Open a file of this process that was closed; None if it cannot be opened.

        Raises `Occupied` if somebody else has taken it meanwhile.
        """
        if not path.exists():
            raise Occupied
        opened = self._opened(path, report)
        if opened is not None and not opened.is_there():
            opened.close()
            raise Occupied
        return opened

    @contextlib.contextmanager
    def claimed(self) -> Iterator[bool]:
        """Hold the right to adopt, which one process has at a time; False if another has it.

        As with spool files, the system takes it back from a process that is gone.
        """
        connection = sqlite3.connect(self.path / _CLAIM, timeout=0, isolation_level=None)
        with contextlib.closing(connection):
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                yield False
            else:
                yield True

    def strangers(self, own: Path | None) -> list[Path]:
        """Return the files that are not *own*, of processes that live or are gone."""
        return [path for path in sorted(self.path.glob(f"*{SUFFIX}")) if path != own]

    def orphans(self, own: Path | None, report: Report) -> Iterator[SpoolFile]:
        """Open, one after another, the files whose process is gone; the caller closes them.

        A damaged one is put aside, one of another version is left alone, and both are reported.
        """
        for path in self.strangers(own):
            opened = None
            with contextlib.suppress(Occupied):
                opened = self._opened(path, report)
            if opened is not None:
                yield opened

    def _opened(self, path: Path, report: Report) -> SpoolFile | None:
        try:
            return SpoolFile.open(path, power_safe=self._power_safe)
        except Foreign as error:
            report("spool_foreign", error)
        except (sqlite3.Error, UnicodeError) as error:
            if is_damaged(error):
                quarantined(path)
            report("spool_damaged" if is_damaged(error) else "spool", error)
        return None


def checked_folder(value: object) -> Path:
    """Return *value* as the folder of a spool; raises `ConfigurationError` if it cannot be one."""
    if not isinstance(value, str | os.PathLike) or not str(value) or "\x00" in str(value):
        raise ConfigurationError(
            f"spool was given {type(value).__name__}; want a folder such as 'spool/'"
        )
    path = Path(value).resolve()
    if path.exists() and not path.is_dir():
        raise ConfigurationError(f"spool was given a file, {path}; want a folder")
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            mounts = Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines()
            kind = spooling.network_file_system(str(path), mounts)
            if kind is not None:
                raise ConfigurationError(
                    f"spool was given a folder on a network file system ({kind}), where locks do "
                    "not hold; want one on a disk of this machine"
                )
    return path
