"""What becomes of a batch that a destination did not take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import retry
from segment_identity.errors import Unauthorized, Unavailable, Undeliverable
from segment_identity.retry import Answer, Verdict


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


@pytest.mark.parametrize(
    ("statuses", "wanted"),
    [
        ([200, 201, 202, 204], "taken"),
        ([408, 410, 429, 460, 500, 502, 503, 504, 508, 520, 599, 100], "retry"),
        ([400, 405, 409, 411, 413, 414, 415, 418, 422, 431, 451, 501, 505, 511], "split"),
        ([301, 302, 303, 307, 308, 401, 403, 404, 407], "refused"),
    ],
)
def test_every_status_has_a_meaning(statuses: list[int], wanted: Answer) -> None:
    assert {retry.answer(status) for status in statuses} == {wanted}


NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("٣", None),
        ("0", 0.0),
        (" 7 ", 7.0),
        ("300", 300.0),
        ("301", 300.0),
        ("9" * 4_000, 300.0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 00:00:30 -0000", 30.0),
        ("Thursday, 01-Jan-26 00:00:30 GMT", 30.0),
        ("Thu Jan  1 00:00:30 2026", 30.0),
        ("Wed, 31 Dec 2025 23:59:00 GMT", 0.0),
        ("Fri, 01 Jan 2027 00:00:00 GMT", 300.0),
        ("Thu, 99 Jan 2026 00:00:30 GMT", None),
        ("Thu, 01 Jan 9999 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, wanted: float | None) -> None:
    assert retry.retry_after(value, NOW) == wanted


@given(st.text(), st.floats(0, 4e9))
def test_no_retry_after_raises_or_waits_over_five_minutes(value: str, now: float) -> None:
    wait = retry.retry_after(value, now)
    assert wait is None or 0 <= wait <= 300


@given(st.integers(0, 100), st.floats(0, 1, exclude_max=True))
def test_the_pause_is_what_the_other_side_asks_for(failures: int, chance: float) -> None:
    assert retry.pause(Unavailable(retry_after=7.0), failures, chance) == 7.0
    assert retry.pause(Unavailable(retry_after=0.0), failures, chance) > 0
    assert retry.pause(Unavailable(), failures, chance) == retry.delay(failures, chance)
    assert retry.pause(OSError(), failures, chance) == retry.delay(failures, chance)
    assert 15 <= retry.pause(Unauthorized(), failures, chance) <= 30
