"""A real PostgreSQL server, in a folder of its own, for loopback alone."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import psycopg

_START: Final = 30.0
# Where Debian puts them, beside what is on the path.
_FOLDERS: Final = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
# Whom root may become, as the server refuses to run as root.
_USERS: Final = ("postgres", "nobody")
# A killed process loses nothing of what the system has already, so no disk is waited for.
_SETTINGS: Final = ("fsync=off", "full_page_writes=off", "max_connections=50")


def missing() -> str | None:
    """Say what this machine lacks for a server, or None."""
    if _program("initdb") is None:
        return "these want a PostgreSQL server: install Debian's postgresql, or put initdb on PATH"
    return None


def _program(name: str) -> str | None:
    inside = [str(folder / name) for folder in _FOLDERS if (folder / name).exists()]
    return inside[0] if inside else shutil.which(name)


def _user() -> dict[str, Any]:
    """Return the arguments that make a process another user's than root's."""
    if os.getuid() != 0:
        return {}
    for name in _USERS:
        with contextlib.suppress(KeyError):
            return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}
    raise AssertionError("this machine has neither a user postgres nor a user nobody")


class Server:
    """Runs in a folder that outlives it, so that it can be started again."""

    def __init__(self, settings: Sequence[str] = _SETTINGS) -> None:
        # Not pytest's folder, which nobody but its owner may enter.
        self._folder = Path(tempfile.mkdtemp(prefix="segment_identity_postgres_"))
        self._user = _user()
        if self._user:
            shutil.chown(self._folder, self._user["user"], self._user["group"])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self._run("initdb", "-D", "data", "-U", "shop", "-A", "trust", "-E", "UTF8", "-N")

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://shop@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = _program("postgres")
        assert program is not None
        given = [f"port={self.port}", "listen_addresses=127.0.0.1"]
        given += [f"unix_socket_directories={self._folder}", *self._settings]
        arguments = [word for each in given for word in ("-c", each)]
        with (self._folder / "out").open("ab") as out:
            self._process = subprocess.Popen(
                [program, "-D", "data", *arguments],
                cwd=self._folder,
                stdout=out,
                stderr=out,
                **self._user,
            )
        deadline = time.monotonic() + _START
        while True:
            with contextlib.suppress(psycopg.OperationalError), self._connected():
                return
            assert time.monotonic() < deadline, (self._folder / "out").read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once, with all of its processes, as a lost machine would."""
        self._stop(signal.SIGQUIT)

    def stop(self) -> None:
        """End it as an administrator would who does not wait for clients."""
        self._stop(signal.SIGINT)

    def remove(self) -> None:
        """Take away the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def create(self) -> str:
        """Make an empty database and return its URL."""
        self._databases += 1
        name = f"shop_{self._databases}"
        with self._connected() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def _connected(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="shop", dbname="postgres", autocommit=True
        )

    def _stop(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _run(self, name: str, *arguments: str) -> None:
        program = _program(name)
        assert program is not None
        subprocess.run(
            [program, *arguments],
            cwd=self._folder,
            check=True,
            capture_output=True,
            timeout=_START,
            **self._user,
        )
