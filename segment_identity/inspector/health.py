"""How delivery is doing, in numbers and words."""

import time
from collections.abc import Sequence

import msgspec

from segment_identity.analytics import Analytics
from segment_identity.circuit import OPENS_AFTER, Circuit
from segment_identity.delivery.accounts import Account, Stats


class Lane(msgspec.Struct, frozen=True):
    """One destination; *state* is a word for it, and *note* what that means."""

    name: str
    account: Account
    state: str
    note: str


class Health(msgspec.Struct, frozen=True):
    """All destinations, and what never reached one."""

    stats: Stats
    lanes: Sequence[Lane]


def health(analytics: Analytics) -> Health:
    """Look at *analytics* as it is now."""
    stats, now = analytics.stats(), time.monotonic()
    circuits = analytics.circuits()
    lanes = [
        Lane(name, account, *in_words(circuits[name], account, now))
        for name, account in stats.destinations.items()
    ]
    return Health(stats, lanes)


def in_words(circuit: Circuit, account: Account, now: float) -> tuple[str, str]:
    """Say how a destination is doing."""
    if circuit.failures:
        wait = max(0, round(circuit.until - now))
        again = f"next attempt in {wait} s" if wait else "trying now"
        if circuit.failures >= OPENS_AFTER:
            return "down", f"{circuit.failures} attempts failed; {again}, with a few events"
        return "retrying", f"{circuit.failures} attempts failed; {again}"
    if account.pending:
        return "busy", f"{account.pending:,} events wait"
    return ("idle", "nothing came yet") if not account.accepted else ("well", "all delivered")
