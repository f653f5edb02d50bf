"""What becomes of a batch that a destination did not take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import retry
from segment_identity.errors import Unavailable, Undeliverable
from segment_identity.retry import Verdict


@pytest.mark.parametrize(
    ("error", "attempts", "wanted"),
    [
        pytest.param(Undeliverable(), 1, "split", id="undeliverable"),
        pytest.param(Undeliverable(), 99, "split", id="undeliverable again"),
        pytest.param(Unavailable(), 1, "retry", id="unavailable"),
        pytest.param(Unavailable(), 10_000, "retry", id="unavailable for long"),
        pytest.param(ConnectionRefusedError(), 10_000, "retry", id="the network"),
        pytest.param(TimeoutError(), 10_000, "retry", id="a timeout"),
        pytest.param(OSError(28, "No space left"), 10_000, "retry", id="the disk"),
        pytest.param(ValueError(), 1, "retry", id="a surprise"),
        pytest.param(ValueError(), 4, "retry", id="the fourth surprise"),
        pytest.param(ValueError(), 5, "split", id="a surprise too often"),
        pytest.param(MemoryError(), 5, "split", id="another surprise too often"),
    ],
)
def test_the_world_is_asked_again_and_a_bad_event_is_sought(
    error: Exception, attempts: int, wanted: Verdict
) -> None:
    assert retry.verdict(error, attempts) == wanted


@pytest.mark.parametrize(
    ("attempts", "longest"), [(0, 0.5), (1, 1), (2, 2), (6, 32), (7, 60), (20, 60), (10**9, 60)]
)
def test_the_pause_doubles_up_to_a_minute(attempts: int, longest: float) -> None:
    assert retry.delay(attempts, 0.999) == pytest.approx(longest * 0.999)
    assert retry.delay(attempts, 0.5) == pytest.approx(longest / 2)


@given(st.integers(0, 10**6), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_never_nothing_and_never_long(attempts: int, chance: float) -> None:
    assert 0.05 <= retry.delay(attempts, chance) < 60


@given(st.integers(0, 40), st.floats(0, 1, exclude_max=True))
def test_a_later_pause_is_not_shorter(attempts: int, chance: float) -> None:
    assert retry.delay(attempts, chance) <= retry.delay(attempts + 1, chance)
