"""Who is who, from facts."""

import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.facts import Facts, Id, facts, merged
from segment_identity.stitching import POLICIES, Policy, canonical

from .identities import drawn, people

SHORT = {"user_id": "u", "anonymous_id": "a"}


def named(found: Mapping[Id, Id]) -> dict[str, str]:
    """Write ids as the oracle does."""
    short = {each: f"{SHORT[each.type]}:{each.value}" for each in found}
    return {short[each]: short[home] for each, home in found.items()}


@pytest.mark.parametrize("policy", POLICIES)
def test_random_graphs_come_out_as_by_brute_force(policy: Policy) -> None:
    for seed in range(20_000):
        events = drawn(seed)
        assert named(canonical(facts(events), policy)) == people(events, policy), seed


@given(st.integers(0, 10**9), st.randoms(use_true_random=False))
def test_order_repetition_and_batches_do_not_matter(seed: int, chance: random.Random) -> None:
    events = drawn(seed)
    whole = facts(events)
    again = [*events, *chance.choices(events, k=len(events))]
    chance.shuffle(again)
    in_parts = Facts()
    while again:
        size = chance.randint(1, 4)
        in_parts = merged(in_parts, facts(again[:size]))
        del again[:size]
    assert in_parts == whole
    assert canonical(in_parts) == canonical(whole)
