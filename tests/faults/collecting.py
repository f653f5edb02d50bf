"""A collector and a proxy in processes of their own, as a test holds them."""

import http.client
import time
from typing import Any

import msgspec

from .processes import Beside
from .proxy import Fault
from .record import Report
from .script import Step


class Proxying(Beside):
    """A proxy in front of *target*."""

    def __init__(self, target: Beside, *faults: Fault, seed: int = 0, share: float = 0.0) -> None:
        listed = msgspec.json.encode(list(faults)).decode()
        super().__init__(
            "faults.proxy",
            *("--target", target.port, "--faults", listed, "--seed", seed, "--share", share),
        )


class Collecting(Beside):
    """Starts a collector and talks to it."""

    def __init__(self, *, keep: bool = False) -> None:
        super().__init__("faults.collector", *(["--keep"] if keep else []))
        self._control = self.ports["control"]

    def play(self, *steps: Step) -> None:
        """Behave so from now on, instead of what was said before."""
        self._ask("POST", "/script", list(steps))

    def clear(self) -> None:
        """Behave well and know of nothing."""
        self.play()
        self._ask("POST", "/clear")

    def report(self) -> Report:
        """Return what came so far."""
        return msgspec.json.decode(self._ask("GET", "/report"), type=Report)

    def order(self) -> dict[str, list[int]]:
        """Return each visitor's numbers in the order in which they first came."""
        return msgspec.json.decode(self._ask("GET", "/order"), type=dict[str, list[int]])

    def messages(self) -> list[dict[str, Any]]:
        """Return the bodies that came, where they are kept."""
        return msgspec.json.decode(self._ask("GET", "/messages"), type=list[dict[str, Any]])

    def wait_for(self, distinct: int, seconds: float) -> Report:
        """Return the report once so many events have come, or when the time is up."""
        until = time.monotonic() + seconds
        while True:
            report = self.report()
            if report.distinct >= distinct or time.monotonic() >= until:
                return report
            time.sleep(0.02)

    def _ask(self, method: str, path: str, body: object = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._control, timeout=30)
        try:
            connection.request(method, path, msgspec.json.encode(body))
            response = connection.getresponse()
            text = response.read()
            assert response.status == 200, (path, response.status, text)
            return text
        finally:
            connection.close()
