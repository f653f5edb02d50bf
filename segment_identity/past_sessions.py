"""Cut what a person did into sessions, as they look afterwards and over all devices."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from segment_identity.profile import Call

# Minutes; what most analytics tools take.
GAP: Final = 30.0


class PastSession(msgspec.Struct, frozen=True):
    """Calls of one person without a longer pause; *pages* and *tracks* count two types of them.

    *anonymous_ids* are the devices. *was_known* tells whether they were known at its end.
    """

    start: str
    end: str
    seconds: float
    pages: int
    tracks: int
    first_page: str | None
    anonymous_ids: Sequence[str]
    was_known: bool


def sessions(timeline: Sequence[Call], gap: float = GAP) -> list[PastSession]:
    """Return the sessions of a *timeline* in order; after *gap* minutes without a call one ends."""
    groups: list[list[Call]] = []
    last: datetime | None = None
    for call in timeline:
        try:
            when = datetime.fromisoformat(call.timestamp)
        except ValueError:
            continue
        if last is None or (when - last).total_seconds() > gap * 60:
            groups.append([])
        groups[-1].append(call)
        last = when
    return [_session(each) for each in groups]


def _session(calls: Sequence[Call]) -> PastSession:
    start, end = (datetime.fromisoformat(each.timestamp) for each in (calls[0], calls[-1]))
    pages = [each for each in calls if each.type == "page"]
    return PastSession(
        start=calls[0].timestamp,
        end=calls[-1].timestamp,
        seconds=(end - start).total_seconds(),
        pages=len(pages),
        tracks=sum(each.type == "track" for each in calls),
        first_page=pages[0].name if pages else None,
        anonymous_ids=sorted({each.anonymous_id for each in calls if each.anonymous_id}),
        was_known=calls[-1].was_known,
    )
