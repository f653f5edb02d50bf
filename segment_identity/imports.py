"""Where an import of a file goes on, and what it makes of a line."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from segment_identity import records
from segment_identity.batching import Most
from segment_identity.consumption import Report

_LINES: Final = 2_000
_IDS: Final = uuid.UUID("0b1d0f0a-5a3c-5b0e-9d53-7d5f3d7a9c11")


class Place(msgspec.Struct, frozen=True):
    """How far a file is imported: *at* bytes, and what came of the *lines* before.

    *head* is a hash of the file's first line, which tells whether another has taken its place.
    """

    head: str = ""
    at: int = 0
    lines: int = 0
    delivered: int = 0
    rejected: int = 0


def going_on(kept: Place | None, first: bytes, *, again: bool = False) -> Place:
    """Return the place to start from, in a file with this *first* line."""
    head = hashlib.sha256(first.strip()).hexdigest()
    return Place(head) if kept is None or again or kept.head != head else kept


def after(place: Place, lines: Sequence[bytes], done: int, report: Report) -> Place:
    """Return the place after the first *done* of *lines* that are not blank.

    What was rejected beyond those is rejected again when they come again.
    """
    at, full = place.at, 0
    for line in lines:
        full += bool(line.strip())
        if full > done:
            break
        at += len(line)
    rejected = min(done, sum(report.dead_lettered.values()))
    return Place(
        place.head,
        at,
        place.lines + done,
        place.delivered + done - rejected,
        place.rejected + rejected,
    )


def at_once(limit: Most) -> Most:
    """Return how much is read at once for a destination that takes no more than *limit*.

    How far it got is noted as often, so it is some batches, and a whole number of them.
    """
    batches = -(-_LINES // limit.events)
    return Most(batches * limit.events, batches * limit.bytes)


def passed_over(place: Place, size: int) -> Place:
    """Return the place after a line of *size* bytes that is no event."""
    return Place(place.head, place.at + size, place.lines + 1, place.delivered, place.rejected + 1)


def target(name: str) -> str:
    """Return a name for a destination that shows nothing of its URL, which may hold a password."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def event(line: bytes) -> bytes:
    """Return the event in a line; one without a messageId is given one that a repeat has too."""
    line = _bare(line)
    if records.flaw(line) != "no_message_id":
        return line
    message: dict[str, Any] = msgspec.json.decode(line)
    identifier = uuid.uuid5(_IDS, hashlib.sha256(line).hexdigest())
    return msgspec.json.encode({**message, "messageId": str(identifier)})


def is_unfinished(line: bytes) -> bool:
    """Tell whether a file's last line may still be being written."""
    return not line.endswith(b"\n") and records.flaw(_bare(line)) == "not_json"


def _bare(line: bytes) -> bytes:
    """Return a line without blanks around it, and what some editors begin a file with."""
    return line.strip().removeprefix(b"\xef\xbb\xbf")
