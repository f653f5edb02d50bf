"""Decide when a client is asked to send a request again, as it is by 429, and how soon."""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from segment_identity.circuit import Circuit
from segment_identity.ingest import fields
from segment_identity.ingest.parsing import Item, Said
from segment_identity.retry import MAX_RETRY_AFTER

# Seconds. SDKs give up after so many 429s, so sooner would be too often in an outage.
_COME_BACK: Final = 10


def is_worth_while(full: Collection[str], circuits: Mapping[str, Circuit]) -> bool:
    """Tell whether to ask for a message again that found no room in the *full* destinations.

    Where all lack it, or one of those that do is not down: for one that is down SDKs would send
    the others nothing meanwhile.
    """
    return len(full) == len(circuits) or any(not circuits[name].failures for name in full)


def are_known(taken: Iterable[Item]) -> bool:
    """Tell whether repeats of all these messages can be known for such, by their messageId."""
    return all(isinstance(item, Said) and fields.is_message_id(item.messageId) for item in taken)


def come_back(circuits: Iterable[Circuit], now: float) -> int:
    """Return in how many seconds a repeat is worth while, *now* being one of a steady clock."""
    pauses = [circuit.until - now for circuit in circuits]
    return math.ceil(min(max([_COME_BACK, *pauses]), MAX_RETRY_AFTER))
