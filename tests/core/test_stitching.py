"""Who is who, from facts."""

import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.claims import moment, time_of
from segment_identity.facts import Facts, Id, facts, merged
from segment_identity.schema import rows
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


TIMES = st.sampled_from(
    [
        None,
        "2026-01-31T12:00:00.000Z",
        "2026-02-01T12:00:00.123456789Z",
        "2026-03-01 12:00+02:00",
        "20260401T120000Z",
        "2026-W20-1",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        "soon",
        "",
        1_770_000_000,
    ]
)


@given(
    st.fixed_dictionaries(
        dict.fromkeys(("timestamp", "originalTimestamp", "sentAt", "receivedAt"), TIMES)
    )
)
def test_what_a_message_tells_is_as_old_as_its_row(times: Mapping[str, object]) -> None:
    told = {"type": "track", "event": "Seen", "messageId": "m-1", **times}
    row = rows(told)[0].values
    assert time_of(moment(told)) == row.get("timestamp", "0001-01-01T00:00:00.000Z")
