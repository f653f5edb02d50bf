"""When a message happened, by what its sender and its receiver say (Segment: Common Fields)."""

import datetime as dt

from segment_identity.kinds import instant_of


def corrected(original: str | None, sent: str | None, received: str | None) -> str | None:
    """Return the time of a message that has none of its own; None if nothing tells it.

    Times are in UTC and milliseconds. The client's clock is set right by how far it was off when
    the message was sent.
    """
    if original is None or sent is None or received is None:
        return original or received
    at = [dt.datetime.fromisoformat(each) for each in (received, sent, original)]
    try:
        return instant_of((at[0] - (at[1] - at[2])).isoformat()) or received
    except OverflowError:
        return received
