"""Staff who use the app as somebody else see what that person sees, and are not that person."""

from typing import Any

import msgspec


class ActingAs(msgspec.Struct, frozen=True):
    """What `user=` returns while staff act as a user (impersonation, "log in as").

    The browser's cookies stay the member of staff's own, nobody is identified, and what happens is
    not recorded; *record* True records it, with `context.actingAs` saying who it was.
    """

    user_id: str | int
    staff_id: str | int
    record: bool = False


def mark(staff_id: str) -> dict[str, Any]:
    """Return what the context of a message gains that staff caused."""
    return {"actingAs": {"staffId": staff_id}}
