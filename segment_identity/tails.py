"""Which events somebody who follows them wants to see, and what is new since the last look.

How this works
--------------
A row can be committed long after rows that were begun later, so no time and no id tells what is
new. In SQLite one transaction writes at a time, and the numbers of rows rise as they are committed;
a mark is a row that was seen, and what has a higher number is new. In PostgreSQL every row has the
number of its transaction. What is new was made by one that had not ended at the last look: so all
rows of the oldest of those, and of later ones, are looked at again, and those seen are left out.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from segment_identity.errors import InvalidCall
from segment_identity.messages import Kind
from segment_identity.names import ident
from segment_identity.schema import SHAPES

# Looking takes at most this share of the time.
_SHARE: Final = 0.2
# Transactions' numbers begin anew after so many.
_ROUND: Final = 2**32

TYPES: Final[tuple[Kind, ...]] = tuple(SHAPES)  # type: ignore[arg-type]


class Wanted(msgspec.Struct, frozen=True):
    """What is to be shown: of each that is not empty an event must have one.

    *events* are names of track events, as they were called or as their table is; *ids* are
    anonymousIds and userIds.
    """

    types: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()

    def __contains__(self, message: object) -> bool:
        """Tell whether *message* is one of those."""
        if not isinstance(message, dict):
            return False
        if self.types and message.get("type") not in self.types:
            return False
        name = message.get("event")
        if self.events and not (
            isinstance(name, str) and not self.events.isdisjoint((name, ident(name)))
        ):
            return False
        who = (message.get("anonymousId"), message.get("userId"))
        return not self.ids or any(isinstance(each, str) and each in self.ids for each in who)


def wanted(types: Iterable[str], events: Iterable[str], ids: Iterable[str]) -> Wanted:
    """Return what somebody wants to see; raises `InvalidCall` for a type there is not."""
    for name, several in (("types", types), ("events", events), ("ids", ids)):
        if isinstance(several, str) or not isinstance(several, Iterable):
            raise InvalidCall(f"tail was given {type(several).__name__} as {name}; want a list")
    found = Wanted(frozenset(types), frozenset(events), frozenset(ids))
    for each in sorted(found.types.difference(TYPES)):
        raise InvalidCall(f"tail was given {each!r:.40} as type; want one of {', '.join(TYPES)}")
    return found


class Mark(NamedTuple):
    """A row of SQLite that was seen: its number, its id, and when it was loaded."""

    number: int
    id: str
    loaded: str | None = None


def standing(marks: Sequence[Mark], there: Collection[tuple[int, str]]) -> Mark | None:
    """Return the newest of *marks*, given in order, whose row is still *there*; None if none is.

    Rows that somebody was forgotten with are not, and their numbers may be those of new ones.
    """
    return next((mark for mark in reversed(marks) if (mark.number, mark.id) in there), None)


def still_open(seen: Mapping[Any, int], floor: int) -> dict[Any, int]:
    """Return what was *seen* of transactions from number *floor* on, which are looked at again."""
    return {key: number for key, number in seen.items() if (number - floor) % _ROUND < _ROUND // 2}


def pause(every: float, took: float) -> float:
    """Return the seconds until the next look, after one that *took* so long."""
    return max(every, took / _SHARE)
