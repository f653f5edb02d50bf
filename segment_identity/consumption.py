"""How far a reader of a stream got: which offsets are done, when it may rest, what came of it."""

from collections.abc import Iterable, Mapping, Set

import msgspec


class Report(msgspec.Struct, frozen=True):
    """What a consumption did; `read == delivered + sum(dead_lettered) + abandoned`.

    *dead_lettered* has a count for each reason. *abandoned* records were read and not brought to an
    end, so they are for whoever reads the topic next. *retries* counts attempts that failed and
    were made again.
    """

    read: int = 0
    delivered: int = 0
    dead_lettered: Mapping[str, int] = {}
    abandoned: int = 0
    retries: int = 0


def committable(done: Iterable[tuple[int, int, bool]]) -> Mapping[int, int]:
    """Return the offset to commit for each partition: that of the first record still to be done.

    *done* says partition, offset and whether it is done, of records in the order they came. A
    partition whose first record is not done is left out.
    """
    ends: dict[int, int] = {}
    stopped: set[int] = set()
    for partition, offset, is_done in done:
        if not is_done:
            stopped.add(partition)
        elif partition not in stopped:
            ends[partition] = offset + 1
    return ends


def is_idle(
    owned: Set[int] | None, at_end: Set[int], quiet: float, until_idle: float | None
) -> bool:
    """Tell whether there has been nothing to do for *until_idle* seconds (None: never enough).

    *owned* partitions are those this reader was given, None before the group has spoken: a cluster
    that cannot be reached is not an empty topic. *at_end* are those read to their end; nothing came
    and nothing changed for *quiet* seconds.
    """
    if until_idle is None or owned is None:
        return False
    return owned <= at_end and quiet >= until_idle


def added(report: Report, more: Report) -> Report:
    """Return the sum of two reports."""
    reasons = dict(report.dead_lettered)
    for reason, count in more.dead_lettered.items():
        reasons[reason] = reasons.get(reason, 0) + count
    return Report(
        report.read + more.read,
        report.delivered + more.delivered,
        reasons,
        report.abandoned + more.abandoned,
        report.retries + more.retries,
    )
