"""What a collector that hangs does to the requests of an app.

A real uvicorn records one event in every request, first with a collector that answers and then
with one that accepts connections and never says a word; cases take turns in rounds, each with a
server of its own. Requests come one after another at a steady rate, from this process. Reported
are the median and the 99th percentile of all latencies, and the median of the ratios within a
round.

    PYTHONPATH=tests python -m benchmarks.hanging [--rounds 10] [--seconds 6]
"""

import argparse
import http.client
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from faults.collecting import Collecting
from faults.script import Step
from faults.serving import UVICORN, serving
from faults.table import NAMES

SERVER: Final = (*UVICORN, "--http", "httptools")
RATE: Final = 250
WARM_UP: Final = 250
STATES: Final[dict[str, list[Step]]] = {"answers": [], "hangs": [Step(hang=True)]}


class Latencies(list[float]):
    """How long requests took, in milliseconds."""

    def percentile(self, share: int) -> float:
        """Return the latency that *share* % of the requests do not exceed."""
        return statistics.quantiles(self, n=100)[share - 1]


def asked(port: int, count: int) -> Latencies:
    """Make *count* requests at a steady rate."""
    took = Latencies()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    start = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, start + number / RATE - time.monotonic()))
        begin = time.perf_counter()
        connection.request("GET", f"/async?number={number}")
        response = connection.getresponse()
        response.read()
        took.append((time.perf_counter() - begin) * 1e3)
        assert response.status == 200
    connection.close()
    return took


def one(kind: str, state: str, count: int) -> Latencies:
    """Serve with one client and one collector."""
    with Collecting() as collector, tempfile.TemporaryDirectory() as folder:
        collector.play(*STATES[state])
        with serving(SERVER, kind, collector.host, Path(folder)) as (_, port):
            asked(port, WARM_UP)
            return asked(port, count)


def report(takes: dict[tuple[str, str], list[Latencies]]) -> None:
    """Print the table."""
    print("| client | collector | p50 ms | p99 ms | p50, hangs / answers | p99, hangs / answers |")
    print("|---|---|--:|--:|--:|--:|")
    for (kind, state), rounds in takes.items():
        every = Latencies(each for took in rounds for each in took)
        cells = [f"{every.percentile(share):.2f}" for share in (50, 99)]
        for share in (50, 99):
            pairs = zip(rounds, takes[kind, "answers"], strict=True)
            ratio = statistics.median(a.percentile(share) / b.percentile(share) for a, b in pairs)
            cells.append(f"{ratio:.2f}" if state == "hangs" else "")
        print(f"| {NAMES[kind]} | {state} | {' | '.join(cells)} |")


def main(rounds: int, seconds: float) -> None:
    """Let every case take its turn in every round."""
    takes: dict[tuple[str, str], list[Latencies]] = {
        (kind, state): [] for kind in NAMES for state in STATES
    }
    for _ in range(rounds):
        for (kind, state), each in takes.items():
            each.append(one(kind, state, int(RATE * seconds)))
    report(takes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=6.0)
    given = parser.parse_args()
    main(given.rounds, given.seconds)
