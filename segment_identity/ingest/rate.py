"""How often a client may ask: a token bucket for each, in a table that cannot grow.

A bucket is one number: when it would be full again (the generic cell rate algorithm, GCRA). A full
bucket is as good as none, so forgetting the clients that have been quiet for longest loses little.
"""

import math
from collections.abc import Iterable
from typing import Final

_CAPACITY: Final = 100_000
# A bucket holds what comes in over so many seconds, and one token at least.
_DEPTH: Final = 5.0


class Buckets:
    """Buckets by client, filled at a rate that each question names."""

    __slots__ = ("_half", "_old", "_young")

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._half = max(1, capacity // 2)
        self._young: dict[str, float] = {}
        self._old: dict[str, float] = {}

    def wait(self, asked: Iterable[tuple[str, float]], now: float) -> int:
        """Take a token from the bucket of each client, filled at its rate per second.

        Returns 0, or the whole seconds until all of them have one; then none is taken. *now* is in
        seconds of a clock that never goes back.
        """
        taken: list[tuple[str, float]] = []
        longest = 0.0
        for client, rate in asked:
            full = self._young.get(client) or self._old.get(client) or 0.0
            token = 1.0 / rate
            next_full = max(full, now) + token
            taken.append((client, next_full))
            longest = max(longest, next_full - now - max(_DEPTH, token))
        if longest > 1e-9:
            return math.ceil(longest)
        for client, next_full in taken:
            if client not in self._young and len(self._young) >= self._half:
                self._old, self._young = self._young, {}
            self._young[client] = next_full
        return 0
