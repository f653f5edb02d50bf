"""How many events a second one process loads into a warehouse, and whether that stays so.

Generated events of about a kilobyte go into SQLite and, where there is a server, into PostgreSQL
(which this starts, with fsync and all), with profiles and without, and beside them into what dlt
makes of the same rows, if it is installed. Each loader has a process of its own; what counts is its
CPU time, as what else the machine does takes none of that. What it costs late is what the last
tenth of the events took, beside what the first did.

    PYTHONPATH=tests python -m benchmarks.warehouse [--events 1000000] [--batch 16000]
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from warehouse.server import Server, missing

from benchmarks.events import events
from segment_identity.warehouse import Warehouse

# dlt's batches are large, as each is a load of its own, and few, as it takes its time.
DLT_EVENTS: Final = 20_000
DLT_BATCH: Final = 20_000
_MARKS: Final = 10
# Of the events, how many are loaded without profiles, too, which says what those cost.
_SHARE: Final = 5


class Mark(NamedTuple):
    """How far a loader was, and what that took."""

    events: int
    cpu: float
    seconds: float
    memory: float


class Took(NamedTuple):
    """What a whole load took."""

    marks: list[Mark]

    @property
    def rate(self) -> float:
        """Events per second of CPU time."""
        return self.marks[-1].events / self.marks[-1].cpu

    @property
    def speed(self) -> float:
        """Events per second."""
        return self.marks[-1].events / self.marks[-1].seconds

    @property
    def growth(self) -> float:
        """What an event of the last part costs, in those of the first."""
        before, last = (Mark(0, 0, 0, 0), *self.marks)[-2:]
        late = (last.cpu - before.cpu) / (last.events - before.events)
        return late / (self.marks[0].cpu / self.marks[0].events)

    @property
    def whole(self) -> float:
        """What an event of all costs, in those of the first tenth."""
        return self.marks[0].events / self.marks[0].cpu / self.rate


def load(where: str, file: Path, batch: int, mark: int, folder: Path) -> Took:
    """Let one process load."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.loading", where, str(file), str(batch), str(mark)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
        env={**os.environ, "DLT_FOLDER": str(folder / "dlt")},
    )
    return Took([Mark(*json.loads(line)) for line in done.stdout.splitlines()])


@contextmanager
def postgres() -> Iterator[Server | None]:
    """Run a server that waits for the disk, if this machine has one."""
    if missing():
        yield None
        return
    server = Server(("shared_buffers=512MB", "max_wal_size=4GB"))
    try:
        server.start()
        yield server
    finally:
        server.stop()
        server.remove()


def written(file: Path, count: int) -> Path:
    """Write generated events to a file."""
    with file.open("wb") as stream:
        stream.writelines(event + b"\n" for event in events(count))
    return file


def row(name: str, took: Took, dlt: float | None) -> str:
    """Return a row of the table."""
    last = took.marks[-1]
    beside = f"{took.speed / dlt:.1f}" if dlt else ""
    return (
        f"| {name} | {last.events:,} | {took.rate:,.0f} | {last.cpu / last.events * 1e6:.1f} "
        f"| {took.speed:,.0f} | {took.whole:.2f} | {took.growth:.2f} "
        f"| {max(mark.memory for mark in took.marks):.0f} | {beside} |"
    )


def main(count: int, batch: int) -> None:
    """Load everything everywhere, and print a table."""
    print("| | events | per CPU second | CPU µs each | per second | whole / first tenth ", end="")
    print("| last / first tenth | MiB at most | × dlt |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    has_dlt = importlib.util.find_spec("dlt") is not None
    with tempfile.TemporaryDirectory() as name, postgres() as server:
        folder = Path(name)
        beside: dict[str, float] = {}
        if has_dlt:
            few = written(folder / "few.jsonl", DLT_EVENTS)
            urls = {
                "DuckDB, parquet": f"duckdb:///{folder}/dlt.duckdb",
                "SQLite": f"sqlite:///{folder}/dlt.db",
            }
            # Which dlt reaches by a driver of its own.
            if server is not None and importlib.util.find_spec("psycopg2") is not None:
                urls["PostgreSQL"] = server.create().replace("shop@", "shop:any@")
            for engine, url in urls.items():
                took = load(f"dlt {url}", few, DLT_BATCH, DLT_BATCH, folder)
                beside[engine] = took.speed
                print(row(f"dlt, {engine}", took, None), flush=True)
        file = written(folder / "events.jsonl", count)
        best = max(beside.values(), default=None)
        for profiles in ("", " profiles=none"):
            said = "without" if profiles else "with"
            if profiles:
                count //= _SHARE
                written(file, count)
            mark = max(1, count // _MARKS)
            url = f"sqlite:///{folder}/{said}.db"
            took = load(url + profiles, file, batch, mark, folder)
            print(row(f"SQLite, {said} profiles", took, best), flush=True)
            for each in folder.glob("*.db*"):
                each.unlink()
            if server is not None:
                took = load(server.create() + profiles, file, batch, mark, folder)
                print(row(f"PostgreSQL, {said} profiles", took, best), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=Warehouse.batch_events)
    given = parser.parse_args()
    main(given.events, given.batch)
