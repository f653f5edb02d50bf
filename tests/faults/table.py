"""What each client did in each row: kept for people, whatever the assertions say."""

import os
from pathlib import Path
from typing import Any, Final

import msgspec

from .record import Report

LONG: Final = os.environ.get("SEGMENT_IDENTITY_FAULTS") == "long"
RESULTS: Final = Path(__file__).parents[2] / "benchmarks" / "results" / "faults.md"

THEIRS: Final = "segment-analytics-python"
OURS: Final = ("memory", "spool")
EVERY: Final = (*OURS, THEIRS) if LONG else OURS
NAMES: Final = {"memory": "ours, in memory", "spool": "ours, with a spool", THEIRS: THEIRS}

HEAD: Final = """\
# Faults

`make faults` (tests/faults): real processes, real signals, a scripted collector and proxy.
`segment-analytics-python` has its defaults and takes its turn in each, as what people use today.
A part of the suite renews only its own rows, so rows may be of several runs.

"Lost" was recorded and never arrived; what a client itself counted as dropped is in the remark.
"Again" came more than once, which a collector recognises by the `messageId`; "cut off" says how
many events it had taken when it closed the connection without an answer.

| fault | client | recorded | arrived | lost | again | remark |
|---|---|--:|--:|--:|--:|---|
"""


class Row(msgspec.Struct, frozen=True):
    """One client in one row."""

    fault: str
    kind: str
    recorded: int
    arrived: int
    again: int
    remark: str


class Table:
    """Collects rows."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def add(
        self,
        fault: str,
        kind: str,
        recorded: int,
        report: Report,
        remark: str = "",
        *,
        arrived: int | None = None,
        **more: Any,
    ) -> None:
        """Add what the collector has seen of *kind* in a row; *more* is told as a remark."""
        came = report.distinct if arrived is None else arrived
        told = [remark] if remark else []
        told += [f"{name.replace('_', ' ')} {value}" for name, value in more.items() if value]
        row = Row(fault, kind, recorded, came, report.repeated, ", ".join(told))
        self._rows.append(row)

    def text(self, before: str = "") -> str:
        """Return the table in Markdown, clients of a fault together.

        What the table *before* says of others stays, in its place.
        """
        old = [line for line in before.splitlines() if line.startswith("| ")][1:]
        new = [
            f"| {row.fault} | {NAMES[row.kind]} | {row.recorded:,} | {row.arrived:,} "
            f"| {max(0, row.recorded - row.arrived):,} | {row.again:,} | {row.remark} |"
            for row in self._rows
        ]
        lines = {_of(line): line for line in [*old, *new]}
        faults = list(dict.fromkeys(fault for fault, _ in lines))
        clients = list(NAMES.values())
        order = sorted(lines, key=lambda of: (faults.index(of[0]), clients.index(of[1])))
        return HEAD + "".join(f"{lines[of]}\n" for of in order)


def _of(line: str) -> tuple[str, str]:
    """Return the fault and the client that a line is about."""
    fault, client, _ = line.removeprefix("| ").split(" | ", 2)
    return fault, client
