"""Real servers, ended by SIGTERM right after the last answer."""

import signal
import sqlite3
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Final

import httpx
import pytest
from servers import UVICORN, in_process

REQUESTS: Final = 300
TESTS: Final = Path(__file__).parents[1]
HYPERCORN: Final = ("hypercorn", "--bind", "127.0.0.1:0")


def serving(
    command: Sequence[str], database: Path
) -> AbstractContextManager[tuple["subprocess.Popen[str]", str]]:
    """Serve the app by a server, with its events in *database*."""
    environment = {"EVENTS": str(database), "PYTHONPATH": str(TESTS)}
    return in_process(*command, "delivery.served:app", folder=TESTS, environment=environment)


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
