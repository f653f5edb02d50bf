"""When a destination that failed is asked again, and by how much.

All strands of a lane share one circuit. While it is closed everybody sends. A failure makes
everybody pause, as what one strand met the others would meet, too; after several in a row one
strand alone goes first, with a few events, and only when those got through do the others follow.
"""

from typing import Final, NamedTuple

import msgspec

OPENS_AFTER: Final = 5
PROBE_EVENTS: Final = 10


class Circuit(msgspec.Struct, frozen=True):
    """What is known of a destination; times are seconds of a steady clock.

    *failed_at* is when the last failure was noted, *until* when the pause ends.
    """

    failures: int = 0
    failed_at: float = float("-inf")
    until: float = float("-inf")
    is_probing: bool = False


class Turn(NamedTuple):
    """Whether a strand may send: after *wait* seconds (None: when it is told), how many events."""

    wait: float | None = 0.0
    most: int | None = None


def turn(circuit: Circuit, now: float) -> Turn:
    """Say whether a strand may send at *now*."""
    if now < circuit.until:
        return Turn(wait=circuit.until - now)
    if circuit.failures < OPENS_AFTER:
        return Turn()
    return Turn(wait=None) if circuit.is_probing else Turn(most=PROBE_EVENTS)


def begun(circuit: Circuit) -> Circuit:
    """Note that a strand sends; while the circuit is open that makes it the one that probes."""
    if circuit.failures < OPENS_AFTER or circuit.is_probing:
        return circuit
    return msgspec.structs.replace(circuit, is_probing=True)


def failed(circuit: Circuit, began: float, now: float, pause: float, *, hard: bool) -> Circuit:
    """Note that an attempt that *began* before failed at *now* and asks for a *pause* in seconds.

    Attempts that were under way together count as one failure. *hard* says that there is no point
    in hurrying, so that the next attempt is a probe at once.
    """
    again = began >= circuit.failed_at
    failures = circuit.failures + 1 if again else circuit.failures
    return Circuit(
        failures=max(failures, OPENS_AFTER) if hard else failures,
        failed_at=now if again else circuit.failed_at,
        until=max(circuit.until, now + pause),
        is_probing=False,
    )


def succeeded(circuit: Circuit, began: float) -> Circuit:
    """Note that an attempt that *began* then got through.

    One that was under way when another failed says nothing of the time since; what it was asked to
    wait still holds.
    """
    return Circuit() if began >= circuit.failed_at else circuit
