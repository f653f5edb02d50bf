"""What the app's own log-in says: who is there, or which member of staff acts as whom.

Staff who use the app as somebody else see what that person sees, and are not that person.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from segment_identity import ids
from segment_identity.calls import Call
from segment_identity.errors import InvalidCall
from segment_identity.ids import Id
from segment_identity.jsonable import Snapshot
from segment_identity.messages import checked_mapping
from segment_identity.visitor import Visitor

# A user id, or None for nobody, and traits.
AppUser = tuple[str | None, Mapping[str, Any]]


class ActingAs(msgspec.Struct, frozen=True):
    """What `user=` returns while staff act as a user (impersonation, "log in as").

    The browser's cookies stay the member of staff's own, nobody is identified, and what happens is
    not recorded; *record* True records it, with `context.actingAs` saying who it was.
    """

    user_id: Id
    staff_id: Id
    record: bool = False


class Unsaid(msgspec.Struct, frozen=True):
    """An identify that the app's log-in implies, which is recorded once an answer keeps it."""

    who: Visitor
    traits: Mapping[str, Any]
    call: Call


def read(said: Any) -> AppUser | ActingAs:
    """Return what the `user` option *said*, checked; raises `InvalidCall` for what is no answer."""
    if said is None:
        return None, {}
    if isinstance(said, ActingAs):
        if not isinstance(said.record, bool):
            raise InvalidCall(
                f"user() was given {type(said.record).__name__} as record; want a bool"
            )
        user_id = ids.given("user", "the user's id", said.user_id)
        return ActingAs(user_id, ids.given("user", "the id of staff", said.staff_id), said.record)
    if isinstance(said, tuple) and len(said) != 2:
        raise InvalidCall(f"user() was given a tuple of {len(said)}; want (id, traits)")
    user_id, traits = said if isinstance(said, tuple) else (said, {})
    if user_id is None or user_id == "":
        # As sessions and users of frameworks say it of nobody.
        return None, {}
    mapping = checked_mapping("user", "traits", traits)
    return ids.given("user", "the user's id", user_id), Snapshot().mapping(mapping)


def mark(staff_id: str) -> dict[str, Any]:
    """Return what the context of a message gains that staff caused."""
    return {"actingAs": {"staffId": staff_id}}
