"""Destinations that behave badly on purpose, and programs that run in a process of their own."""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from segment_identity import Account, Analytics, Stats, Unavailable, Undeliverable
from segment_identity.delivery import processes
from segment_identity.destinations import Memory

PATIENCE: Final = 30.0


def abandon(analytics: Analytics) -> None:
    """End the threads of what can never be delivered; neither they nor the exit may try again."""
    for _ in range(100):
        assert not analytics.close(0.1)
        if all(lane.is_idle for lane in analytics._lanes):
            return processes.closed(analytics)
    raise AssertionError("the threads did not end")


class Gate(Memory):
    """Hangs in `send` until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.opened = threading.Event()

    def send(self, batch: Sequence[bytes], /) -> None:
        """Wait at the gate, then add the batch."""
        self.entered.set()
        assert self.opened.wait(PATIENCE)
        super().send(batch)


class Failing(Memory):
    """Fails until it is up."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self.error = error or Unavailable("down")
        self.is_up = False
        self.attempts = 0

    def send(self, batch: Sequence[bytes], /) -> None:
        """Raise, or add the batch."""
        self.attempts += 1
        if not self.is_up:
            raise self.error
        super().send(batch)


class Flaky(Memory):
    """Fails now and then in every way, seeded."""

    def __init__(self, seed: int, share: float) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.share = share

    def send(self, batch: Sequence[bytes], /) -> None:
        """Refuse an event called Poison for good, fail at random, or add the batch."""
        if any(b'"Poison"' in event for event in batch):
            raise Undeliverable("poison")
        if self.random.random() < self.share:
            raise self.random.choice([Unavailable("busy"), OSError("gone"), ValueError("odd")])
        super().send(batch)


def emit(analytics: Analytics, *names: str, **properties: Any) -> None:
    """Track events of these names."""
    identity = analytics.identity(user_id="ada")
    for name in names:
        identity.track(name, properties)


def names(memory: Memory) -> list[str]:
    """Return the names of the events that arrived."""
    return [each["event"] for each in memory.messages]


def adds_up(stats: Stats) -> bool:
    """Tell whether every event is somewhere, in the sum and for each destination."""
    accounts: list[Stats | Account] = [stats, *stats.destinations.values()]
    return all(
        each.accepted
        == each.delivered + sum(each.dropped.values()) + each.dead_lettered + each.pending
        for each in accounts
    )


def run(
    program: str, *arguments: object, expect: int = 0, flags: Sequence[str] = ("-W", "error")
) -> str:
    """Run a Python program and return what it printed."""
    done = subprocess.run(
        [sys.executable, *flags, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout


def lines(file: Path) -> list[dict[str, Any]]:
    """Return the messages that a program wrote to a file, one in each line."""
    return [json.loads(line) for line in file.read_text().splitlines()]


class Appending:
    """Appends events to a file, each with the process that delivered it."""

    def __init__(self, file: str | Path, pause: float = 0.0) -> None:
        self.file = file
        self.pause = pause

    def send(self, batch: Sequence[bytes], /) -> None:
        """Write a batch."""
        threading.Event().wait(self.pause)
        with open(self.file, "ab", buffering=0) as stream:
            for event in batch:
                message = {**json.loads(event), "process": os.getpid()}
                stream.write(json.dumps(message).encode() + b"\n")

    def close(self) -> None:
        """Leave the file; it is closed after every batch."""
