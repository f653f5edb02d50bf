"""How far a reader of a stream got."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.consumption import Report, added, committable, is_idle


@pytest.mark.parametrize(
    ("done", "offsets"),
    [
        ([], {}),
        ([(0, 5, True), (0, 6, True)], {0: 7}),
        ([(0, 5, True), (0, 6, False), (0, 7, True)], {0: 6}),
        ([(0, 5, False), (0, 6, True)], {}),
        ([(0, 5, False), (3, 9, True), (3, 12, True)], {3: 13}),
    ],
)
def test_an_offset_moves_up_to_the_first_record_still_to_be_done(
    done: list[tuple[int, int, bool]], offsets: dict[int, int]
) -> None:
    assert committable(done) == offsets


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans())))
def test_no_record_is_passed_over(marks: list[tuple[int, bool]]) -> None:
    rows: list[Any] = [(where, at, done) for at, (where, done) in enumerate(marks)]
    offsets = committable(rows)
    assert all(done or at >= offsets.get(where, 0) for where, at, done in rows)


@pytest.mark.parametrize(
    ("owned", "at_end", "quiet", "until_idle", "idle"),
    [
        pytest.param({0, 1}, {0, 1}, 5.0, 5.0, True, id="at the end and quiet"),
        pytest.param({0, 1}, {0, 1}, 4.9, 5.0, False, id="not quiet for long enough"),
        pytest.param({0, 1}, {0}, 99.0, 5.0, False, id="something is still to be read"),
        pytest.param(set(), set(), 5.0, 5.0, True, id="the others have all partitions"),
        pytest.param(None, set(), 99.0, 5.0, False, id="no word from the group"),
        pytest.param({0}, {0}, 1e9, None, False, id="not asked to end"),
    ],
)
def test_idle_is_read_to_the_end_and_quiet(
    owned: set[int] | None, at_end: set[int], quiet: float, until_idle: float | None, idle: bool
) -> None:
    assert is_idle(owned, at_end, quiet, until_idle) is idle


def test_reports_add_up() -> None:
    one = Report(10, 7, {"not_json": 1, "refused": 1}, 1, retries=3)
    two = Report(5, 4, {"refused": 1})
    total = added(added(Report(), one), two)
    assert total == Report(15, 11, {"not_json": 1, "refused": 2}, 1, retries=3)
    assert total.read == total.delivered + sum(total.dead_lettered.values()) + total.abandoned
