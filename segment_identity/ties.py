"""What ties a person's ids together, what did not, and why, in words."""

from collections.abc import Iterator, Sequence

import msgspec

from segment_identity.claims import time_of
from segment_identity.facts import Alias, Facts, Id, Span
from segment_identity.stitching import Policy, canonical, known_ids, link_of, typed


class Tie(msgspec.Struct, frozen=True):
    """Two ids that came together; *holds* tells whether that makes them one person.

    *since* is when they came together first, *reason* says why it holds or not.
    """

    one: Id
    other: Id
    kind: str
    holds: bool
    since: str
    reason: str


class Family(msgspec.Struct, frozen=True):
    """A person's ids and what they had to do with others, who are *strangers*.

    *goes_by* is the id the person goes by, *members* are all with the moment each was first seen.
    """

    goes_by: Id
    members: dict[Id, str]
    strangers: Sequence[Id]
    ties: Sequence[Tie]


def family(facts: Facts, start: Id, policy: Policy = "first") -> Family:
    """Return the family of the id *start*, from all facts that have to do with it."""
    names, moments = canonical(facts, policy), known_ids(facts)
    members = {each: time_of(moments[each]) for each in names if names[each] == names[start]}
    found = [
        tie for tie in _ties(facts, names, policy) if tie.one in members or tie.other in members
    ]
    found.sort(key=lambda tie: (tie.since, tie.one, tie.other))
    known = {each for tie in found for each in (tie.one, tie.other)}
    return Family(names[start], members, sorted(known - set(members)), found)


def _ties(facts: Facts, names: dict[Id, Id], policy: Policy) -> Iterator[Tie]:
    for link, span in facts.links.items():
        device, user = Id("anonymous_id", link.anonymous_id), Id("user_id", link.user_id)
        yield _link(device, user, span, names, policy, "calls carried both")
    for alias, span in facts.aliases.items():
        yield _alias(alias, span, facts, names, policy)


def _alias(alias: Alias, span: Span, facts: Facts, names: dict[Id, Id], policy: Policy) -> Tie:
    previous, new = (typed(value, facts.ids) for value in alias)
    if link_of(alias, facts.ids) is None:
        return Tie(previous, new, "alias", True, time_of(span.first), "an alias joins them")
    device, user = sorted((previous, new))
    tie = _link(device, user, span, names, policy, "an alias names both")
    return msgspec.structs.replace(tie, kind="alias")


def _link(device: Id, user: Id, span: Span, names: dict[Id, Id], policy: Policy, why: str) -> Tie:
    holds = names[device] == names[user]
    if holds:
        reason = why
    else:
        order = "earlier" if policy == "first" else "later"
        reason = f"{why}, but the device is {names[device].value}'s, who came {order}"
    return Tie(device, user, "link", holds, time_of(span.first), reason)
