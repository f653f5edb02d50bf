"""Which HTTP client carries batches at the least cost: keep-alive POSTs to a local sink.

The sink runs in a process of its own, so that the client is what is measured. Clients take turns in
short rounds; reported are medians of the rounds. Every client is used the way its documentation
says is safe from several threads: `urllib3`, `httpx2` and `httpx` share one pool, `requests` and
`http.client` have one session or connection per thread.

    python -m benchmarks.http_clients [--rounds 7]
"""

import argparse
import http.client
import importlib.metadata
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

import httpx
import httpx2
import requests
import urllib3
from packaging.requirements import Requirement

from benchmarks import sink

HEADERS = {
    "Content-Type": "application/json",
    "Content-Encoding": "gzip",
    "Authorization": "Basic d3JpdGVfa2V5Og==",
    "User-Agent": "benchmark/1",
    "X-Retry-Count": "0",
}
BODIES = {"450 KB": os.urandom(450_000), "20 KB": os.urandom(20_000)}
THREADS = (1, 4)
REQUESTS = {"450 KB": 120, "20 KB": 400}

Post = Callable[[bytes], int]


@contextmanager
def with_http_client(port: int) -> Iterator[Post]:
    local = threading.local()

    def post(body: bytes) -> int:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection("127.0.0.1", port)
        local.connection.request("POST", "/v1/batch", body, HEADERS)
        with closing(local.connection.getresponse()) as response:
            response.read()
            return int(response.status)

    yield post


@contextmanager
def with_urllib3(port: int) -> Iterator[Post]:
    with urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=4, block=True) as pool:
        yield (
            lambda body: (
                pool.urlopen(
                    "POST", "/v1/batch", body, HEADERS, retries=False, redirect=False
                ).status
            )
        )


@contextmanager
def with_httpx2(port: int) -> Iterator[Post]:
    with httpx2.Client(trust_env=False) as client:
        url = f"http://127.0.0.1:{port}/v1/batch"
        yield lambda body: client.post(url, content=body, headers=HEADERS).status_code


@contextmanager
def with_httpx(port: int) -> Iterator[Post]:
    with httpx.Client(trust_env=False) as client:
        url = f"http://127.0.0.1:{port}/v1/batch"
        yield lambda body: client.post(url, content=body, headers=HEADERS).status_code


@contextmanager
def with_requests(port: int) -> Iterator[Post]:
    local = threading.local()

    def post(body: bytes) -> int:
        if not hasattr(local, "session"):
            local.session = requests.Session()
            local.session.trust_env = False
        url = f"http://127.0.0.1:{port}/v1/batch"
        return int(local.session.post(url, data=body, headers=HEADERS).status_code)

    yield post


CLIENTS = {
    "http.client": with_http_client,
    "urllib3": with_urllib3,
    "httpx2": with_httpx2,
    "httpx": with_httpx,
    "requests": with_requests,
}


class Took(NamedTuple):
    """What one round cost, per request."""

    cpu: float
    wall: float


def measure(post: Post, body: bytes, threads: int, count: int) -> Took:
    """Return microseconds of CPU time and of the clock per request, after warming up."""
    ready = threading.Barrier(threads + 1)
    statuses: set[int] = set()

    def work() -> None:
        statuses.update(post(body) for _ in range(3))
        ready.wait()
        statuses.update(post(body) for _ in range(count // threads))

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for each in workers:
        each.start()
    ready.wait()
    cpu, wall = time.process_time(), time.perf_counter()
    for each in workers:
        each.join()
    took = Took(
        (time.process_time() - cpu) / count * 1e6, (time.perf_counter() - wall) / count * 1e6
    )
    assert statuses == {200}
    return took


def import_cost(module: str) -> tuple[float, int]:
    """Return milliseconds to import *module* in a fresh process, and how many modules that adds."""
    program = (
        "import sys, time, logging, json, threading, ssl, socket\n"
        "before, begin = len(sys.modules), time.perf_counter()\n"
        f"import {module}\n"
        "print((time.perf_counter() - begin) * 1e3, len(sys.modules) - before)"
    )
    took = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(7)
    ]
    return statistics.median(float(each[0]) for each in took), int(took[0][1])


def needs(name: str) -> set[str]:
    """Return what installing *name* installs, without extras, itself included."""
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return set()
    found = {distribution.metadata["Name"].lower()}
    for line in distribution.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found |= needs(requirement.name)
    return found


def size(names: set[str]) -> float:
    """Return the kilobytes that these distributions take on disk, compiled files aside."""
    files = [file for name in names for file in importlib.metadata.files(name) or ()]
    paths = [file.locate() for file in files if file.suffix != ".pyc"]
    return sum(os.path.getsize(path) for path in paths if os.path.exists(path)) / 1e3


def report(rounds: dict[tuple[str, int], dict[str, list[Took]]]) -> None:
    print("| body, threads | client | CPU µs/request | × http.client | requests/s | MB/s |")
    print("|---|---|--:|--:|--:|--:|")
    for (label, threads), takes in rounds.items():
        floor = statistics.median(each.cpu for each in takes["http.client"])
        for name, each in takes.items():
            cpu = statistics.median(took.cpu for took in each)
            wall = statistics.median(took.wall for took in each)
            print(
                f"| {label}, {threads} | {name} | {cpu:,.0f} | {cpu / floor:.2f} "
                f"| {1e6 / wall:,.0f} | {len(BODIES[label]) / wall:,.0f} |"
            )
    print("\n| client | version | import ms | modules | packages | KB installed |")
    print("|---|---|--:|--:|--:|--:|")
    for name in CLIENTS:
        took, modules = import_cost(name)
        packages = set() if name == "http.client" else needs(name)
        version = importlib.metadata.version(name) if packages else sys.version.split()[0]
        print(
            f"| {name} | {version} | {took:.0f} | {modules} "
            f"| {len(packages)} | {size(packages):,.0f} |"
        )


def main(count: int) -> None:
    rounds: dict[tuple[str, int], dict[str, list[Took]]] = {
        (label, threads): {name: [] for name in CLIENTS} for label in BODIES for threads in THREADS
    }
    with sink.running() as port:
        for _ in range(count):
            for (label, threads), takes in rounds.items():
                for name, client in CLIENTS.items():
                    with client(port) as post:
                        takes[name].append(measure(post, BODIES[label], threads, REQUESTS[label]))
    report(rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    main(parser.parse_args().rounds)
