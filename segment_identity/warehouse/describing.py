"""Describe one person: their ids, their traits and what they did."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from segment_identity import profile
from segment_identity.claims import time_of
from segment_identity.facts import Id, TraitName, TraitValue
from segment_identity.profile import Profile
from segment_identity.warehouse.profile_tables import TRAITS
from segment_identity.warehouse.timelines import timeline


def described(connection: Connection, found: Mapping[Id, str], limit: int) -> Profile:
    """Return the person whose ids were *found*, with the moments they were first seen."""
    users, devices = profile.values(found, "user_id"), profile.values(found, "anonymous_id")
    since = profile.known_since(found)
    calls, is_whole = timeline(connection, users, devices, since, limit)
    goes_by = next(iter(found))
    return Profile(
        segment_id=profile.segment_id(goes_by),
        user_id=goes_by.value if goes_by.type == "user_id" else None,
        user_ids=users,
        anonymous_ids=devices,
        first_seen=time_of(min(found.values())),
        known_since=since,
        traits=profile.traits(_traits(connection, list(found))),
        timeline=calls,
        is_whole=is_whole,
    )


def _traits(connection: Connection, found: Sequence[Id]) -> dict[TraitName, TraitValue]:
    told: dict[TraitName, TraitValue] = {}
    for each in found:
        query = sa.select(TRAITS).where(TRAITS.c.type == each.type, TRAITS.c.value == each.value)
        for row in connection.execute(query):
            told[TraitName(each.type, each.value, row.name)] = TraitValue(row.moment, row.json)
    return told
