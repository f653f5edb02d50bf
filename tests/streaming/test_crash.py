"""Two readers, one warehouse: one reader is killed, the broker restarts, and all is there once."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from delivery.support import PATIENCE

from segment_identity import Analytics

from .broker import Broker

GROUP: Final = "warehouse"
VISITORS: Final = 40


def reader(url: str, warehouse: Path) -> subprocess.Popen[str]:
    """Start the command in small batches, so that there is a middle to be killed in."""
    command = ["-m", "segment_identity", "consume", url, f"sqlite:///{warehouse}"]
    return subprocess.Popen(
        [sys.executable, *command, "--group", GROUP, "--batch", "25", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )


def rows(warehouse: Path) -> int:
    """Return how many events are in the warehouse; none before there is one."""
    if not warehouse.exists():
        return 0
    with closing(sqlite3.connect(warehouse, timeout=10)) as database:
        try:
            return int(database.execute("SELECT count(*) FROM tracks").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def report(process: subprocess.Popen[str]) -> dict[str, Any]:
    """End a reader as a supervisor does, and return what it says."""
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    result: dict[str, Any] = json.loads(said)
    return result


def test_nothing_is_lost_and_nothing_doubled(broker: Broker, tmp_path: Path) -> None:
    broker.create("crash", 6)
    url = broker.url("crash", session_timeout_ms=2_000, heartbeat_interval_ms=300)
    warehouse = tmp_path / "events.db"
    analytics = Analytics(broker.url("crash"), max_events=100_000)
    sent = 0

    def emit(count: int) -> None:
        nonlocal sent
        for _ in range(count):
            visitor = analytics.identity(anonymous_id=f"visitor-{sent % VISITORS}")
            visitor.track("Step", {"number": sent})
            sent += 1

    emit(4_000)
    assert analytics.flush(PATIENCE)
    readers = [reader(url, warehouse) for _ in range(2)]
    try:
        until(lambda: rows(warehouse) >= 300)
        readers[0].kill()
        done = rows(warehouse)
        readers[0].communicate()
        assert done < sent, "it was killed too late to be in the middle"
        emit(500)
        broker.stop()
        emit(500)
        broker.start()
        readers[0] = reader(url, warehouse)
        until(lambda: sum(map(bool, broker.members(GROUP))) == 2)
        emit(1_000)
        assert analytics.close(PATIENCE)
        until(lambda: rows(warehouse) >= sent)
        reports = [report(each) for each in readers]
    finally:
        for each in readers:
            if each.poll() is None:
                os.kill(each.pid, signal.SIGKILL)
                each.communicate()
    assert all(each["delivered"] > 0 for each in reports)
    assert all(not each["dead_lettered"] for each in reports)
    assert broker.committed(GROUP, "crash", 6) == len(broker.records("crash"))
    with closing(sqlite3.connect(warehouse)) as database:
        tracks = database.execute("SELECT count(*), count(DISTINCT id) FROM tracks").fetchone()
        steps = database.execute("SELECT anonymous_id, number FROM step").fetchall()
    assert tracks == (sent, sent)
    assert sorted(number for _, number in steps) == list(range(sent))
    assert all(who == f"visitor-{number % VISITORS}" for who, number in steps)
