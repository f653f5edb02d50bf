"""Dead letters get another chance, once their cause is mended."""

import contextlib
import json
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from segment_identity import Analytics, ConfigurationError, Fault, Unavailable, Undeliverable
from segment_identity.destinations import Memory
from segment_identity.spool import Replayed, Spool, replay
from segment_identity.spool.dead_letters import NAME, DeadLetters
from segment_identity.spool.file import SpoolFile

from .support import PATIENCE, adds_up, emit, names
from .tracking_api import tracking_api


class Picky(Memory):
    """Takes no event called Poison before it is mended."""

    def __init__(self) -> None:
        super().__init__()
        self.is_mended = False

    def send(self, batch: Sequence[bytes], /) -> None:
        """Refuse or add the batch."""
        if not self.is_mended and any(b'"Poison"' in event for event in batch):
            raise Undeliverable("poison")
        super().send(batch)


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `segment-identity replay`."""
    line = [sys.executable, "-W", "error", "-m", "segment_identity", "replay"]
    return subprocess.run(
        [*line, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def bury(folder: Path, **counts: int) -> None:
    """Leave numbered dead letters, for each destination so many, in turns."""
    letters = DeadLetters(folder)
    for number in range(max(counts.values())):
        for destination, count in counts.items():
            if number < count:
                letters.add(destination, b'{"event":"%d"}' % number, "Undeliverable")


def waiting(folder: Path) -> list[tuple[str, int]]:
    """Return for whom, and how many, the chunks are that wait to be adopted."""
    [path] = folder.glob("*.spool")
    opened = SpoolFile.open(path)
    try:
        return [(row.lane, row.events) for row in opened.stored()]
    finally:
        opened.close()


def test_a_running_worker_delivers_what_the_command_puts_back(tmp_path: Path) -> None:
    picky, other = Picky(), Memory()
    with Analytics(picky, other, spool=tmp_path, shutdown_timeout=PATIENCE) as analytics:
        emit(analytics, "One", "Poison", "Two")
        assert analytics.flush(PATIENCE)
        assert names(picky) == ["One", "Two"]
        picky.is_mended = True
        done = command(tmp_path, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) == {"put_back": {"picky": 1}, "left": {}}
        until(lambda: len(picky.messages) == 3)
        assert analytics.flush(PATIENCE)
        stats = analytics.stats()
        assert (stats.dead_lettered, stats.adopted, adds_up(stats)) == (1, 1, True)
    assert names(picky) == ["One", "Two", "Poison"]
    assert names(other) == ["One", "Poison", "Two"]
    assert picky.messages[-1]["messageId"] == other.messages[1]["messageId"]
    assert list(tmp_path.glob("*.spool")) == []
    done = command(tmp_path)
    assert (done.returncode, done.stdout) == (0, "0 put back, 0 left\n")


def test_what_is_refused_again_is_a_dead_letter_again(tmp_path: Path) -> None:
    for _ in range(2):
        with Analytics(Picky(), spool=tmp_path, shutdown_timeout=PATIENCE) as analytics:
            emit(analytics, "Poison")
            assert analytics.flush(PATIENCE)
    assert replay(tmp_path) == Replayed({"picky": 2}, {})
    with Analytics(Picky(), spool=tmp_path, shutdown_timeout=PATIENCE) as analytics:
        analytics.start()
        until(lambda: analytics.stats().dead_lettered == 2)
    assert DeadLetters(tmp_path).counts() == {"picky": 2}
    assert list(tmp_path.glob("*.spool")) == []


def test_the_letters_of_one_destination_are_put_back_in_order(tmp_path: Path) -> None:
    bury(tmp_path, memory=510, other=2)
    done = command(tmp_path, "--destination", "memory")
    assert done.stdout == "510 (memory: 510) put back, 2 (other: 2) left\n"
    assert sum(events for _, events in waiting(tmp_path)) == 510
    memory = Memory()
    with Analytics(memory, spool=tmp_path) as analytics:
        analytics.start()
        until(lambda: len(memory.messages) == 510)
    assert names(memory) == [str(number) for number in range(510)]
    assert replay(tmp_path, "memory") == Replayed({}, {"other": 2})
    assert replay(tmp_path, "othre") == Replayed({}, {"other": 2})
    assert replay(tmp_path) == Replayed({"other": 2}, {})


def test_letters_that_died_long_ago_are_not_too_old(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path, clock=lambda: time.time() - 30 * 86_400)
    letters.add("memory", b'{"event":"Old"}', "Undeliverable")
    replay(tmp_path)
    memory = Memory()
    with Analytics(memory, spool=Spool(tmp_path, max_age=60)) as analytics:
        analytics.start()
        until(lambda: len(memory.messages) == 1)


def test_what_the_disk_does_not_take_stays_a_dead_letter(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path)
    for _ in range(10):
        letters.add("memory", b'{"event":"%s"}' % (b"x" * 30_000), "Undeliverable")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(Unavailable, match="the dead letters could not be put back"):
            replay(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert letters.counts() == {"memory": 10}
    assert list(tmp_path.glob("*.spool*")) == []
    assert replay(tmp_path) == Replayed({"memory": 10}, {})


def test_dead_letters_that_cannot_be_read_are_told_with_code_1(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database at all " * 100)
    done = command(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "segment-identity: the dead letters could not be put back: file is not a database\n"
    )


def test_a_folder_that_is_none_is_told_with_code_2(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="which is not there; want a spool"):
        replay(tmp_path / "sppol")
    assert not (tmp_path / "sppol").exists()
    (tmp_path / "file").touch()
    done = command(tmp_path / "file")
    assert done.returncode == 2
    assert "want a folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_dead_letters_of_one_of_two_addresses_are_never_given_to_the_other(tmp_path: Path) -> None:
    with tracking_api(poison="Poison") as first, tracking_api() as second:
        with Analytics(first.url, second.url, spool=tmp_path) as analytics:
            emit(analytics, "Poison")
        assert replay(tmp_path).put_back == {"segment": 1}
        first.poison = None
        with Analytics(second.url, spool=tmp_path) as analytics:
            analytics.start()
            until(lambda: analytics.stats().faults.get("spool_unclaimed", 0) > 0)
        with Analytics(second.url, first.url, spool=tmp_path) as analytics:
            analytics.start()
            until(lambda: len(first.taken) == 1)
        assert len(second.taken) == 1


def test_a_dead_letter_that_cannot_be_written_is_no_dead_letter(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / NAME).mkdir()
    picky, faults = Picky(), list[Fault]()
    with Analytics(picky, spool=tmp_path, on_error=faults.append) as analytics:
        emit(analytics, "Fine", "Poison", "Poison", "Good")
    stats = analytics.stats()
    assert (stats.delivered, stats.dead_lettered, stats.pending) == (2, 0, 0)
    assert stats.dropped == {"dead_letter_lost": 2}
    assert stats.faults == {"dead_letters": 2}
    assert adds_up(stats)
    assert [(each.reason, each.events) for each in faults] == [("dead_letter_lost", 1)] * 2
    lost = [each for each in caplog.messages if "dead_letter_lost" in each]
    assert lost == ["destination picky: dead_letter_lost (Undeliverable, 1 events)"]


def test_dead_letters_of_an_earlier_version_are_put_back(tmp_path: Path) -> None:
    bury(tmp_path, picky=1)
    with contextlib.closing(sqlite3.connect(tmp_path / NAME)) as connection, connection:
        connection.execute("ALTER TABLE dead_letters DROP COLUMN kept_as")
    bury(tmp_path, picky=1)
    assert replay(tmp_path).put_back == {"picky": 2}
    assert waiting(tmp_path) == [("picky", 2)]
