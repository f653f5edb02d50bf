"""What a collector is to do, in order: pure, so that the time is an argument."""

from email.utils import formatdate
from typing import Final

import msgspec


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One way to behave, for some seconds or requests, or for ever if neither is said.

    - *status* is answered, after *latency* seconds; only 200 takes the events in.
    - *retry_after* adds that header, in seconds or *as_date* as an HTTP-date.
    - *hang* never answers, *cut* takes the events in and closes without an answer.
    - *refuse* closes all connections and the port.
    - *rate* reads so many bytes a second.
    - *poison* answers 400 to a batch that holds an event of this name.
    """

    status: int = 200
    seconds: float | None = None
    requests: int | None = None
    latency: float = 0.0
    retry_after: float | None = None
    as_date: bool = False
    hang: bool = False
    cut: bool = False
    refuse: bool = False
    rate: int | None = None
    poison: str | None = None

    def headers(self, now: float) -> dict[str, str]:
        """Return the headers of the answer; *now* is the time of day."""
        if self.retry_after is None:
            return {}
        if self.as_date:
            return {"Retry-After": formatdate(now + self.retry_after, usegmt=True)}
        return {"Retry-After": f"{self.retry_after:g}"}


WELL: Final = Step()


class Script:
    """Plays steps one after the other, then behaves well."""

    def __init__(self, steps: list[Step], now: float) -> None:
        self._steps = list(reversed(steps))
        self._begin = now
        self._seen = 0

    def at(self, now: float) -> Step:
        """Return the step that holds at *now*, which never goes backwards."""
        while self._steps:
            step = self._steps[-1]
            is_over = step.seconds is not None and now >= self._begin + step.seconds
            if step.requests is not None and self._seen >= step.requests:
                self._next(now)
            elif is_over:
                self._next(self._begin + (step.seconds or 0.0))
            else:
                return step
        return WELL

    def request(self, now: float) -> Step:
        """Return the step that answers a request, and count it."""
        step = self.at(now)
        self._seen += 1
        return step

    def _next(self, begin: float) -> None:
        self._steps.pop()
        self._begin = begin
        self._seen = 0
