"""The example app as people start it: a process of its own on a free port."""

import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from servers import python

_ROOT: Final = Path(__file__).parents[2]
_PATIENCE: Final = 20.0
ANALYTICS_JS: Final = _ROOT / "tests/conformance/node_modules/@segment/analytics-next/dist/umd"
needs_analytics_js = pytest.mark.skipif(
    not ANALYTICS_JS.exists(), reason="Analytics.js is missing: run npm ci in tests/conformance"
)


class Shop:
    """A running shop."""

    def __init__(self, process: "subprocess.Popen[str]", url: str, told: str) -> None:
        self._process = process
        self.url = url
        self.told = told

    def stop(self, how: signal.Signals) -> str:
        """Send a signal, wait for the end and return what the shop wrote until then."""
        self._process.send_signal(how)
        written, _ = self._process.communicate(timeout=_PATIENCE)
        return written


@contextmanager
def open_shop(database: Path, analytics_js: Path = Path("nowhere")) -> Iterator[Shop]:
    """Start the shop, by default without Analytics.js; it is killed with the block if it runs."""
    with python(
        *("-m", "example_app", "--port", "0", "--database", str(database)),
        *("--analytics-js", str(analytics_js)),
        environment={"PYTHONWARNINGS": "error"},
        cwd=_ROOT,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        told = ""
        while line := process.stdout.readline():
            told += line
            if found := re.search(r"http://\S+", line):
                break
        else:
            pytest.fail(f"the shop did not open: {told}")
        yield Shop(process, found[0], told)


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    """Return what *query* finds in an SQLite file."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()
