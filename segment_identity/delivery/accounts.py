"""The counts of what happened to every event; they add up at every moment."""

from collections.abc import Iterable, Mapping

import msgspec


class Account(msgspec.Struct, frozen=True):
    """`accepted == delivered + sum(dropped) + dead_lettered + pending`, always.

    Of the pending ones *stored* are safe in the spool. *adopted* says how many of the accepted ones
    came from the spool of a process that is gone.
    """

    accepted: int = 0
    delivered: int = 0
    dropped: Mapping[str, int] = {}
    dead_lettered: int = 0
    pending: int = 0
    stored: int = 0
    adopted: int = 0


class Stats(msgspec.Struct, frozen=True):
    """All events of an `Analytics`; one sent to two destinations counts twice.

    *faults* counts errors of our own that were caught to keep the app running, by reason;
    *destinations* has the account of each, *capture* that of what never reached one. See `Account`
    for *stored* and *adopted*.
    """

    accepted: int
    delivered: int
    dropped: Mapping[str, int]
    dead_lettered: int
    pending: int
    faults: Mapping[str, int]
    destinations: Mapping[str, Account]
    stored: int = 0
    adopted: int = 0
    capture: Account = Account()


class Fault(msgspec.Struct, frozen=True):
    """What `on_error` is told: something happened to *events* events on their way.

    *error* may quote what a driver was given; do not log it where personal data may not be.
    """

    destination: str
    reason: str
    events: int
    error: BaseException | None = None


def total(accounts: Mapping[str, Account], capture: Account, faults: Mapping[str, int]) -> Stats:
    """Add the accounts of all destinations and of what never reached one (*capture*)."""
    every = [capture, *accounts.values()]
    return Stats(
        accepted=sum(each.accepted for each in every),
        delivered=sum(each.delivered for each in every),
        dropped=_add(each.dropped for each in every),
        dead_lettered=sum(each.dead_lettered for each in every),
        pending=sum(each.pending for each in every),
        faults=dict(faults),
        destinations=dict(accounts),
        stored=sum(each.stored for each in every),
        adopted=sum(each.adopted for each in every),
        capture=capture,
    )


def _add(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    result: dict[str, int] = {}
    for each in counts:
        for reason, count in each.items():
            result[reason] = result.get(reason, 0) + count
    return result
