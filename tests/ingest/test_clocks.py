"""A wrong clock is set right, and what cannot be is replaced by what can."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.ingest import clocks
from segment_identity.messages import stamp

NOW: Final = 1_790_000_000_500
HOUR: Final = 3_600_000
OLDEST: Final = NOW - clocks.MAX_AGE


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("2026-01-01T00:00:00.000Z", 1_767_225_600_000),
        ("2026-01-01T00:00:00.123456789Z", 1_767_225_600_123),
        ("2026-01-01T01:00:00+01:00", 1_767_225_600_000),
        ("2026-01-01T00:00:00", 1_767_225_600_000),
        ("2026-01-01 00:00:00.5+00:00", 1_767_225_600_500),
        ("2026-01-01T00:00:00.1Z", 1_767_225_600_100),
        ("2026-01-01T00:00:00.\u0661\u0662\u0663Z", None),
        ("2026-01-01T00:00:00. 12Z", None),
        ("2026-01-01T00:00:0x.123Z", None),
        ("2026-01-01T00:00+01:0.123Z", None),
        ("2026-01-01", 1_767_225_600_000),
        (1_767_225_600, 1_767_225_600_000),
        (1_767_225_600.25, 1_767_225_600_250),
        (1_767_225_600_250, 1_767_225_600_250),
        ("0001-01-01T00:00:00+23:59", -62_135_683_140_000),
        ("", None),
        ("yesterday", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-01-01T00:00:00Z" + " " * 99, None),
        (None, None),
        (True, None),
        ([], None),
        ({}, None),
    ],
)
def test_times_are_read(said: Any, wanted: int | None) -> None:
    assert clocks.read(said) == wanted


@given(st.text(max_size=80) | st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_reading_never_raises(said: Any) -> None:
    assert isinstance(clocks.read(said), int | None)


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_of_ours_is_read_as_it_was_said(milliseconds: int) -> None:
    assert clocks.read(stamp(milliseconds)) == milliseconds


@given(st.integers(-10 * HOUR, 10 * HOUR), st.integers(0, HOUR))
def test_a_clock_that_is_wrong_makes_no_difference(skew: int, before: int) -> None:
    sent = NOW + skew
    assert clocks.corrected(sent - before, sent, NOW, OLDEST) == NOW - before


@pytest.mark.parametrize(
    ("original", "sent", "wanted"),
    [
        (None, NOW, NOW),
        (NOW - HOUR, None, NOW - HOUR),
        (NOW + 299_000, None, NOW + 299_000),
        (NOW + 301_000, None, NOW),
        (OLDEST, None, OLDEST),
        (OLDEST - 1, None, NOW),
        # Sent before it happened: the clock was moved in between.
        (NOW, NOW - HOUR, NOW),
        (253_402_300_799_000, None, NOW),
        (-62_135_683_140_000, None, NOW),
        (NOW, -62_135_683_140_000, NOW),
        (10**400, 1, NOW),
    ],
)
def test_what_cannot_be_is_the_time_of_receipt(
    original: int | None, sent: int | None, wanted: int
) -> None:
    assert clocks.corrected(original, sent, NOW, OLDEST) == wanted


def test_a_server_may_hand_in_the_past() -> None:
    assert clocks.corrected(1_000, None, NOW, 0) == 1_000
