"""Ids of a day, made from what every request shows by itself."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.cookieless import DailyIds
from segment_identity.ids import is_anonymous_id

DAY: Final = 86_400.0
NOON: Final = 20_000 * DAY + DAY / 2
REQUEST: Final[dict[str, Any]] = {
    "site": b"shop.example",
    "address": "203.0.113.77",
    "agent": b"Mozilla/5.0",
}
IDS: Final = DailyIds(b"a secret of the app, sixteen at least")


def test_one_visitor_is_one_id_all_day() -> None:
    morning = IDS.of(20_000 * DAY, **REQUEST)
    assert morning == IDS.of(NOON, **REQUEST) == IDS.of(20_001 * DAY - 0.001, **REQUEST)


def test_the_next_day_is_another_visitor() -> None:
    assert len({IDS.of(NOON + day * DAY, **REQUEST) for day in range(400)}) == 400


@pytest.mark.parametrize(
    "other",
    [
        {"site": b"blog.example"},
        {"address": "203.0.113.78"},
        {"agent": b"Mozilla/5.1"},
        # The same bytes, cut elsewhere.
        {"site": b"shop.example2", "address": "03.0.113.77"},
    ],
)
def test_another_request_is_another_visitor(other: dict[str, Any]) -> None:
    assert IDS.of(NOON, **{**REQUEST, **other}) != IDS.of(NOON, **REQUEST)


def test_a_host_is_the_same_in_capitals() -> None:
    assert IDS.of(NOON, **{**REQUEST, "site": b"SHOP.example"}) == IDS.of(NOON, **REQUEST)


def test_nobody_without_the_key_can_try_addresses() -> None:
    assert DailyIds(b"another secret of sixteen at least").of(NOON, **REQUEST) != IDS.of(
        NOON, **REQUEST
    )
    assert "secret" not in repr(IDS)


@given(st.binary(), st.text(st.characters(codec="ascii")), st.binary(), st.floats(0, 1e11))
def test_every_id_is_one_that_analytics_takes(
    site: bytes, address: str, agent: bytes, now: float
) -> None:
    assert is_anonymous_id(IDS.of(now, site=site, address=address, agent=agent))
