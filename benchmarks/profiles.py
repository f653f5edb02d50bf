"""What it costs to say who is who: one person of a full warehouse, and all ids from scratch.

Times are those of the CPU, as what else the machine does takes none of it.
Generated events go into an SQLite warehouse. Then `whois` is asked for ids at random, by device and
by user, and the id graph is made of all facts by SQLite's view, by the core in Python, and by
DuckDB in rounds, as any warehouse can; all have to say the same.

    PYTHONPATH=tests python -m benchmarks.profiles [--events 1000000] [--keep FILE]
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from engines.engines import TABLES, DuckDb, installed

from benchmarks.events import events
from segment_identity.facts import Alias, Facts, Id, Link, Span
from segment_identity.profile import segment_id
from segment_identity.stitching import canonical
from segment_identity.warehouse import Profiles, Warehouse
from segment_identity.warehouse.resolving import resolve

_BATCH: Final = 5_000
_ASKED: Final = 400
_GRAPH: Final = "SELECT segment_id, canonical_segment_id FROM id_graph"


def main(count: int, file: Path) -> None:
    """Load, ask and resolve, and print a table."""
    lines = []
    if not file.exists():
        _, cpu = timed(lambda: load(count, file))
        lines.append(("loading with profiles, events a second", f"{count / cpu:,.0f}"))
    with Profiles(f"sqlite:///{file}") as profiles:
        lines += list(asked(profiles))
        _, cpu = timed(lambda: profiles.mtu("2026-01"))
        lines.append(("`mtu` of the fullest month", f"{cpu:.2f} s"))
        with profiles.engine.connect() as connection:
            stored = connection.exec_driver_sql("SELECT count(*) FROM profile_calls").scalar_one()
            lines += list(resolved(connection))
    print(f"| {stored:,} events | |\n|---|--:|")
    for name, said in lines:
        print(f"| {name} | {said} |")


def load(count: int, file: Path) -> None:
    """Load *count* events."""
    warehouse, source = Warehouse(f"sqlite:///{file}"), events(count)
    while batch := list(islice(source, _BATCH)):
        warehouse.send(batch)
    warehouse.close()


def asked(profiles: Profiles) -> Iterator[tuple[str, str]]:
    """Ask who has ids at random."""
    with profiles.engine.connect() as connection:
        for kind in ("user_id", "anonymous_id"):
            query = sa.text("SELECT value FROM profile_ids WHERE type = :kind ORDER BY value")
            ids = list(connection.scalars(query, {"kind": kind}))
            some = random.Random(1).sample(ids, min(_ASKED, len(ids)))
            profiles.whois(some[0])
            times = sorted(timed(partial(profiles.whois, each))[1] for each in some)
            half, late = statistics.median(times), times[int(len(times) * 0.99)]
            said = f"{half * 1_000:.1f} ms, {late * 1_000:.1f} ms, {times[-1] * 1_000:.1f} ms"
            yield f"`whois` by {kind}: half of them, 99 of 100, the slowest", said


def resolved(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    """Make the id graph of all facts in several ways."""
    rows = {
        name: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")]
        for name in TABLES
    }
    _, cpu = timed(lambda: graph(connection.exec_driver_sql(_GRAPH).fetchall()))
    wanted = graph(connection.exec_driver_sql(_GRAPH).fetchall())
    yield "ids", f"{len(wanted):,}"
    yield "links and aliases", f"{len(rows['profile_links']) + len(rows['profile_aliases']):,}"
    yield "id graph by SQLite's view", f"{cpu:.2f} s"
    told = facts(rows)
    _, cpu = timed(lambda: canonical(told))
    yield "id graph by the core, in Python", f"{cpu:.2f} s"
    found = {segment_id(each): segment_id(home) for each, home in canonical(told).items()}
    assert found == wanted
    duckdb = installed("duckdb")
    if duckdb is None:
        return
    engine = DuckDb(duckdb)
    for name, columns in TABLES.items():
        engine.fill(name, columns, rows[name])
    took, cpu = timed(lambda: resolve(engine))
    yield "id graph by DuckDB, in rounds", f"{cpu:.2f} s ({took:.2f} s by the clock)"
    assert graph(engine.rows(_GRAPH)) == wanted
    engine.close()


def graph(rows: Iterable[Any]) -> dict[str, str]:
    """Return the id graph."""
    return {row[0]: row[1] for row in rows}


def facts(rows: dict[str, list[tuple[Any, ...]]]) -> Facts:
    """Return the facts that tables hold."""
    return Facts(
        {Id(row[0], row[1]): row[2] for row in rows["profile_ids"]},
        {Link(row[0], row[1]): Span(row[2], row[3]) for row in rows["profile_links"]},
        {Alias(row[0], row[1]): Span(row[2], row[3]) for row in rows["profile_aliases"]},
    )


def timed(what: Callable[[], object]) -> tuple[float, float]:
    """Return how many seconds *what* takes, and how many of the CPU."""
    began, cpu = time.perf_counter(), time.process_time()
    what()
    return time.perf_counter() - began, time.process_time() - cpu


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="the warehouse; used again if it is there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        main(arguments.events, arguments.keep or Path(folder) / "analytics.db")
