"""Take over what processes left behind that are gone.

How this works
--------------
Rows are moved one by one, oldest first. A process that is killed meanwhile leaves one visitor's
events in two files, so all orphans are read side by side, and by one process at a time: two would
each deliver a part, in no order.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Collection, Sequence

from segment_identity import keeping, spooling
from segment_identity.delivery.backlog import Chunk
from segment_identity.delivery.sides import Kept
from segment_identity.spool.file import SpoolFile, Stored
from segment_identity.spool.folder import Folder, Report
from segment_identity.spool.own import OwnFile


def adopt(
    folder: Folder,
    own: OwnFile,
    lanes: Sequence[Kept],
    oldest: float,
    report: Report,
    is_ending: Callable[[], bool],
) -> None:
    """Move what orphaned files hold to *own* and to the lanes.

    What belongs to no lane of this process stays where it is; what is from before *oldest* (seconds
    since 1970) is dropped.
    """
    if not folder.strangers(own.path):
        return
    with folder.claimed() as is_ours, contextlib.ExitStack() as stack:
        if not is_ours:
            return
        orphans = []
        for orphan in folder.orphans(own.path, report):
            stack.callback(_let_go, orphan, report)
            orphans.append((orphan, orphan.stored()))
        names = {row.lane for _, rows in orphans for row in rows}
        owners = _owners(names, lanes)
        times = [[row.made for row in rows] for _, rows in orphans]
        for number, at in spooling.by_age(times):
            if is_ending():
                return
            orphan, rows = orphans[number]
            row = rows[at]
            lane = owners.get(row.lane)
            if lane is None:
                report("spool_unclaimed", LookupError())
            else:
                _move(orphan, row, own, lane, is_old=row.made < oldest)


def _owners(names: Collection[str], lanes: Sequence[Kept]) -> dict[str, Kept]:
    """Return the lane for each of the *names* under which something is kept, where it is sure."""
    now = {lane.kept.name: lane for lane in lanes}
    known = [lane.kept for lane in lanes]
    found = {name: keeping.whose(name, known, names) for name in names}
    return {name: now[owner] for name, owner in found.items() if owner is not None}


def _let_go(orphan: SpoolFile, report: Report) -> None:
    if orphan.damaged:
        report("spool_damaged", sqlite3.DatabaseError())
        orphan.quarantine()
    else:
        orphan.close()


def _move(orphan: SpoolFile, row: Stored, own: OwnFile, lane: Kept, *, is_old: bool) -> None:
    events = [] if is_old else orphan.load(row.seq)
    if events:
        chunk = Chunk(events, row.events, row.size)
        # First there twice, then once: a crash in between repeats and does not lose.
        own.insert([(lane.kept.name, row.strand, row.made, chunk)])
        lane.add(row.strand, chunk, adopted=True)
    else:
        lane.adopt_lost("expired" if is_old else "spool_gone", row.events)
    if not orphan.damaged:
        orphan.remove([row.seq])
