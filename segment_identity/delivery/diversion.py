"""The way past all destinations, for tests (segment_identity.testing)."""

from collections.abc import Callable, Collection

Diversion = Callable[[bytes], None]

_diversions: list[Diversion] = []


def divert(diversion: Diversion) -> None:
    """Send all events of this process to *diversion* only, until `undivert`."""
    _diversions.append(diversion)


def undivert(diversion: Diversion) -> None:
    """Take a diversion away again."""
    _diversions.remove(diversion)


def is_diverted(events: Collection[bytes]) -> bool:
    """Hand *events* to the diversions, if there are any."""
    if not _diversions:
        return False
    for diversion in tuple(_diversions):
        for event in events:
            diversion(event)
    return True
