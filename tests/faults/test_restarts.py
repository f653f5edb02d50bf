"""SIGKILL at random moments, and a restart: nothing that was reported stored is lost."""

import random
import sqlite3
import time
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from segment_identity.destinations import Segment
from segment_identity.spool.file import SUFFIX

from .collecting import Collecting
from .processes import Program
from .script import Step
from .table import EVERY, LONG, THEIRS, Table
from .test_servers import end_under_load

# How often it is killed, by the number of workers.
MOMENTS: Final = {1: 50, 4: 50} if LONG else {1: 3, 4: 2}
PATIENCE: Final = 60.0
# What each worker may have under way when it is killed: a batch per strand, and a chunk that it
# adopts.
UNDER_WAY: Final = Segment("http://key@localhost/v1").parallel + 1


def steps(chance: random.Random) -> list[Step]:
    """Return how the collector behaves until the next SIGKILL."""
    kinds: list[list[Step]] = [
        [],
        [Step(refuse=True)],
        [Step(status=500)],
        [Step(latency=0.05)],
        [Step(cut=True, requests=3)],
        [Step(refuse=True, seconds=0.2), Step(status=503, retry_after=0)],
    ]
    return chance.choice(kinds)


def last_number(program: Program) -> int:
    """End a program, and return the number up to which it had reported its events as stored."""
    program.kill()
    said, _ = program.process.communicate()
    # The last line may be torn; the one before is whole.
    return max([0, *(int(line) for line in said.splitlines(keepends=True) if line[-1] == "\n")])


def kill_at_random(
    collector: Collecting, kind: str, spool: Path, workers: int, chance: random.Random
) -> dict[str, int]:
    """Start workers, kill them at once, and return how many events each had stored, by visitor."""
    stored: dict[str, int] = {}
    for moment in range(MOMENTS[workers]):
        collector.play(*steps(chance))
        with ExitStack() as stack:
            programs = {}
            for worker in range(workers):
                name = f"{moment}.{worker}"
                it = Program("secure", kind, collector.host, spool, worker=name, first=0)
                programs[name] = stack.enter_context(it)
            for it in programs.values():
                it.go()
            time.sleep(chance.uniform(0.05, 0.6))
            stored |= {name: last_number(it) for name, it in programs.items()}
    return stored


def sound(spool: Path) -> bool:
    """Tell whether every file of the spool is a whole database; there is one at least."""
    files = list(spool.glob(f"*{SUFFIX}"))
    for file in files:
        with closing(sqlite3.connect(file)) as connection:
            if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                return False
    return bool(files)


@pytest.mark.parametrize("workers", MOMENTS)
@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind != "memory"])
def test_what_was_stored_survives_sigkill(
    collector: Collecting, table: Table, tmp_path: Path, seed: int, kind: str, workers: int
) -> None:
    stored = kill_at_random(collector, kind, tmp_path, workers, random.Random(seed))
    assert kind == THEIRS or sound(tmp_path)
    collector.play()
    with Program("drain", kind, collector.host, tmp_path) as it:
        it.go()
        it.result(PATIENCE)
    order = collector.order()
    lost = {
        worker: len(missing)
        for worker, count in stored.items()
        if (missing := set(range(count)).difference(order.get(worker, ())))
    }
    total = sum(stored.values())
    # Some came although they had not been reported stored yet; they do not make up for others.
    arrived = total - sum(lost.values())
    fault = f"SIGKILL at {MOMENTS[workers]} random moments, then restarts; workers: {workers}"
    report = collector.report()
    # What the collector took without saying so comes again, too.
    cut_off = sum(sent.events for sent in report.requests if sent.status == 0)
    table.add(fault, kind, total, report, arrived=arrived, cut_off=cut_off)
    if kind != THEIRS:
        assert total
        assert lost == {}
        # In order, and no event under two ids.
        assert all(numbers == sorted(set(numbers)) for numbers in order.values())
        largest = max(sent.events for sent in report.requests)
        assert report.repeated <= cut_off + MOMENTS[workers] * workers * UNDER_WAY * largest


@pytest.mark.parametrize("kind", [each for each in EVERY if LONG or each == "spool"])
def test_sigterm_during_an_outage_loses_nothing_with_a_spool(
    collector: Collecting, table: Table, tmp_path: Path, kind: str
) -> None:
    collector.play(Step(refuse=True))
    server = "uvicorn with h11"
    answered = end_under_load(server, kind, collector, tmp_path, count())
    collector.play()
    with Program("drain", kind, collector.host, tmp_path) as it:
        it.go()
        it.result(PATIENCE)
    came = {number for each in collector.order().values() for number in each}
    report = collector.report()
    fault = "SIGTERM during an outage, then a restart"
    table.add(fault, kind, len(answered), report, arrived=len(answered & came))
    if kind == "spool":
        assert answered - came == set()
