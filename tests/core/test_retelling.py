"""Rows tell traits that profiles do not know, and no others."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.facts import TraitName, TraitValue, facts
from segment_identity.messages import Message
from segment_identity.profile import traits
from segment_identity.restoring import restored
from segment_identity.retelling import untold
from segment_identity.schema import rows

EARLY: Final = "2026-01-01T12:00:00.000Z|m-1"
LATE: Final = "2026-01-02T12:00:00.000Z|m-2"


def told(name: str, moment: str, value: object = "x") -> dict[TraitName, TraitValue]:
    said = TraitValue(moment, msgspec.json.encode(value).decode())
    return {TraitName("user_id", "ada", name): said}


@pytest.mark.parametrize(
    ("new", "known", "wanted"),
    [
        (told("plan", EARLY), {}, told("plan", EARLY)),
        (told("plan", EARLY), told("plan", EARLY), {}),
        (told("plan", EARLY), told("plan", LATE), {}),
        (told("plan", LATE), told("plan", EARLY), told("plan", LATE)),
        (told("first_name", EARLY), told("firstName", EARLY), {}),
        (told("first_name", LATE), told("firstName", EARLY), told("firstName", LATE)),
        (told("address_city", EARLY), told("address", LATE, {"city": "Wien"}), {}),
        (
            told("address_city", LATE),
            told("address", EARLY, {"city": "Wien"}),
            told("address_city", LATE),
        ),
        (told("address_zip", EARLY), told("address", LATE, {"city": "Wien"}), {}),
        (told("plan_id", EARLY), told("plan", LATE), None),
        (told("plan", EARLY, []), told("plan", LATE, {}), {}),
        (told("plan", EARLY), {TraitName("user_id", "bob", "plan"): TraitValue(LATE, "1")}, None),
    ],
)
def test_a_row_tells_what_is_news(
    new: dict[TraitName, TraitValue],
    known: dict[TraitName, TraitValue],
    wanted: dict[TraitName, TraitValue] | None,
) -> None:
    assert untold(new, known) == (new if wanted is None else wanted)


NAMES: Final = st.sampled_from(["plan", "firstName", "first_name", "a b", "7", "Plan", "plan_id"])
SCALARS: Final = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2)
OBJECTS: Final = st.recursive(
    st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=2), max_size=2),
    lambda inner: st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=3,
)
TRAITS: Final = st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=2), max_size=3)
IDENTIFIES: Final = st.lists(
    st.tuples(TRAITS, st.none() | OBJECTS, st.integers(1, 9), st.sampled_from(["ada", ""])),
    max_size=6,
)


@given(IDENTIFIES)
def test_rows_that_were_loaded_with_profiles_are_no_news(calls: list[Any]) -> None:
    messages: list[Message] = [
        {
            "type": "identify",
            "messageId": f"m-{number}",
            "anonymousId": "device-1",
            "userId": who,
            "timestamp": f"2026-01-0{day}T12:00:00.000Z",
            "traits": {**given_traits, "address": address},
        }
        for number, (given_traits, address, day, who) in enumerate(calls)
    ]
    known = facts(messages).traits
    for message in messages:
        again = restored("identifies", rows(message)[0].values)
        assert untold(facts([again]).traits, known) == {}
    everything = [restored("identifies", rows(each)[0].values) for each in messages]
    assert untold(facts(everything).traits, known) == {}


def test_a_trait_that_a_row_told_gives_way_to_a_newer_one_of_a_call() -> None:
    both: Mapping[TraitName, TraitValue] = {
        **told("first_name", EARLY, "Ad"),
        **told("firstName", LATE, "Ada"),
    }
    assert traits(both) == {"firstName": "Ada"}
    newer = {**told("first_name", LATE, "Ad"), **told("firstName", EARLY, "Ada")}
    assert traits(newer) == {"first_name": "Ad", "firstName": "Ada"}
