"""A collector or a network that misbehaves, while an app records events at a steady rate."""

from pathlib import Path
from typing import Any, Final

import pytest

from .collecting import Collecting, Proxying
from .processes import Program
from .record import Sent
from .script import Step
from .table import EVERY, LONG, OURS, THEIRS, Table

# An outage leaves fewer behind than the 10,000 that wait in memory; more would be dropped.
RATE: Final = 500 if LONG else 1_000
COUNT: Final = 6_000 if LONG else 1_500
OUTAGE: Final = 5.0 if LONG else 0.7
WAIT: Final = 5 if LONG else 1
# For as long as it takes; a client that is not done by then has lost what is missing.
PATIENCE: Final = 90.0

FAULTS: Final = {
    f"answers 500 for {OUTAGE:g} s": [Step(status=500, seconds=OUTAGE)],
    f"429 with Retry-After: {WAIT}": [Step(status=429, retry_after=WAIT, requests=1)],
    f"503 with a date {WAIT + 1} s ahead": [
        Step(status=503, retry_after=WAIT + 1, as_date=True, requests=1)
    ],
    f"down for {2 * OUTAGE:g} s": [Step(refuse=True, seconds=2 * OUTAGE)],
    f"hangs for {OUTAGE:g} s": [Step(hang=True, seconds=OUTAGE)],
    f"reads 5 KB/s for {OUTAGE:g} s": [Step(rate=5_000, seconds=OUTAGE)],
    "closes after accepting, 5 times": [Step(cut=True, requests=5)],
}
# The short form plays every fault once and the two that a spool is made for twice.
SPOOLED: Final = ("down", "closes")
CASES: Final = [
    (fault, kind)
    for fault in FAULTS
    for kind in EVERY
    if LONG or kind == "memory" or fault.startswith(SPOOLED)
]


def options(kind: str) -> dict[str, Any]:
    """Return a time-out that fits the short form."""
    return {} if LONG or kind == THEIRS else {"client": {"timeout": 1.0}}


@pytest.mark.parametrize(("fault", "kind"), CASES)
def test_a_collector_that_fails_for_a_while_costs_no_event(
    collector: Collecting, table: Table, tmp_path: Path, fault: str, kind: str
) -> None:
    asked = options(kind)
    with Program("steady", kind, collector.host, tmp_path, count=COUNT, rate=RATE, **asked) as it:
        collector.play(*FAULTS[fault])
        it.go()
        counts = it.result(PATIENCE)
    report = collector.report()
    dropped = counts[0]["dropped"] if counts else 0
    remark = "" if counts else f"cut off after {PATIENCE:g} s"
    requests = len(report.requests)
    table.add(fault, kind, COUNT, report, remark, dropped=dropped, requests=requests)
    if kind == THEIRS:
        return
    assert counts[0]["accepted"] == COUNT
    assert (counts[0]["delivered"], counts[0]["pending"]) == (COUNT, 0)
    assert report.distinct == COUNT
    assert all(numbers == sorted(numbers) for numbers in collector.order().values())
    for refused in report.requests:
        # A date has whole seconds, so it may be a second nearer than was meant.
        wait = {429: WAIT, 503: WAIT}.get(refused.status, 0)
        assert too_soon(report.requests, refused.at, wait) == []


def too_soon(requests: list[Sent], at: float, wait: float) -> list[Sent]:
    """Return what came although it had been asked to wait; some was under way already."""
    return [each for each in requests if at + 0.5 < each.at < at + 0.95 * wait]


@pytest.mark.parametrize("kind", EVERY)
def test_an_outage_that_is_longer_than_memory_lasts_costs_no_event_with_a_spool(
    collector: Collecting, table: Table, tmp_path: Path, kind: str
) -> None:
    outage, rate = (30.0, 1_000) if LONG else (1.5, 2_000)
    count = int(outage * rate)
    asked = {} if LONG or kind == THEIRS else {"client": {"max_events": 500}}
    with Program("steady", kind, collector.host, tmp_path, count=count, rate=rate, **asked) as it:
        collector.play(Step(refuse=True, seconds=outage))
        it.go()
        counts = it.result(PATIENCE + outage)
    report = collector.report()
    dropped = counts[0]["dropped"] if counts else 0
    remark = "" if counts else f"cut off after {PATIENCE + outage:g} s"
    fault = f"down for {outage:g} s at {rate:,} events/s"
    table.add(fault, kind, count, report, remark, dropped=dropped)
    if kind != THEIRS:
        assert counts[0]["accepted"] == count == report.distinct + dropped
        assert (dropped == 0) == (kind == "spool")


@pytest.mark.parametrize("kind", EVERY)
def test_one_bad_event_costs_no_other(
    collector: Collecting, table: Table, tmp_path: Path, kind: str
) -> None:
    given = {"count": 100, "rate": 1e9, "poison": 37, "visitors": 1}
    with Program("steady", kind, collector.host, tmp_path, **given) as it:
        collector.play(Step(poison="Poison"))
        it.go()
        counts = it.result(PATIENCE)
    report = collector.report()
    dead = counts[0].get("dead_lettered", 0)
    requests = len(report.requests)
    table.add("1 bad event in 100", kind, 99, report, requests=requests, dead_lettered=dead)
    if kind != THEIRS:
        assert report.distinct == counts[0]["delivered"] == 99
        assert (counts[0]["dead_lettered"], counts[0]["pending"]) == (1, 0)
        assert requests <= 16


@pytest.mark.parametrize("kind", EVERY if LONG else ["spool"])
def test_a_network_that_breaks_connections_costs_no_event(
    collector: Collecting, table: Table, tmp_path: Path, seed: int, kind: str
) -> None:
    asked = options(kind)
    with (
        Proxying(collector, seed=seed, share=0.3) as proxy,
        Program("steady", kind, proxy.host, tmp_path, count=COUNT, rate=RATE, **asked) as it,
    ):
        it.go()
        counts = it.result(PATIENCE)
    report = collector.report()
    remark = "" if counts else f"cut off after {PATIENCE:g} s"
    table.add("3 of 10 connections break", kind, COUNT, report, remark)
    if kind != THEIRS:
        assert (counts[0]["delivered"], counts[0]["pending"]) == (COUNT, 0)
        assert report.distinct == COUNT
        assert all(numbers == sorted(numbers) for numbers in collector.order().values())


@pytest.mark.parametrize("kind", OURS)
def test_a_wrong_key_is_no_reason_to_drop_or_to_hurry(
    collector: Collecting, table: Table, tmp_path: Path, kind: str
) -> None:
    given: dict[str, Any] = {"count": 1_000, "client": {"shutdown_timeout": 1.0}}
    with Program("leave", kind, collector.host, tmp_path, **given) as it:
        collector.play(Step(status=401))
        it.go()
        it.result(PATIENCE)
    report = collector.report()
    assert report.distinct == 0
    assert len(report.requests) <= 6
    if kind == "spool":
        collector.play()
        with Program("drain", kind, collector.host, tmp_path) as it:
            it.go()
            it.result(PATIENCE)
        report = collector.report()
        table.add("401, then a restart with the right key", kind, 1_001, report)
        assert report.distinct == 1_001
