"""Whose what a spool holds is, once destinations have changed."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.keeping import Keeping, fingerprint, keeping, whose

EU: Final = fingerprint("eu")
US: Final = fingerprint("us")


def of_kind(kind: str, *marks: str | None) -> list[Keeping]:
    return [keeping(kind, mark, at, len(marks), None) for at, mark in enumerate(marks, 1)]


ONE_EU: Final = of_kind("segment", EU)
ONE_US: Final = of_kind("segment", US)
BOTH: Final = of_kind("segment", EU, US)
ONE_GATE: Final = of_kind("gate", None)
TWO_GATES: Final = of_kind("gate", None, None)
CALLED: Final = [keeping("segment", EU, 1, 1, "marketing")]


@pytest.mark.parametrize(
    ("before", "now", "owners"),
    [
        pytest.param(BOTH, ONE_US, [None, 0], id="the first was taken out"),
        pytest.param(BOTH, ONE_EU, [0, None], id="the second was taken out"),
        pytest.param(BOTH, of_kind("segment", US, EU), [1, 0], id="they were turned round"),
        pytest.param(ONE_EU, BOTH, [0], id="another one came after it"),
        pytest.param(ONE_EU, of_kind("segment", US, EU), [1], id="another one came before it"),
        pytest.param(ONE_EU, ONE_US, [0], id="its key or host was mended"),
        pytest.param(ONE_EU, of_kind("warehouse", US), [None], id="there is none of its kind"),
        pytest.param(ONE_EU, CALLED, [0], id="it was given a name"),
        pytest.param(CALLED, ONE_EU, [None], id="its name was taken away"),
        pytest.param(CALLED, CALLED, [0], id="it has a name"),
        pytest.param(ONE_GATE, ONE_GATE, [0], id="it has no fingerprint"),
        pytest.param(TWO_GATES, TWO_GATES, [0, 1], id="neither has a fingerprint"),
        pytest.param(TWO_GATES, ONE_GATE, [None, None], id="which was taken out cannot be told"),
        pytest.param(ONE_GATE, TWO_GATES, [None], id="which it was cannot be told"),
    ],
)
def test_it_is_whose_it_was_or_nobodys(
    before: list[Keeping], now: list[Keeping], owners: list[int | None]
) -> None:
    kept = [each.name for each in before]
    assert [whose(name, now, kept) for name in kept] == [
        None if at is None else now[at].name for at in owners
    ]


@pytest.mark.parametrize(
    ("kept", "now", "owners"),
    [
        (["segment"], ONE_EU, [0]),
        (["gate"], ONE_GATE, [0]),
        (["segment"], BOTH, [None]),
        (["segment", "segment 2"], BOTH, [None, None]),
        (["segment", "segment 2"], ONE_EU, [None, None]),
        (["segment 2"], ONE_EU, [None]),
        (["gate", "gate 2"], ONE_GATE, [None, None]),
        (["segment", "segment 2"], [keeping("segment", EU, 1, 1, "segment 2")], [None, 0]),
        (["segment", "segment 2"], [keeping("segment", EU, 1, 1, "segment")], [0, None]),
    ],
)
def test_what_an_earlier_version_kept_by_position_is_adopted_where_it_is_sure(
    kept: list[str], now: list[Keeping], owners: list[int | None]
) -> None:
    assert [whose(name, now, kept) for name in kept] == [
        None if at is None else now[at].name for at in owners
    ]


def test_a_fingerprint_shows_nothing() -> None:
    assert len(fingerprint("https://key@api.example.com")) == 12
    assert fingerprint("a", "b") != fingerprint("a\nb", "")


@given(st.text(), st.lists(st.text(), max_size=3))
def test_whatever_a_file_says_is_somebodys_or_nobodys(said: str, others: list[str]) -> None:
    for now in (ONE_EU, BOTH, ONE_GATE, TWO_GATES, CALLED, []):
        assert whose(said, now, others) in {None, *(each.name for each in now)}
