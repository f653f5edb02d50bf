"""What is shown of events that are followed, and what is new."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.errors import InvalidCall
from segment_identity.tails import Mark, pause, standing, still_open, wanted

TRACK: Final = {"type": "track", "event": "Signed Up", "anonymousId": "d-1", "userId": "ada"}
PAGE: Final = {"type": "page", "anonymousId": "d-1", "userId": None}


@pytest.mark.parametrize(
    ("types", "events", "ids", "shown"),
    [
        ([], [], [], [TRACK, PAGE]),
        (["page"], [], [], [PAGE]),
        (["page", "track"], [], [], [TRACK, PAGE]),
        ([], ["Signed Up"], [], [TRACK]),
        ([], ["signed_up"], [], [TRACK]),
        ([], ["Signed"], [], []),
        ([], [], ["ada", "bob"], [TRACK]),
        ([], [], ["d-1"], [TRACK, PAGE]),
        (["page"], [], ["ada"], []),
    ],
)
def test_only_what_is_wanted_is_shown(
    types: list[str], events: list[str], ids: list[str], shown: list[dict[str, Any]]
) -> None:
    sought = wanted(types, events, ids)
    assert [each for each in (TRACK, PAGE) if each in sought] == shown
    assert "track" not in sought


def test_another_type_is_told_in_words() -> None:
    with pytest.raises(InvalidCall, match="tail was given 'dance' as type; want one of identify"):
        wanted(["track", "dance"], [], [])


MARKS: Final = [Mark(1, "a"), Mark(2, "b"), Mark(5, "c")]


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ({(1, "a"), (2, "b"), (5, "c")}, MARKS[2]),
        ({(1, "a"), (2, "b"), (5, "other")}, MARKS[1]),
        ({(1, "a")}, MARKS[0]),
        (set(), None),
    ],
)
def test_a_row_that_is_gone_is_no_mark(there: set[tuple[int, str]], found: Mark | None) -> None:
    assert standing(MARKS, there) == found


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(-1_000, 1_000)))
def test_rows_of_open_transactions_stay_in_mind(floor: int, steps: list[int]) -> None:
    """Numbers begin anew after the highest one."""
    seen = {step: (floor + step) % 2**32 for step in steps}
    assert set(still_open(seen, floor)) == {step for step in steps if step >= 0}


def test_looking_takes_a_fifth_of_the_time_at_most() -> None:
    assert pause(1.0, 0.01) == 1.0
    assert pause(1.0, 2.0) == 10.0
