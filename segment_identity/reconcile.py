"""Decide who a browser is, from what it presented and what the server signed.

How this works
--------------
There are two memories: the browser's (plain cookies and localStorage, kept by Analytics.js) and the
server's (one signed cookie). Either side may change an identity while the other is not looking, so
a third, readable cookie, `ajs_sync`, says who spoke last:

* A *settled* marker stands: the server changed the identity and the page has not heard of it yet.
  The server's memory wins; plain cookies that say otherwise are stale and are written again.
* No settled marker: the page has heard everything, so the browser spoke last and wins. Another
  anonymousId is taken over, and the trusted user is dropped with the old one: nobody proved that
  the person came along. The same id with another claimed user drops the trusted user, too.
* No plain id at all: Analytics.js deletes its cookies on reset, but script-written cookies also
  just expire (Safari after seven days). The age of the signed memory tells them apart.
* `ajs_reset`, left by the page's script, says a reset outright.
* A settled marker of nobody stands: consent was withdrawn, and the page has not forgotten yet. What
  it still shows is a leftover, so the next identity is new, and settled.

Every row of this table is a row of the table in tests/core/test_reconcile.py.
"""

import enum
from typing import Final

import msgspec

from segment_identity import ids
from segment_identity.presented import Presented
from segment_identity.signing import Memory
from segment_identity.visitor import NOBODY, Visitor

DAY: Final = 86_400


class Reason(enum.Enum):
    """Why the visitor is taken to be who it is, in words."""

    NOBODY = "no identity was presented"
    AGREE = "browser and server agree"
    SERVER_TOLD = "the server changed the identity and the page has not heard yet"
    BROWSER_RESET = "the page reported a reset"
    BROWSER_FORGOT = "the browser's cookies went within a day, which is a reset"
    RESTORED = "the browser's cookies expired; the signed memory brought them back"
    REPAIRED = "a part of the browser's cookies was missing or illegible"
    WITHDRAWN = "consent was withdrawn and the page has not forgotten yet"
    REPLACED = "the browser remembered an older id than the one just made"
    BROWSER_CHANGED = "the browser changed the anonymousId"
    CLAIM_DIFFERS = "the browser claims another user than the signed one"
    ADOPTED = "the browser brought an id the server had not signed"
    HEADER = "an app without cookies named its device in a header"


class Recognised(msgspec.Struct, frozen=True, gc=False):
    """The visitor behind a request; *tell* is what the page must hear (True: settled)."""

    visitor: Visitor = NOBODY
    reason: Reason = Reason.NOBODY
    claimed: str | None = None
    memory: Memory | None = None
    ambiguous: bool = False
    tell: bool | None = None
    owes: bool = False
    link: str | None = None


STRANGER: Final = Recognised()


def reconcile(
    presented: Presented,
    memory: Memory | None,
    now: float,
    *,
    browser: bool = True,
    stale_key: bool = False,
    contested: bool = False,
) -> Recognised:
    """Return who this is; *memory* is verified and alive, *now* in seconds.

    *browser* False ignores plain cookies; *stale_key* asks for a new signature; *contested* says
    that several signed memories contradicted each other, so that *memory* is None.
    """
    found = _decide(presented, memory, now) if browser else _remembered(memory)
    if contested:
        found = msgspec.structs.replace(found, ambiguous=True, owes=True)
    kept = found.memory
    if kept is not None and not found.owes and (stale_key or now - kept.seen > DAY):
        found = msgspec.structs.replace(found, owes=True)
    return found


def _decide(presented: Presented, memory: Memory | None, now: float) -> Recognised:
    if presented.reset:
        return _after_reset(presented, memory)
    if memory is None:
        return _without_memory(presented)
    if presented.marker is not None and presented.marker.settled:
        return _server_wins(presented, memory)
    if memory.anonymous_id in presented.anonymous_ids:
        return _same_device(presented, memory)
    anonymous_id = _first_valid(presented)
    if anonymous_id is not None:
        return _other_device(presented, memory, anonymous_id)
    if presented.has_anonymous:
        return _restore(presented, memory, Reason.REPAIRED)
    if now - memory.seen < DAY:
        return Recognised(reason=Reason.BROWSER_FORGOT, claimed=presented.user_id, owes=True)
    return _restore(presented, memory, Reason.RESTORED)


def _remembered(memory: Memory | None) -> Recognised:
    if memory is None:
        return STRANGER
    return Recognised(_visitor(memory), Reason.AGREE, memory=memory)


