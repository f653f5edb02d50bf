"""Real servers, ended by SIGTERM while requests come in: every event of an answered one arrives."""

import http.client
import signal
import threading
import time
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from .collecting import Collecting
from .serving import PATIENCE, SERVERS, serving
from .table import EVERY, LONG, THEIRS, Table

TIMES: Final = 10 if LONG else 1
LOAD: Final = 1.5
LATE: Final = 0.5
CLIENTS: Final = 8

# The short form serves every server once.
CASES: Final = [(server, kind) for server in SERVERS for kind in EVERY if LONG or kind == "memory"]


class Load:
    """Asks a server, from several threads, until it answers no more."""

    def __init__(self, port: int, numbers: "count[int]") -> None:
        self.answered: set[int] = set()
        self._port = port
        self._numbers = numbers
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(path,))
            for path in ("/async", "/sync") * (CLIENTS // 2)
        ]
        for thread in self._threads:
            thread.start()

    def wait_for(self, count: int) -> None:
        """Wait for so many answers, as a port may be open before its workers are there."""
        until = time.monotonic() + PATIENCE
        while len(self.answered) < count and time.monotonic() < until:
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask no more."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        while not self._stopped.is_set():
            number = next(self._numbers)
            try:
                connection.request("GET", f"{path}?number={number}")
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                time.sleep(0.01)
            else:
                if response.status == 200:
                    self.answered.add(number)
        connection.close()


def end_under_load(
    server: str, kind: str, collector: Collecting, spool: Path, numbers: "count[int]"
) -> set[int]:
    """Serve for a moment, end by SIGTERM, and return the numbers of the requests answered."""
    with serving(SERVERS[server], kind, collector.host, spool) as (process, port):
        load = Load(port, numbers)
        try:
            # gunicorn listens long before its workers answer.
            load.wait_for(100)
            time.sleep(LOAD)
            process.send_signal(signal.SIGTERM)
            time.sleep(LATE)
            # uvicorn serves a kept connection for as long as it is never idle.
            load.stop()
            said, _ = process.communicate(timeout=PATIENCE)
        finally:
            load.stop()
    if kind != THEIRS:
        # A server may end by itself or, having cleaned up, by the signal it got.
        assert process.returncode in (0, -signal.SIGTERM, 128 + signal.SIGTERM), said
        assert "Traceback" not in said
    assert len(load.answered) >= 100, said
    return load.answered


@pytest.mark.parametrize(("server", "kind"), CASES)
def test_sigterm_under_load_loses_nothing(
    collector: Collecting, table: Table, tmp_path: Path, server: str, kind: str
) -> None:
    numbers, answered = count(), set[int]()
    for _ in range(TIMES):
        answered |= end_under_load(server, kind, collector, tmp_path, numbers)
    came = {number for each in collector.order().values() for number in each}
    missing = answered - came
    report = collector.report()
    fault = f"SIGTERM under load, {TIMES} ×, {server}"
    table.add(fault, kind, len(answered), report, arrived=len(answered & came))
    if kind != THEIRS:
        assert missing == set()
