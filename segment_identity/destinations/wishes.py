"""What a destination asks of whoever delivers to it (see `Destination`)."""

from typing import Final, NamedTuple

from segment_identity import options
from segment_identity.batching import MAX_BATCH_EVENTS, Most, most
from segment_identity.destinations.protocol import Destination
from segment_identity.errors import ConfigurationError

# Seconds; the system's waits are not for ever.
_LONGEST_LINGER: Final = 3_600.0


class Wishes(NamedTuple):
    """How many threads may send at once, how long a batch waits, and what it may hold."""

    parallel: int
    linger: float
    limit: Most


def wishes(destination: Destination, owner: str = "Analytics") -> Wishes:
    """Return what *destination* asks for; raises `ConfigurationError` if that makes no sense."""
    try:
        parallel = int(getattr(destination, "parallel", 1))
        linger = float(getattr(destination, "linger", 0.0))
        events = int(getattr(destination, "batch_events", MAX_BATCH_EVENTS))
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigurationError(
            f"{owner} was given {type(destination).__name__} as a destination, whose parallel, "
            "linger or batch_events is no number"
        ) from error
    options.not_negative("linger", linger)
    return Wishes(max(1, parallel), min(linger, _LONGEST_LINGER), most(max(1, events)))
