"""Programs that run beside a test and end with it."""

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

TESTS: Final = Path(__file__).parents[1]


def environment(**extra: object) -> dict[str, str]:
    """Return the environment for a program that imports from the tests."""
    return {**os.environ, "PYTHONPATH": str(TESTS), **{k: str(v) for k, v in extra.items()}}


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
