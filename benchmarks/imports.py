"""What importing the package costs, beside Starlette's own import and the SDKs people use.

Every import is the first of a fresh process that has imported Starlette's application, requests,
responses and routes already, as an app has; so what Starlette needs itself counts for none. Cases
take turns, and all read bytecode that an untimed first round wrote. Reported are the medians of the
wall clock and of CPU time, and how many modules came.

    python -m benchmarks.imports [--rounds 40]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Final, NamedTuple

STARLETTE: Final = (
    "starlette.applications, starlette.requests, starlette.responses, starlette.routing"
)
OURS: Final = "segment_identity"
PEER: Final = "segment-analytics-python"
# What each case imports once Starlette is there; Starlette's own imports stand for itself.
CASES: Final[Mapping[str, str]] = {
    "Starlette itself": "",
    OURS: "segment_identity",
    "segment_identity, with a warehouse": "segment_identity, segment_identity.warehouse",
    PEER: "segment.analytics",
    "rudder-sdk-python": "rudderstack.analytics",
    "posthog": "posthog",
    "mixpanel": "mixpanel",
}
PROGRAM: Final = """
import sys, time
def timed(names):
    before, wall, cpu = len(sys.modules), time.perf_counter(), time.process_time()
    exec(f"import {names}")
    print(time.perf_counter() - wall, time.process_time() - cpu, len(sys.modules) - before)
first, second = sys.argv[1:]
if second:
    exec(f"import {first}")
timed(second or first)
"""


class Took(NamedTuple):
    """What one import cost: milliseconds of the clock and of CPU time, and modules."""

    wall: float
    cpu: float
    modules: int


def once(imported: str, folder: str) -> Took:
    """Import in a fresh process, whose bytecode is in *folder*."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, STARLETTE, imported],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    wall, cpu, modules = done.stdout.split()
    return Took(float(wall) * 1_000, float(cpu) * 1_000, int(modules))


def report(rounds: Mapping[str, list[Took]]) -> None:
    def figures(name: str) -> tuple[float, float, int]:
        took = rounds[name]
        walls, cpus = [each.wall for each in took], [each.cpu for each in took]
        return statistics.median(walls), statistics.median(cpus), took[0].modules

    starlette, peer = figures("Starlette itself")[1], figures(PEER)[1]
    print("| import | ms | ms of CPU | × Starlette | × " + PEER + " | modules |")
    print("|---|--:|--:|--:|--:|--:|")
    for name in rounds:
        wall, cpu, modules = figures(name)
        ratios = f"{cpu / starlette:.2f} | {cpu / peer:.2f}"
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {ratios} | {modules} |")


def main(rounds: int) -> None:
    took: dict[str, list[Took]] = {name: [] for name in CASES}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            for name, imported in CASES.items():
                one = once(imported, folder)
                # The first round writes bytecode.
                if number:
                    took[name].append(one)
    report(took)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    main(parser.parse_args().rounds)
