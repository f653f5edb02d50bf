"""How long each page of the inspector takes on a large warehouse, over HTTP from a real server.

A uvicorn of its own has the inspector on an SQLite warehouse, as `benchmarks.profiles --keep` makes
it, and every page is asked for by one client that keeps its connection. People are drawn at random,
but for the ones with the most calls and the most devices, and the device of the most users. With
*--kiosk* that is one of 2,000 people and 20,000 calls, which is loaded into the warehouse first.

    PYTHONPATH=tests python -m benchmarks.inspector WAREHOUSE.db [--asked 20] [--kiosk]
"""

import argparse
import json
import os
import random
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from servers import UVICORN, in_process
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from segment_identity import Analytics, IdentityMiddleware
from segment_identity.inspector import Inspector
from segment_identity.warehouse import Warehouse

_VARIABLE: Final = "INSPECTED"
_LIMIT: Final = 200.0
# Who has most of something; the ids that the generated events repeat most come out.
_MOST: Final = {
    "the user with the most calls": "SELECT user_id FROM tracks GROUP BY 1 ORDER BY count(*) DESC",
    "the device with the most calls": (
        "SELECT anonymous_id FROM tracks GROUP BY 1 ORDER BY count(*) DESC"
    ),
    "the user with the most devices": (
        "SELECT user_id FROM profile_links GROUP BY 1 ORDER BY count(*) DESC"
    ),
    "the device of the most users": (
        "SELECT anonymous_id FROM profile_links GROUP BY 1 ORDER BY count(*) DESC"
    ),
}


def app() -> Starlette:
    """Return an app that has nothing but the inspector."""
    analytics = Analytics("memory:")
    inspector = Inspector(analytics, warehouse=f"sqlite:///{os.environ[_VARIABLE]}")
    identity = Middleware(
        IdentityMiddleware, secret_key="benchmark-key-7c1f0e5b9d2a4c68", analytics=analytics
    )
    return Starlette(routes=[Mount("/inspector", inspector)], middleware=[identity])


def main(file: Path, asked: int) -> None:
    """Ask for every page, and print a table."""
    print("| page | median | slowest |\n|---|--:|--:|")
    command = (*UVICORN, "--factory", "benchmarks.inspector:app")
    environment = {_VARIABLE: str(file.resolve())}
    with (
        in_process(*command, folder=Path(__file__).parents[1], environment=environment) as (_, url),
        httpx.Client(base_url=f"{url}/inspector", timeout=60) as client,
    ):
        for name, paths in pages(file, asked):
            times = [timed(client, path) for path in paths]
            half, worst = statistics.median(times), max(times)
            mark = "" if worst < _LIMIT else " (!)"
            print(f"| {name} | {half:.1f} ms | {worst:.1f} ms{mark} |", flush=True)


def pages(file: Path, asked: int) -> Iterator[tuple[str, list[str]]]:
    """Yield what to ask for."""
    yield "home, just started", ["/"]
    yield "a person, the first that is asked for", [person(nobody(0))]
    for name, path in (("home", "/"), ("its portrait", "/portrait"), ("its delivery", "/delivery")):
        yield name, [path] * asked
    yield "the form", ["/people"] * asked
    yield "nobody", [person(nobody(number)) for number in range(asked)]
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        for kind in ("user_id", "anonymous_id"):
            rows = connection.execute("SELECT value FROM profile_ids WHERE type = ?", [kind])
            ids = sorted(value for (value,) in rows)
            some = random.Random(1).sample(ids, min(asked, len(ids)))
            yield f"a person by {kind}", [person(each) for each in some]
        for name, query in _MOST.items():
            rows = connection.execute(query)
            most = next(value for (value,) in rows if value is not None)
            yield name, [person(most)] * asked


def load_kiosk(file: Path) -> None:
    """Load what 2,000 guests did on one device, one after the other."""
    warehouse = Warehouse(f"sqlite:///{file}")
    began = datetime(2026, 2, 1, tzinfo=UTC)
    for start in range(0, 20_000, 5_000):
        warehouse.send(
            [
                json.dumps(_on_kiosk(number, began + timedelta(minutes=number))).encode()
                for number in range(start, start + 5_000)
            ]
        )
    warehouse.close()


def _on_kiosk(number: int, at: datetime) -> dict[str, Any]:
    return {
        "type": "track" if number % 4 else "identify",
        "event": "Seen",
        "messageId": f"kiosk-{number}",
        "anonymousId": "kiosk-0001",
        "userId": None if number % 2 else f"guest-{number // 10}",
        "timestamp": at.isoformat(timespec="milliseconds")[:23] + "Z",
        "traits": {"plan": "free"},
        "properties": {},
        "context": {"page": {"url": "https://shop.example/kiosk", "path": "/kiosk"}},
    }


def person(text: str) -> str:
    return f"/people?{urlencode({'id': text})}"


def nobody(number: int) -> str:
    return f"nobody-{number:04}"


def timed(client: httpx.Client, path: str) -> float:
    """Return how many milliseconds a page takes, to its last byte."""
    began = time.perf_counter()
    answer = client.get(path)
    took = (time.perf_counter() - began) * 1_000
    assert answer.status_code == 200, (path, answer.status_code)
    return took


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("warehouse", type=Path)
    parser.add_argument("--asked", type=int, default=20)
    parser.add_argument("--kiosk", action="store_true")
    arguments = parser.parse_args()
    if arguments.kiosk:
        load_kiosk(arguments.warehouse)
    main(arguments.warehouse, arguments.asked)
