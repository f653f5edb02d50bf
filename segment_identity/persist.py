"""Decide which cookies a response carries, once it is known who the visitor is now."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from segment_identity import cookies, marker, presented
from segment_identity.cookies import Attributes
from segment_identity.marker import Marker
from segment_identity.presented import Presented
from segment_identity.reconcile import DAY, Recognised
from segment_identity.signing import Memory, MemorySigner
from segment_identity.visitor import Visitor

Remember = bool | Collection[str]

# Bytes of JSON that remembered traits of user and group may take together.
TRAITS_BUDGET: Final = 1_024


def rememberable(visitor: Visitor, remember: Remember) -> tuple[Visitor, bool]:
    """Return *visitor* with the traits that may be and fit to be kept, and whether all fitted."""
    if not visitor.traits and not visitor.group_traits:
        return visitor, True
    if remember is False:
        return msgspec.structs.replace(visitor, traits={}, group_traits={}), True
    budget = TRAITS_BUDGET
    traits, budget, all_user = _fitting(visitor.traits, remember, budget)
    group_traits, _, all_group = _fitting(visitor.group_traits, remember, budget)
    kept = msgspec.structs.replace(visitor, traits=traits, group_traits=group_traits)
    return kept, all_user and all_group


def is_due(found: Recognised, visitor: Visitor, *, keeps: bool) -> bool:
    """Tell whether the browser should get cookies; a steady visitor's response carries none.

    *keeps* False says that an id made in this request may not be stored.
    """
    if found.visitor.anonymous_id is None and not keeps:
        return found.owes and visitor.anonymous_id is None
    return found.owes or visitor != found.visitor


def set_cookies(
    seen: Presented,
    found: Recognised,
    visitor: Visitor,
    *,
    changed: bool,
    signer: MemorySigner,
    attributes: Attributes,
    now: float,
    nonce: str,
    browser: bool = True,
) -> list[bytes]:
    """Return the Set-Cookie values that make the browser hold *visitor*.

    *changed* says that the app itself changed the identity in this request, so the page must hear
    it; *nonce* is random.
    """
    name = attributes.prefix + presented.MEMORY
    readable, hidden = attributes.endings(now)
    if visitor.anonymous_id is None:
        lines = attributes.delete(name) if seen.tokens else []
    else:
        memory = _memory(found, visitor, int(now), nonce)
        lines = [name + b"=" + signer.dumps(memory) + hidden]
    if not browser:
        return lines
    minted = found.visitor.anonymous_id is None and visitor.anonymous_id is not None
    tell = True if changed else found.tell if found.tell is not None else False if minted else None
    renew = tell is not None or (found.memory is not None and now - found.memory.seen > DAY)
    lines += _plain(seen, visitor, attributes, readable, renew=renew, settled=tell is True)
    if tell is not None and visitor.anonymous_id is not None:
        told = Marker(visitor.anonymous_id, visitor.user_id, visitor.group_id, tell)
        lines.append(presented.SYNC + b"=" + marker.dumps(told) + readable)
    elif seen.has_marker and (
        seen.marker is None or seen.marker.anonymous_id != visitor.anonymous_id
    ):
        lines += attributes.delete(presented.SYNC)
    if seen.reset:
        lines += attributes.delete(presented.RESET)
    return lines


def _memory(found: Recognised, visitor: Visitor, now: int, nonce: str) -> Memory:
    before = found.memory
    same = before is not None and before.anonymous_id == visitor.anonymous_id
    assert visitor.anonymous_id is not None
    return Memory(
        visitor.anonymous_id,
        visitor.user_id,
        visitor.group_id,
        before.issued if before is not None and same else now,
        now,
        nonce,
        visitor.touched,
        visitor.traits,
        visitor.group_traits,
        visitor.owned,
    )


def _plain(
    seen: Presented,
    visitor: Visitor,
    attributes: Attributes,
    ending: bytes,
    *,
    renew: bool,
    settled: bool,
) -> list[bytes]:
    """Write what the browser lacks; a claim of its own is deleted only by a settled change."""
    held_id = seen.anonymous_ids[0] if seen.anonymous_ids else None
    lines: list[bytes] = []
    for name, value, held, drops in (
        (presented.ANONYMOUS, visitor.anonymous_id, held_id, False),
        (presented.USER, visitor.user_id, seen.user_id, seen.has_user),
        (presented.GROUP, visitor.group_id, seen.group_id, seen.has_group),
    ):
        if value is None:
            if drops and settled:
                lines += attributes.delete(name)
        elif renew or seen.has_duplicates or value != held:
            # A host-only twin of a domain cookie would shadow what is written next.
            if seen.has_duplicates:
                lines += attributes.delete_host_only(name)
            lines.append(name + b"=" + cookies.encode(value) + ending)
    return lines


def _fitting(
    traits: Mapping[str, Any], remember: Remember, budget: int
) -> tuple[dict[str, Any], int, bool]:
    kept: dict[str, Any] = {}
    all_fitted = True
    for key, value in traits.items():
        if not isinstance(remember, bool) and key not in remember:
            continue
        size = len(msgspec.json.encode({key: value}))
        if size > budget:
            all_fitted = False
            continue
        budget -= size
        kept[key] = value
    return kept, budget, all_fitted
