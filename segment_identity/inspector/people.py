"""One person for the page: profile, picture of the ids, history of traits, days."""

import weakref
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

import msgspec

from segment_identity.inspector.picture import Picture, picture
from segment_identity.inspector.portrait import Row, came_by
from segment_identity.past_sessions import PastSession, sessions
from segment_identity.profile import Call, Profile
from segment_identity.stitching import Policy
from segment_identity.ties import Family
from segment_identity.warehouse.profiles import Profiles
from segment_identity.warehouse.trait_history import Change

# Of the newest calls, as a page of more is none to read.
_CALLS: Final = 500


class Day(msgspec.Struct, frozen=True):
    """The calls of one day, the newest first."""

    date: str
    calls: Sequence[Call]


class Person(msgspec.Struct, frozen=True):
    """Everything the page shows of one person; *devices* numbers the devices for their colours.

    *arrivals* tells how they came, *sessions* are those of the calls shown, the newest first.
    """

    profile: Profile
    family: Family
    picture: Picture
    traits: Mapping[str, Sequence[Change]]
    days: Sequence[Day]
    devices: Mapping[str, int]
    arrivals: Sequence[Row]
    sessions: Sequence[PastSession]


class People:
    """The people in a warehouse, opened when one is asked for first: an app may make it later."""

    def __init__(self, url: str, policy: Policy) -> None:
        self._url = url
        self._policy: Policy = policy
        self._profiles: Profiles | None = None

    def person(self, text: str) -> Person | None:
        """Return who has the id *text*; None if nobody has it."""
        if self._profiles is None:
            self._profiles = Profiles(self._url, policy=self._policy)
            # Nobody closes an inspector.
            weakref.finalize(self, self._profiles.close)
        known = self._profiles.with_family(text, limit=_CALLS)
        if known is None:
            return None
        profile, family = known
        newest = reversed(profile.timeline)
        days = [
            Day(date, list(calls))
            for date, calls in groupby(newest, lambda call: call.timestamp[:10])
        ]
        colours = {each: number % 6 for number, each in enumerate(profile.anonymous_ids)}
        history = self._profiles.trait_history(profile)
        came = self._profiles.attribution(profile)
        return Person(
            profile,
            family,
            picture(family),
            history,
            days,
            colours,
            arrivals=[] if came is None else came_by(came),
            sessions=sessions(profile.timeline)[::-1],
        )
