"""Ends, forks, bursts and shortages of the process that records."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from .collecting import Collecting
from .processes import Program
from .script import Step
from .table import EVERY, LONG, OURS, THEIRS, Table

PATIENCE: Final = 60.0
CHILDREN: Final = 4
BLOCKED: Final = 5.0 if LONG else 2.0


@pytest.mark.parametrize("kind", EVERY)
def test_an_exit_without_flush_loses_nothing(
    collector: Collecting, table: Table, tmp_path: Path, kind: str
) -> None:
    with Program("leave", kind, collector.host, tmp_path, count=5_000) as it:
        it.go()
        it.result(PATIENCE)
    report = collector.report()
    table.add("exit without flush", kind, 5_000, report)
    if kind != THEIRS:
        assert report.distinct == 5_000


@pytest.mark.parametrize("kind", EVERY)
def test_a_fork_after_the_first_event_loses_nothing(
    collector: Collecting, table: Table, tmp_path: Path, kind: str
) -> None:
    given = {"children": CHILDREN, "count": 1_000}
    with Program("fork", kind, collector.host, tmp_path, **given) as it:
        it.go()
        counts = it.result(20.0 if kind == THEIRS else PATIENCE)
    report = collector.report()
    took = [each["flushed_in"] for each in counts]
    remark = f"flush took {max(took):.1f} s at most" if took else "flush hangs"
    table.add("fork after the first event", kind, 4_001, report, remark)
    if kind != THEIRS:
        assert report.distinct == 4_001
        assert len(took) == CHILDREN
        assert max(took) < 2.0


@pytest.mark.parametrize("kind", EVERY)
def test_a_burst_from_many_threads_is_taken_or_counted(
    collector: Collecting, table: Table, tmp_path: Path, kind: str
) -> None:
    with Program("burst", kind, collector.host, tmp_path, threads=64, count=50_000) as it:
        it.go()
        (counts,) = it.result(PATIENCE)
    report = collector.report()
    remark = f"recorded in {counts['recorded_in']:.1f} s"
    dropped = counts["dropped"]
    table.add("50,000 at once from 64 threads", kind, 50_000, report, remark, dropped=dropped)
    if kind != THEIRS:
        assert counts["accepted"] == 50_000
        assert counts["delivered"] + counts["dropped"] == 50_000
        assert report.distinct == counts["delivered"]


@pytest.mark.parametrize("kind", EVERY if LONG else ["memory"])
def test_events_flow_while_the_app_blocks_its_loop(
    collector: Collecting, table: Table, tmp_path: Path, kind: str
) -> None:
    given = {"count": 2_000, "seconds": BLOCKED}
    with Program("blocked_loop", kind, collector.host, tmp_path, **given) as it:
        it.go()
        report = collector.wait_for(2_000, BLOCKED - 0.5)
        it.wait_for("unblocked")
        it.result(PATIENCE)
    table.add(f"event loop blocked for {BLOCKED:g} s, meanwhile", kind, 2_000, report)
    if kind != THEIRS:
        assert report.distinct == 2_000


@pytest.mark.parametrize("kind", OURS if LONG else ["memory"])
def test_a_clock_that_is_set_stops_nothing(
    collector: Collecting, table: Table, tmp_path: Path, kind: str
) -> None:
    steps = [0, 3_600, -3_600, 86_400 * 400, 0]
    with Program("stepped", kind, collector.host, tmp_path, steps=steps, count=200) as it:
        it.go()
        (counts,) = it.result(PATIENCE)
    report = collector.report()
    table.add("clock set by +1 h, -1 h, +400 d", kind, 1_000, report)
    assert counts["flushed"]
    assert report.distinct == counts["delivered"] == 1_000
    assert collector.order() == {"a": list(range(1_000))}


@pytest.mark.parametrize("kind", EVERY if LONG else ["spool"])
def test_no_file_descriptor_left_costs_no_event(
    collector: Collecting, table: Table, tmp_path: Path, kind: str
) -> None:
    with Program("few_files", kind, collector.host, tmp_path, count=1_000, files=64) as it:
        it.go()
        counts = it.result(PATIENCE)
    report = collector.report()
    dropped = counts[0]["dropped"] if counts else 0
    remark = "" if counts else f"cut off after {PATIENCE:g} s"
    table.add("no file descriptor left, of 64", kind, 1_000, report, remark, dropped=dropped)
    if kind != THEIRS:
        assert counts[0]["flushed"]
        assert report.distinct == counts[0]["delivered"]
        assert counts[0]["delivered"] + dropped == counts[0]["accepted"] == 1_000


@contextmanager
def small_disk(at: Path) -> Iterator[Path | None]:
    """Mount a file system of 1 MiB; None for who may not, who then limits the size of files."""
    at.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(at)]
    is_mounted = os.getuid() == 0 and subprocess.run(command, check=False).returncode == 0
    try:
        yield at if is_mounted else None
    finally:
        if is_mounted:
            subprocess.run(["umount", str(at)], check=True)


def test_a_full_disk_is_counted_and_recovered_from(
    collector: Collecting, table: Table, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        limit = None if disk else 1_048_576
        given = {"count": 4_000, "limit": limit}
        with Program("full_disk", "spool", collector.host, tmp_path / "disk", **given) as it:
            collector.play(Step(refuse=True))
            it.go()
            it.wait_for("full")
            collector.play()
            (counts,) = it.result(PATIENCE)
    report = collector.report()
    table.add("disk full, then not", "spool", 8_000, report, dropped=counts["dropped"])
    assert counts["flushed"]
    assert counts["faults"].get("spool")
    assert counts["accepted"] == counts["delivered"] + counts["dropped"] == 8_000
    assert report.distinct == counts["delivered"]
    # What comes after there is room again is not dropped.
    assert counts["delivered"] >= 4_000
