"""Real servers, ended by SIGTERM right after the last answer."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

REQUESTS: Final = 300
TESTS: Final = Path(__file__).parents[1]
UVICORN: Final = ("uvicorn", "--host", "127.0.0.1", "--port", "0")
HYPERCORN: Final = ("hypercorn", "--bind", "127.0.0.1:0")


@contextmanager
def serving(
    command: Sequence[str], database: Path
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start a server on a free port; it is killed with the block if it has not ended."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", *command, "delivery.served:app"],
        cwd=TESTS,
        env={**os.environ, "EVENTS": str(database), "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                found = re.search(r"http://127\.0\.0\.1:\d+", line)
                if found is not None:
                    break
            else:
                pytest.fail(said)
            yield process, found[0]
        finally:
            process.kill()


def visit(url: str) -> None:
    """Send all requests, eight at a time, on kept connections."""
    # Workers may still be starting when their parent says where they listen.
    transport = httpx.HTTPTransport(retries=6)
    with httpx.Client(base_url=url, transport=transport) as client, ThreadPoolExecutor(8) as pool:

        def ask(number: int) -> int:
            path = ("/async", "/sync")[number % 2]
            return client.get(path, params={"number": number}).status_code

        assert set(pool.map(ask, range(REQUESTS))) == {200}


def stored(database: Path) -> list[int]:
    """Return the numbers of the events in the database."""
    with closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute("SELECT number FROM seen ORDER BY number")]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(UVICORN, id="uvicorn"),
        pytest.param((*UVICORN, "--lifespan", "off"), id="uvicorn-without-lifespan"),
        pytest.param(HYPERCORN, id="hypercorn"),
    ],
)
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
def test_server_that_is_ended_loses_no_event(
    tmp_path: Path, command: Sequence[str], sign: signal.Signals
) -> None:
    database = tmp_path / "events.db"
    with serving(command, database) as (process, url):
        visit(url)
        process.send_signal(sign)
        said, _ = process.communicate(timeout=30)
    assert "Traceback" not in said
    # A server may end by itself or, having cleaned up, by the signal it got.
    assert process.returncode in (0, -sign, 128 + sign), said
    assert stored(database) == list(range(REQUESTS))


def test_every_worker_delivers_its_events(tmp_path: Path) -> None:
    database = tmp_path / "events.db"
    with serving((*UVICORN, "--workers", "2"), database) as (process, url):
        visit(url)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert stored(database) == list(range(REQUESTS))
