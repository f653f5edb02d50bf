"""When a client is asked to send its request again."""

from typing import Any

import pytest

from segment_identity.circuit import Circuit
from segment_identity.ingest import repeats
from segment_identity.ingest.parsing import Said

UP, DOWN = Circuit(), Circuit(failures=1)


@pytest.mark.parametrize(
    ("full", "circuits", "again"),
    [
        pytest.param(["a"], {"a": UP}, True, id="the only one is slow"),
        pytest.param(["a"], {"a": DOWN}, True, id="the only one is down"),
        pytest.param(["a"], {"a": UP, "b": UP}, True, id="one is slow"),
        pytest.param(["a"], {"a": DOWN, "b": UP}, False, id="one is down, another took it"),
        pytest.param(["a", "b"], {"a": DOWN, "b": DOWN}, True, id="all are down"),
        pytest.param(["a", "b"], {"a": DOWN, "b": UP, "c": UP}, True, id="one of two is slow"),
        pytest.param(["a", "b"], {"a": DOWN, "b": DOWN, "c": UP}, False, id="two of three down"),
    ],
)
def test_nothing_is_asked_for_on_behalf_of_who_is_down_while_others_took_it(
    full: list[str], circuits: dict[str, Circuit], again: bool
) -> None:
    assert repeats.is_worth_while(full, circuits) is again


@pytest.mark.parametrize(
    ("message_ids", "known"),
    [(["m-1"], True), (["m-1", 7], True), ([], True), (["m-1", None], False), ([""], False)],
)
def test_repeats_are_known_by_their_message_ids(message_ids: list[Any], known: bool) -> None:
    assert repeats.are_known([Said(messageId=each) for each in message_ids]) is known


def test_what_is_no_message_cannot_be_known() -> None:
    assert not repeats.are_known([None])


@pytest.mark.parametrize(
    ("pauses", "seconds"), [([], 10), ([3.0], 10), ([3.0, 12.2], 13), ([9_999.0], 300)]
)
def test_a_client_comes_back_after_the_longest_pause_within_bounds(
    pauses: list[float], seconds: int
) -> None:
    circuits = [Circuit(until=500.0 + pause) for pause in pauses]
    assert repeats.come_back(circuits, now=500.0) == seconds
