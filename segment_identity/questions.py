"""What people may ask of a warehouse: wrong arguments are told at the call, in words."""

import math
from typing import Final

from segment_identity.errors import InvalidCall
from segment_identity.jsonable import clean

# Nobody reads as many calls; a database's integers end somewhere.
_MOST: Final = 10**9


def identifier(call: str, given: object) -> str:
    """Return an id as events have it, whose texts are clean."""
    if not isinstance(given, str):
        raise InvalidCall(
            f"{call}() was given {type(given).__name__}; "
            "want an anonymousId, a userId or a segment_id as a str"
        )
    return clean(given)


def count(call: str, name: str, given: object) -> int:
    """Return how many are wanted."""
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise InvalidCall(f"{call}() was given {given!r:.40} as {name}; want a whole number, 0 up")
    return min(given, _MOST)


def number(call: str, name: str, given: object) -> float:
    """Return a number that is not below 0, be it endless."""
    if isinstance(given, bool) or not isinstance(given, int | float) or given != given:
        raise InvalidCall(f"{call}() was given {given!r:.40} as {name}; want a number")
    if given < 0:
        raise InvalidCall(f"{call}() was given {given!r:.40} as {name}; want 0 or more")
    try:
        return float(given)
    except OverflowError:
        return math.inf


def positive(call: str, name: str, given: object) -> float:
    """Return a number above 0, be it endless."""
    found = number(call, name, given)
    if not found:
        raise InvalidCall(f"{call}() was given 0 as {name}; want more than 0")
    return found
