"""Say which ids are one person (Segment: Unify, Profiles Sync).

How this works
--------------
1. Aliases first: two users become one, and so do two ids of one device. An alias between a device
   and a user is a link like any other. An id is a user's if any event names it as `userId`, or if
   none names it as `anonymousId`; unless the alias itself said that it is a device's.
2. Then links, the earliest first (or, by policy, the latest): a device joins its user, unless it
   would put two users into one person. So a device belongs to the user of its earliest event that
   carries both, and who shares a device stays apart.
3. A person goes by the user id that was seen first, or by the device's while no user is known.

Classes of edges that may join later (an e-mail address, an external id) come after these, in the
order of their priority: `_edges` yields them in turn, and `_fits` says what one person may hold.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from segment_identity.facts import Alias, Facts, Id, IdType, Link
from segment_identity.tallies import DEVICE

Policy = Literal["first", "last"]
POLICIES: Final[tuple[Policy, ...]] = ("first", "last")

# How many groups of ids, each joined by aliases, one person may hold; a device has no limit.
_LIMITS: Final[Mapping[IdType, int]] = {"user_id": 1}
_ORDER: Final[Mapping[IdType, int]] = {"user_id": 0, "anonymous_id": 1}


class Forest:
    """Sets of ids that are joined one by one."""

    def __init__(self) -> None:
        self._parents: dict[Id, Id] = {}
        self._sizes: Counter[Id] = Counter()

    def root(self, each: Id) -> Id:
        """Return the id that stands for all that *each* is joined with."""
        parents = self._parents
        while (above := parents.get(each)) is not None:
            beyond = parents.get(above)
            if beyond is None:
                return above
            parents[each] = beyond
            each = beyond
        return each

    def join(self, one: Id, other: Id) -> None:
        """Make one set of two."""
        large, small = self.root(one), self.root(other)
        if large == small:
            return
        if self._sizes[large] < self._sizes[small]:
            large, small = small, large
        self._parents[small] = large
        self._sizes[large] += self._sizes[small] + 1


def known_ids(facts: Facts) -> dict[Id, str]:
    """Return all ids with the moment each was first seen, also those that only an alias names."""
    ids = dict(facts.ids)
    for alias, span in facts.aliases.items():
        for value in alias:
            each = typed(value, facts.ids)
            if each not in facts.ids:
                ids[each] = min(ids.get(each, span.first), span.first)
    return ids


def typed(value: str, ids: Mapping[Id, str]) -> Id:
    """Return *value*, from an alias, as the id that it is."""
    if value.startswith(DEVICE):
        return Id("anonymous_id", value.removeprefix(DEVICE))
    user, device = Id("user_id", value), Id("anonymous_id", value)
    return device if device in ids and user not in ids else user


def canonical(facts: Facts, policy: Policy = "first") -> dict[Id, Id]:
    """Return for every id the one that its person goes by."""
    forest, holds = Forest(), dict[Id, Counter[IdType]]()
    ids = known_ids(facts)
    for alias in facts.aliases:
        one, other = (typed(value, facts.ids) for value in alias)
        if one.type == other.type:
            forest.join(one, other)
    for each in ids:
        holds[forest.root(each)] = Counter([each.type])
    for device, user in _edges(facts, policy):
        one, other = forest.root(device), forest.root(user)
        if one != other and _fits(both := holds[one] + holds[other]):
            forest.join(one, other)
            holds[forest.root(one)] = both
    names: dict[Id, Id] = {}
    for each in sorted(ids, key=lambda each: (_ORDER[each.type], ids[each], each.value)):
        names.setdefault(forest.root(each), each)
    return {each: names[forest.root(each)] for each in ids}


def _fits(held: Counter[IdType]) -> bool:
    return all(held[each] <= most for each, most in _LIMITS.items())


def _edges(facts: Facts, policy: Policy) -> Iterator[tuple[Id, Id]]:
    """Yield what joins a device and a user, in the order in which it counts."""
    found = [(span, link) for link, span in facts.links.items()]
    for alias, span in facts.aliases.items():
        link = link_of(alias, facts.ids)
        if link is not None:
            found.append((span, link))
    # Two sorts, as the ids of equal moments rise under both policies.
    found.sort(key=lambda each: (each[1].user_id, each[1].anonymous_id))
    if policy == "first":
        found.sort(key=lambda each: each[0].first)
    else:
        found.sort(key=lambda each: each[0].last, reverse=True)
    for _, (device, user) in found:
        yield Id("anonymous_id", device), Id("user_id", user)


def link_of(alias: Alias, ids: Mapping[Id, str]) -> Link | None:
    """Return the link that an alias of a device to a user is; None if it is between equals."""
    one, other = (typed(value, ids) for value in alias)
    if one.type == other.type:
        return None
    if one.type == "anonymous_id":
        return Link(one.value, other.value)
    return Link(other.value, one.value)
