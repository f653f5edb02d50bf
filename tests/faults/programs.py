"""What the processes of the suite do: one function for each kind of fault.

    python -m faults.programs NAME KIND HOST SPOOL OPTIONS

Says "ready", waits for a line on standard input, runs and prints what it counted as JSON.
"""

import asyncio
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from .clients import CLOCK, Client, made


def leave(client: Client, count: int) -> None:
    """Record and let the interpreter end."""
    for number in range(count):
        client.track("a", number)


def steady(
    client: Client, count: int, rate: float, poison: int | None = None, visitors: int = 10
) -> None:
    """Record at a steady rate, one event of which may be *poison*, then deliver and close."""
    begin = time.monotonic()
    for number in range(count):
        ahead = begin + number / rate - time.monotonic()
        if ahead > 0.005:
            time.sleep(ahead)
        client.track(f"v{number % visitors}", number, "Poison" if number == poison else "Seen")
    took = time.monotonic()
    client.flush(60.0)
    client.close()
    tell(client, flushed_in=time.monotonic() - took)


def fork(client: Client, children: int, count: int) -> None:
    """Record once, fork, and record in every child."""
    client.track("parent", 0)
    client.flush(5.0)
    pids = []
    for child in range(children):
        pid = os.fork()
        if not pid:
            for number in range(count):
                client.track(f"child {child}", number)
            begin = time.monotonic()
            client.flush(10.0)
            tell(client, flushed_in=time.monotonic() - begin)
            sys.exit()
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)


def burst(client: Client, threads: int, count: int) -> None:
    """Record from many threads at once."""
    gate = threading.Barrier(threads)

    def work(thread: int) -> None:
        gate.wait()
        for number in range(count // threads):
            client.track(f"t{thread}", number)

    workers = [threading.Thread(target=work, args=(each,)) for each in range(threads)]
    begin = time.monotonic()
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    took = time.monotonic() - begin
    rest = count % threads
    for number in range(rest):
        client.track("rest", number)
    client.flush(30.0)
    tell(client, recorded_in=took, rss=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def secure(client: Client, worker: str, first: int) -> None:
    """Record for ever, and say what would survive; ended by SIGKILL."""
    number = first
    while True:
        for _ in range(50):
            client.track(worker, number)
            number += 1
        if client.secure(10.0):
            say(str(number))
        time.sleep(0.02)


def drain(client: Client) -> None:
    """Deliver what other processes left."""
    client.track("drain", 0)
    flushed = client.flush(30.0)
    client.close()
    tell(client, flushed=flushed)


def blocked_loop(client: Client, count: int, seconds: float) -> None:
    """Record in an event loop, then block it."""

    async def app() -> None:
        for number in range(count):
            client.track("a", number)
        time.sleep(seconds)
        say("unblocked")

    asyncio.run(app())
    client.close()
    tell(client)


def few_files(client: Client, count: int, files: int) -> None:
    """Record where no file descriptor is left, then where some are again."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    held = []
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    for number in range(count // 2):
        client.track("a", number)
    time.sleep(1.0)
    for each in held:
        os.close(each)
    for number in range(count // 2, count):
        client.track("a", number)
    flushed = client.flush(30.0)
    client.close()
    tell(client, flushed=flushed)


def stepped(client: Client, steps: list[float], count: int) -> None:
    """Record while the clock jumps."""
    for step, offset in enumerate(steps):
        CLOCK.offset = offset
        for number in range(count):
            client.track("a", step * count + number)
        time.sleep(0.3)
    flushed = client.flush(10.0)
    client.close()
    tell(client, flushed=flushed)


def full_disk(client: Client, count: int, limit: int | None) -> None:
    """Record more than the disk holds, then as much again when there is room."""
    if limit is not None:
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
    for number in range(count):
        client.track("a", number, "Seen " * 100)
    time.sleep(1.0)
    say("full")
    client.flush(30.0)
    for number in range(count, 2 * count):
        client.track("a", number, "Seen " * 100)
    flushed = client.flush(30.0)
    client.close()
    tell(client, flushed=flushed)


def say(line: str) -> None:
    """Print a line in one write, as children share the pipe and SIGKILL tears what is buffered."""
    os.write(1, line.encode() + b"\n")


def tell(client: Client, **more: Any) -> None:
    """Print what the client counted."""
    say(json.dumps({**client.counts(), **more}))


PROGRAMS: Final[dict[str, Callable[..., None]]] = {
    each.__name__: each
    for each in (
        *(leave, steady, fork, burst, secure, drain),
        *(blocked_loop, few_files, stepped, full_disk),
    )
}


def main(name: str, kind: str, host: str, spool: str, options: str) -> None:
    """Run one program."""
    given: dict[str, Any] = json.loads(options)
    client = made(kind, host, spool, **given.pop("client", {}))
    say("ready")
    sys.stdin.readline()
    PROGRAMS[name](client, **given)


if __name__ == "__main__":
    main(*sys.argv[1:])
