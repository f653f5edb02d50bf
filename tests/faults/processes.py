"""Programs that run beside a test and end with it."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import msgspec

TESTS: Final = Path(__file__).parents[1]


def environment(**extra: object) -> dict[str, str]:
    """Return the environment for a program that imports from the tests."""
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, **{k: str(v) for k, v in extra.items()}}


class Beside:
    """Starts a module that says its ports in one line of JSON and lives while we hold its input."""

    def __init__(self, module: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"{module} did not start"
        self.ports = msgspec.json.decode(line, type=dict[str, int])
        self.port = self.ports["port"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=10)

    @property
    def host(self) -> str:
        """Where it takes events, without a path."""
        return f"http://127.0.0.1:{self.port}"


class Program:
    """Runs a function of `programs` with a client of one *kind*."""

    def __init__(self, name: str, kind: str, host: str, spool: Path, **options: Any) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "faults.programs"),
                *(name, kind, host, str(spool), json.dumps(options)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            start_new_session=True,
        )
        self._said(self.process.stdout, "ready")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self.process.communicate()

    def kill(self) -> None:
        """End it and its children, which would hold what it says open, by SIGKILL."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _said(self, stream: IO[str] | None, wanted: str) -> None:
        assert stream is not None
        line = stream.readline()
        assert line.strip() == wanted, line + self.process.communicate()[1]

    def go(self) -> None:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def wait_for(self, line: str) -> None:
        """Wait until it says *line*."""
        self._said(self.process.stdout, line)

    def result(self, seconds: float) -> list[dict[str, Any]]:
        """Wait until it ends, kill it when the time is up, and return what it counted."""
        try:
            said, errors = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.communicate()
            return []
        assert self.process.returncode == 0, errors
        return [json.loads(line) for line in said.splitlines() if line.startswith("{")]
