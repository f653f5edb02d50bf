"""The clients that are compared, behind one face: ours in memory, ours with a spool, Segment's."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import segment.analytics

from segment_identity import Analytics
from segment_identity.destinations import Segment

KEY: Final = "write-key"


class Clock:
    """The time of day, which a program may set."""

    offset: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset


CLOCK: Final = Clock()


class Client(Protocol):
    """What a program of the suite does with a client."""

    def track(self, visitor: str, number: int, event: str = "Seen") -> bool:
        """Record an event; False if it was refused at once."""

    def flush(self, seconds: float) -> bool:
        """Wait until everything is delivered."""

    def secure(self, seconds: float) -> bool:
        """Wait until what was recorded would survive this process."""

    def close(self) -> None:
        """Deliver what waits and release what is open."""

    def counts(self) -> Mapping[str, Any]:
        """Return what the client says of itself."""


class Ours:
    """segment_identity, in memory or with a spool."""

    def __init__(self, host: str, spool: Path | None, **options: Any) -> None:
        scheme, _, rest = host.partition("://")
        timeout = options.pop("timeout", 10.0)
        url = f"{scheme}://{KEY}@{rest}/v1"
        destination = Segment(url, timeout=timeout, clock=CLOCK)
        if spool is not None:
            options["spool"] = spool
        self.analytics = Analytics(destination, clock=CLOCK, **options)

    def track(self, visitor: str, number: int, event: str = "Seen") -> bool:
        identity = self.analytics.identity(anonymous_id=visitor)
        identity.track(event, {"number": number})
        return True

    def flush(self, seconds: float) -> bool:
        return self.analytics.flush(seconds)

    def secure(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            stats = self.analytics.stats()
            if stats.pending == stats.stored:
                return True
            time.sleep(0.001)
        return False

    def close(self) -> None:
        self.analytics.close()

    def counts(self) -> Mapping[str, Any]:
        stats = self.analytics.stats()
        return {
            "accepted": stats.accepted,
            "delivered": stats.delivered,
            "dropped": sum(stats.dropped.values()),
            "dead_lettered": stats.dead_lettered,
            "pending": stats.pending,
            "faults": stats.faults,
        }


class Theirs:
    """segment-analytics-python with its defaults; it has no counts of its own."""

    def __init__(self, host: str) -> None:
        self.client = segment.analytics.Client(KEY, host=host)
        self.recorded = self.refused = 0

    def track(self, visitor: str, number: int, event: str = "Seen") -> bool:
        taken, _ = self.client.track(
            anonymous_id=visitor, event=event, properties={"number": number}
        )
        self.recorded += 1
        self.refused += not taken
        return bool(taken)

    def flush(self, seconds: float) -> bool:
        self.client.flush()
        return True

    def secure(self, seconds: float) -> bool:
        return True

    def close(self) -> None:
        self.client.shutdown()

    def counts(self) -> Mapping[str, Any]:
        return {"accepted": self.recorded, "dropped": self.refused}


def made(kind: str, host: str, spool: str, **options: Any) -> Client:
    """Return the client *kind*: `memory`, `spool` or `segment-analytics-python`."""
    if kind == "segment-analytics-python":
        return Theirs(host)
    return Ours(host, Path(spool) if kind == "spool" else None, **options)
