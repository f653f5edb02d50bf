"""Loaders are killed, run side by side, and lose their server; nothing is lost or doubled."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from segment_identity.messages import Message

from .made import made, missing
from .server import Server
from .server import missing as lacking
from .support import Database

LOADER: Final = Path(__file__).with_name("loader.py")
# `make faults` asks for the long form.
IS_LONG: Final = os.environ.get("SEGMENT_IDENTITY_FAULTS") == "long"
KILLS: Final = 100 if IS_LONG else 5
PATIENCE: Final = 120.0


@contextmanager
def loading(
    url: str, file: Path, progress: Path, size: int, *seed: int
) -> "Iterator[subprocess.Popen[str]]":
    """Run a loader, and wait until it has begun."""
    arguments = [str(each) for each in (url, file, progress, size, *seed)]
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(LOADER), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
        yield process
    finally:
        process.kill()
        process.communicate()


def written(folder: Path, events: Sequence[Message]) -> Path:
    """Write events to a file."""
    file = folder / "events.jsonl"
    file.write_text("".join(f"{json.dumps(each)}\n" for each in events))
    return file


def test_loader_that_is_killed_loses_and_doubles_nothing(
    database: Database, tmp_path: Path
) -> None:
    chance = random.Random(1)
    events = made(20 * KILLS + 200, seed=1)
    file, progress = written(tmp_path, events), tmp_path / "progress"
    kills = 0
    for _ in range(10 * KILLS):
        with loading(database.url, file, progress, 7) as process:
            time.sleep(chance.random() * 0.4)
            if process.poll() is not None:
                # It was quick; from the start again, where each event is a repeat.
                progress.unlink()
                continue
            process.kill()
            kills += 1
        if kills == KILLS:
            break
    assert kills == KILLS, "the loader was never killed often enough"
    with loading(database.url, file, progress, 50) as process:
        assert process.wait(PATIENCE) == 0, process.communicate()[1]
    assert missing(database, events) == []
    if database.is_sqlite:
        assert database.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


def test_writers_that_change_the_schema_at_once_lose_and_double_nothing(
    database: Database, tmp_path: Path
) -> None:
    """Three load the same events, each in an order of its own."""
    events = made(600, seed=2)
    file = written(tmp_path, events)
    with (
        loading(database.url, file, tmp_path / "a", 20, 1) as one,
        loading(database.url, file, tmp_path / "b", 30, 2) as two,
        loading(database.url, file, tmp_path / "c", 40, 3) as three,
    ):
        for each in (one, two, three):
            assert each.wait(PATIENCE) == 0, each.communicate()[1]
    assert missing(database, events) == []


def test_server_that_goes_away_in_the_middle_loses_and_doubles_nothing(tmp_path: Path) -> None:
    wanted = lacking()
    if wanted:
        pytest.skip(wanted)
    events = made(600, seed=3)
    file = written(tmp_path, events)
    server = Server()
    try:
        server.start()
        url = server.create()
        with (
            loading(url, file, tmp_path / "a", 20, 1) as one,
            loading(url, file, tmp_path / "b", 30, 2) as two,
        ):
            for how in (server.kill, server.stop):
                time.sleep(0.5)
                how()
                time.sleep(0.2)
                server.start()
            for each in (one, two):
                assert each.wait(PATIENCE) == 0, each.communicate()[1]
        with Database.opened(url) as database:
            assert missing(database, events) == []
    finally:
        server.stop()
        server.remove()
