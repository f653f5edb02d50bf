"""The identity of one visitor, and what each verb makes of it.

How this works
--------------
A `Visitor` is a frozen value; every verb is a function from one visitor to the next. The rules are
those of Analytics.js (`core/user`), checked against the real package by tests/conformance:

* The anonymousId is the device, the userId the person. The first identify of an anonymous device
  keeps the anonymousId, because that is what ties the past to the person.
* A *different* person on the same device must not inherit that past. So identify with another
  userId replaces the anonymousId and drops the traits (`on_user_change="rotate"`); `"keep"` keeps
  the device id and still drops the traits; `"refuse"` leaves everything as it was.
* Traits merge only while the person stays the same. identify with traits alone keeps the userId.
* reset forgets everything. A device nobody ever told us anything about has nothing to forget, so
  resetting it changes nothing: a page that resets on every anonymous view must not make a new
  visitor each time. `touched` remembers, without keeping any trait, that somebody did tell.
* A person whose id could not be trusted any longer (see reconcile) still had this device; `owned`
  remembers that, so that the next person gets another anonymousId all the same.
* What a browser merely claims (`claimed`, from its cookie) is never trusted as the userId, but it
  counts as the previous person: identifying somebody else must not tie the claimed one's past.
* An `ambiguous` anonymousId may be planted by a neighbouring site, so no person is tied to it.

New ids come from the caller (`new_id`), which keeps this file free of randomness.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

OnUserChange = Literal["rotate", "keep", "refuse"]
Traits = Mapping[str, Any]
NewId = Callable[[], str]


class Visitor(msgspec.Struct, frozen=True, gc=False):
    """Who is there; *anonymous_id* is None until one is needed."""

    anonymous_id: str | None = None
    user_id: str | None = None
    group_id: str | None = None
    traits: Traits = {}
    group_traits: Traits = {}
    touched: bool = False
    owned: bool = False


NOBODY: Final = Visitor()


def ensure_id(visitor: Visitor, new_id: NewId) -> Visitor:
    """Give *visitor* an anonymousId if there is none yet."""
    if visitor.anonymous_id is not None:
        return visitor
    if visitor is NOBODY:
        return Visitor(new_id())
    return msgspec.structs.replace(visitor, anonymous_id=new_id())


def identify(
    visitor: Visitor,
    user_id: str | None,
    traits: Traits,
    *,
    new_id: NewId,
    on_user_change: OnUserChange = "rotate",
    claimed: str | None = None,
    ambiguous: bool = False,
) -> Visitor | None:
    """Tie a person, or only traits, to *visitor*; None means the policy refused."""
    current = visitor.user_id
    if user_id is not None and user_id != current:
        if current is not None and on_user_change == "refuse":
            return None
        left_behind = current is None and visitor.owned
        somebody_else = left_behind or (current or claimed or user_id) != user_id
        anonymous_id = visitor.anonymous_id
        if ambiguous or (somebody_else and on_user_change != "keep"):
            # Without a device yet, there is no past to part from.
            anonymous_id = None if anonymous_id is None else new_id()
        merged = dict(traits) if somebody_else else {**visitor.traits, **traits}
        return msgspec.structs.replace(
            visitor,
            anonymous_id=anonymous_id,
            user_id=user_id,
            traits=merged,
            touched=True,
            owned=False,
        )
    return msgspec.structs.replace(visitor, traits={**visitor.traits, **traits}, touched=True)


def named(visitor: Visitor, user_id: str | None) -> Visitor:
    """Return *visitor* as the person the app says it is, of whom nothing new was told."""
    return msgspec.structs.replace(visitor, user_id=user_id, touched=True)


def group(visitor: Visitor, group_id: str, traits: Traits) -> Visitor:
    """Put *visitor* in a group; its traits merge only while the group stays the same."""
    same = visitor.group_id is None or visitor.group_id == group_id
    merged = {**visitor.group_traits, **traits} if same else dict(traits)
    return msgspec.structs.replace(visitor, group_id=group_id, group_traits=merged, touched=True)


def alias(visitor: Visitor, previous_id: str | None) -> tuple[Visitor, str | None]:
    """Return the visitor, whose ids stay, and the id the new one replaces (Segment Spec: Alias)."""
    told = msgspec.structs.replace(visitor, touched=True)
    return told, previous_id or visitor.user_id or visitor.anonymous_id


def is_untouched(visitor: Visitor, claimed: str | None = None) -> bool:
    """Tell whether nobody ever said who *visitor* is, on the server or (*claimed*) the browser."""
    return not (
        visitor.touched
        or visitor.user_id
        or claimed
        or visitor.group_id
        or visitor.traits
        or visitor.group_traits
    )


def authoritative(policy: OnUserChange) -> OnUserChange:
    """Return the policy for what the app's own authentication says, which is never refused."""
    return "rotate" if policy == "refuse" else policy


def looks_like_email(user_id: str) -> bool:
    """Tell whether a user id is an e-mail address."""
    before, at, after = user_id.partition("@")
    return bool(before and at and "." in after and not user_id.count(" "))


def app_says(visitor: Visitor, user_id: str | None) -> Literal["identify", "reset"] | None:
    """Return the verb that makes *visitor* whom the app's own authentication says is there."""
    if user_id == visitor.user_id:
        return None
    return "reset" if user_id is None else "identify"


def has_changed(before: Visitor, after: Visitor) -> bool:
    """Tell whether an id changed that the page knows; the first anonymousId is no change."""
    if before.anonymous_id is not None and before.anonymous_id != after.anonymous_id:
        return True
    return before.user_id != after.user_id or before.group_id != after.group_id


def reset(
    visitor: Visitor, *, new_id: NewId, keep_device: bool = False, claimed: str | None = None
) -> Visitor:
    """Forget the person; the device becomes a new visitor unless *keep_device*."""
    if is_untouched(visitor, claimed):
        return visitor
    if keep_device:
        return Visitor(anonymous_id=visitor.anonymous_id, touched=True)
    return Visitor(anonymous_id=new_id())


def set_anonymous_id(visitor: Visitor, anonymous_id: str) -> Visitor:
    """Replace the anonymousId and keep the person, as Analytics.js' setAnonymousId does."""
    if visitor.anonymous_id == anonymous_id:
        return visitor
    return msgspec.structs.replace(visitor, anonymous_id=anonymous_id, owned=False)
