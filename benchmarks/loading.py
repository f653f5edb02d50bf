"""One loader in a process of its own, for `benchmarks.warehouse`.

    python -m benchmarks.loading WHERE FILE BATCH MARK

Loads a file of events, one JSON text a line, and says after every MARK events what it took so far:
CPU seconds, seconds, and its memory in MiB. WHERE is the URL of a warehouse, with `profiles=none`
behind a space for none of those, or `dlt` and the URL of a database.
"""

import contextlib
import importlib
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from segment_identity.cli import garbage
from segment_identity.messages import received
from segment_identity.schema import rows
from segment_identity.warehouse import Warehouse

Load = Callable[[list[bytes]], None]


def main(where: str, file: str, size: int, mark: int) -> None:
    """Load everything."""
    load = with_dlt(where.removeprefix("dlt ")) if where.startswith("dlt ") else with_ours(where)
    cpu, began, done = time.process_time(), time.perf_counter(), 0
    for batch in batches(file, size):
        load(batch)
        before, done = done, done + len(batch)
        if done // mark > before // mark:
            took = time.process_time() - cpu, time.perf_counter() - began
            print(json.dumps([done, *took, memory()]), flush=True)


def batches(file: str, size: int) -> Iterator[list[bytes]]:
    """Yield the events of a file."""
    with open(file, "rb") as lines:
        while batch := [line.rstrip(b"\n") for line in itertools.islice(lines, size)]:
            yield batch


def memory() -> float:
    """Return what of this process is in memory, in MiB, but for files it shares with the system."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) / 1_024


def with_ours(where: str) -> Load:
    """Load into a warehouse of ours, as the commands do."""
    garbage.seldom()
    url, _, profiles = where.partition(" ")
    return Warehouse(url, profiles=None if profiles else "first").send


def with_dlt(url: str) -> Load:
    """Load the same rows by dlt, which appends them: it neither drops repeats nor merges users."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
    dlt = importlib.import_module("dlt")
    engine = importlib.import_module("dlt.destinations")
    scheme = url.partition(":")[0]
    if scheme == "postgresql":
        target = engine.postgres(url)
    elif scheme == "sqlite":
        target = engine.sqlalchemy(url)
    else:
        target = engine.duckdb(url.removeprefix("duckdb:///"))
    folder = os.environ.get("DLT_FOLDER")
    pipeline = dlt.pipeline("events", destination=target, dataset_name="shop", pipelines_dir=folder)

    def load(batch: list[bytes]) -> None:
        by_table: dict[str, list[Mapping[str, Any]]] = {}
        for event in batch:
            for row in rows(received(event, time.time())):
                by_table.setdefault(row.table, []).append(row.values)
        resources = [dlt.resource(found, name=name) for name, found in by_table.items()]
        kind = {"loader_file_format": "parquet"} if scheme == "duckdb" else {}
        with contextlib.redirect_stdout(sys.stderr):
            pipeline.run(resources, **kind)

    return load


if __name__ == "__main__":
    where, file, size, mark = sys.argv[1:]
    main(where, file, int(size), int(mark))
