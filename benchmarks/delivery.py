"""Sustained delivery to a local collector, side by side with the SDKs people use today.

Every client sends the same events from a process of its own to a collector in another process,
which counts what is distinct. Clients take turns in rounds, so that what else the machine does hits
all alike. Time runs from the first call until the collector has everything, or is cut off; CPU time
(of all threads, the calls included) and memory are what the system says of the client's process.

    PYTHONPATH=tests python -m benchmarks.delivery [--events 100000] [--rounds 3]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from faults.collecting import Collecting
from faults.script import Step

from benchmarks.sending import CLIENTS

BASE: Final = "segment-analytics-python"
CUT_OFF: Final = 20.0
LATENCIES: Final = (0.0, 0.05)
TICKS: Final = os.sysconf("SC_CLK_TCK")


class Took(NamedTuple):
    """What one client did in one round; memory in MiB."""

    seconds: float
    delivered: int
    cpu: float
    memory: float

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.delivered / self.seconds

    @property
    def cpu_each(self) -> float:
        """Microseconds of CPU time per delivered event."""
        return self.cpu / max(1, self.delivered) * 1e6


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU time that a process and its threads have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_of(pid: int, line: str) -> float:
    """Return a line of a process' memory, in MiB: VmRSS now, VmHWM at most so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(f"{line}:")[2].split()[0]) / 1_024


def run(name: str, collector: Collecting, events: int, latency: float) -> Took:
    """Let one client send."""
    collector.clear()
    collector.play(Step(latency=latency))
    with tempfile.TemporaryDirectory() as spool:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sending", name, collector.host, str(events), spool],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            cpu, memory = cpu_of(process.pid), memory_of(process.pid, "VmRSS")
            begin = time.monotonic()
            process.stdin.write("go\n")
            process.stdin.flush()
            delivered = collector.wait_for(events, CUT_OFF).distinct
            return Took(
                time.monotonic() - begin,
                delivered,
                cpu_of(process.pid) - cpu,
                memory_of(process.pid, "VmHWM") - memory,
            )
        finally:
            process.kill()
            process.communicate()


def report(latency: float, events: int, takes: dict[str, list[Took]]) -> None:
    """Print one table; ratios are medians of the ratios within a round."""
    print(f"\n## The collector answers {f'in {latency * 1e3:g} ms' if latency else 'at once'}\n")
    print(f"| client | events/s | × {BASE} | CPU µs/event | × | MiB more | remark |")
    print("|---|--:|--:|--:|--:|--:|---|")
    base = takes[BASE]
    for name, each in takes.items():
        rates = statistics.median(a.rate / b.rate for a, b in zip(each, base, strict=True))
        cpus = statistics.median(a.cpu_each / b.cpu_each for a, b in zip(each, base, strict=True))
        share = min(took.delivered for took in each) / events
        print(
            f"| {name} | {statistics.median(took.rate for took in each):,.0f} | {rates:.2f} "
            f"| {statistics.median(took.cpu_each for took in each):.1f} | {cpus:.2f} "
            f"| {statistics.median(took.memory for took in each):.0f} "
            f"| {'' if share == 1 else f'cut off after {CUT_OFF:g} s with {share:.0%} there'} |"
        )


def main(events: int, rounds: int) -> None:
    """Let every client take its turn in every round."""
    with Collecting() as collector:
        for latency in LATENCIES:
            takes: dict[str, list[Took]] = {name: [] for name in CLIENTS}
            for _ in range(rounds):
                for name, each in takes.items():
                    each.append(run(name, collector, events, latency))
            report(latency, events, takes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    main(given.events, given.rounds)