def _without_memory(presented: Presented) -> Recognised:
    if presented.marker is not None and presented.marker.anonymous_id is None:
        return Recognised(reason=Reason.WITHDRAWN, tell=True)
    anonymous_id = _first_valid(presented)
    if anonymous_id is None:
        return Recognised(claimed=presented.user_id)
    return Recognised(
        Visitor(anonymous_id, group_id=presented.group_id),
        Reason.ADOPTED,
        claimed=presented.user_id,
        ambiguous=_is_ambiguous(presented),
        owes=True,
    )


def _after_reset(presented: Presented, memory: Memory | None) -> Recognised:
    """Drop the memory; a marker the page may still act on must not bring the old person back."""
    found = _without_memory(presented)
    old_id = memory is not None and found.visitor.anonymous_id == memory.anonymous_id
    return msgspec.structs.replace(
        found,
        # The reset came after this id, so what stands here is a leftover of the old person.
        visitor=NOBODY if old_id else found.visitor,
        claimed=None if old_id else found.claimed,
        reason=Reason.BROWSER_RESET,
        tell=True if presented.has_marker or old_id else None,
        owes=True,
    )


def _server_wins(presented: Presented, memory: Memory) -> Recognised:
    marker = presented.marker
    heard = (
        presented.anonymous_ids[:1] == (memory.anonymous_id,)
        and _claim(presented, memory) == memory.user_id
        and presented.group_id == memory.group_id
        and marker is not None
        and marker.anonymous_id == memory.anonymous_id
        and marker.user_id == memory.user_id
        and marker.group_id == memory.group_id
    )
    return Recognised(
        _visitor(memory),
        Reason.AGREE if heard else Reason.SERVER_TOLD,
        memory=memory,
        tell=None if heard else True,
        owes=not heard,
    )


def _same_device(presented: Presented, memory: Memory) -> Recognised:
    claimed = _claim(presented, memory)
    if claimed is not None and memory.user_id is not None and claimed != memory.user_id:
        visitor = _dropped(memory, presented.group_id)
        return Recognised(visitor, Reason.CLAIM_DIFFERS, claimed, memory, owes=True)
    missing = (memory.user_id is not None and claimed is None) or (
        memory.group_id is not None and presented.group_id is None
    )
    moved = presented.group_id is not None and presented.group_id != memory.group_id
    visitor = _visitor(memory)
    if moved:
        visitor = msgspec.structs.replace(visitor, group_id=presented.group_id, group_traits={})
    return Recognised(
        visitor,
        Reason.REPAIRED if missing else Reason.AGREE,
        None if memory.user_id else claimed,
        memory,
        tell=False if missing else None,
        owes=missing or moved,
    )


def _other_device(presented: Presented, memory: Memory, anonymous_id: str) -> Recognised:
    """The browser wins; what it says it replaced is linked only if it was ours and nobody's."""
    linked = presented.replaced == memory.anonymous_id and memory.user_id is None
    return Recognised(
        Visitor(anonymous_id, group_id=presented.group_id),
        Reason.REPLACED if linked else Reason.BROWSER_CHANGED,
        presented.user_id,
        ambiguous=_is_ambiguous(presented),
        owes=True,
        link=memory.anonymous_id if linked else None,
    )


def _restore(presented: Presented, memory: Memory, reason: Reason) -> Recognised:
    visitor = _visitor(memory)
    claimed = _claim(presented, memory)
    # Illegible is not missing: somebody wrote there, so the person needs the browser's word.
    absent_is_fine = reason is Reason.RESTORED and claimed is None
    if memory.user_id is not None and claimed != memory.user_id and not absent_is_fine:
        visitor = _dropped(memory, None)
    return Recognised(
        visitor,
        reason,
        None if visitor.user_id else claimed,
        memory,
        tell=False,
        owes=True,
    )


def _dropped(memory: Memory, group_id: str | None) -> Visitor:
    """The device without the person, who may not be passed on to the next one."""
    return Visitor(memory.anonymous_id, group_id=group_id, touched=True, owned=True)


def _visitor(memory: Memory) -> Visitor:
    return Visitor(
        memory.anonymous_id,
        memory.user_id,
        memory.group_id,
        memory.traits,
        memory.group_traits,
        memory.touched,
        memory.owned,
    )


def _claim(presented: Presented, memory: Memory) -> str | None:
    """Return whom the browser claims; of several the signed one, as a neighbour may plant more."""
    return memory.user_id if memory.user_id in presented.user_ids else presented.user_id


def _first_valid(presented: Presented) -> str | None:
    return next(filter(ids.is_anonymous_id, presented.anonymous_ids), None)


def _is_ambiguous(presented: Presented) -> bool:
    valid = sum(map(ids.is_anonymous_id, presented.anonymous_ids))
    return valid > 1 or presented.encoded_name
