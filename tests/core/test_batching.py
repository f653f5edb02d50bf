"""How many events go together, and how many may wait."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import batching
from segment_identity.batching import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, Room, batch_length

# Segment's limits: what one request and one event may weigh.
SEGMENT_BATCH: Final = 500 * 1_024
SEGMENT_EVENT: Final = 32 * 1_024


@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [
        pytest.param([], 0, id="nothing waits"),
        pytest.param([100], 1, id="one"),
        pytest.param([100] * 9, 9, id="a few"),
        pytest.param([1] * MAX_BATCH_EVENTS, MAX_BATCH_EVENTS, id="as many as may be"),
        pytest.param([1] * (MAX_BATCH_EVENTS + 1), MAX_BATCH_EVENTS, id="one too many"),
        pytest.param([MAX_BATCH_BYTES], 1, id="as large as may be"),
        pytest.param([MAX_BATCH_BYTES, 1], 1, id="one byte too many"),
        pytest.param([1, MAX_BATCH_BYTES], 1, id="a large one comes second"),
        pytest.param([MAX_BATCH_BYTES - 1, 1, 1], 2, id="the limit itself fits"),
        pytest.param([MAX_BATCH_BYTES * 2, 1], 1, id="one beyond all limits goes alone"),
        pytest.param([0] * 900, MAX_BATCH_EVENTS, id="empty ones count, too"),
    ],
)
def test_a_batch_is_bounded_by_count_and_size(sizes: list[int], wanted: int) -> None:
    assert batch_length(sizes) == wanted


def test_a_batch_looks_no_further_than_it_must() -> None:
    sizes = iter([1] * 10_000)
    assert batch_length(sizes) == MAX_BATCH_EVENTS
    assert len(list(sizes)) == 10_000 - MAX_BATCH_EVENTS - 1


@given(st.lists(st.integers(1, SEGMENT_EVENT), max_size=700))
def test_every_event_goes_and_every_batch_is_within_segments_limits(sizes: list[int]) -> None:
    rest = sizes
    while rest:
        length = batch_length(rest)
        assert 0 < length <= MAX_BATCH_EVENTS
        # Each event needs a comma, and the batch an object around it.
        assert sum(rest[:length]) + length + 1_024 <= SEGMENT_BATCH
        rest = rest[length:]


@pytest.mark.parametrize(
    ("events", "size", "more", "wanted"),
    [
        pytest.param(0, 0, 10, True, id="empty"),
        pytest.param(2, 50, 10, True, id="some room"),
        pytest.param(3, 0, 1, False, id="enough events"),
        pytest.param(0, 91, 10, False, id="enough bytes"),
        pytest.param(0, 90, 10, True, id="the last byte"),
        pytest.param(0, 0, 101, False, id="larger than all room"),
    ],
)
def test_room_is_bounded_by_count_and_size(events: int, size: int, more: int, wanted: bool) -> None:
    assert Room(events=3, bytes=100).has_room(events, size, 1, more) is wanted


@pytest.mark.parametrize(
    ("waiting", "more", "wanted"),
    [
        pytest.param((0, 0), (3, 100), True, id="as many as may be"),
        pytest.param((1, 0), (3, 10), False, id="one too many"),
        pytest.param((1, 10), (2, 91), False, id="one byte too many"),
        pytest.param((0, 0), (4, 10), False, id="more than ever fit"),
    ],
)
def test_several_have_room_only_together(
    waiting: tuple[int, int], more: tuple[int, int], wanted: bool
) -> None:
    (events, size), (more_events, more_size) = waiting, more
    room = Room(events=3, bytes=100)
    assert room.has_room(events, size, more_events, more_size) is wanted
    assert room.takes(events, size, more_events, more_size) is (wanted or not events)


@pytest.mark.parametrize(
    ("events", "spooled", "wanted"),
    [(None, False, 10_000), (7, False, 7), (7, True, 7), (None, True, 1_000_000)],
)
def test_count_bounds_what_memory_alone_holds(
    events: int | None, spooled: bool, wanted: int
) -> None:
    assert batching.room(events, 1_000_000, spooled=spooled) == Room(wanted, 1_000_000)


def test_the_default_room_holds_any_event_segment_takes() -> None:
    assert Room().has_room(0, 0, 1, SEGMENT_EVENT)


@pytest.mark.parametrize(
    ("waiting", "more", "wanted"),
    [
        pytest.param((0, 0), (1, MAX_BATCH_BYTES * 2), True, id="the first always"),
        pytest.param((1, 10), (1, 10), True, id="small ones"),
        pytest.param((1, 10), (MAX_BATCH_EVENTS, 10), False, id="too many"),
        pytest.param((1, 10), (1, MAX_BATCH_BYTES), False, id="too large"),
        pytest.param((1, 10), (MAX_BATCH_EVENTS - 1, MAX_BATCH_BYTES - 10), True, id="exactly"),
    ],
)
def test_chunks_go_together_while_they_fit(
    waiting: tuple[int, int], more: tuple[int, int], wanted: bool
) -> None:
    assert batching.fits(*waiting, *more) is wanted


@pytest.mark.parametrize(
    ("events", "size", "age", "wanted"),
    [
        pytest.param(1, 100, 0.0, 0.2, id="just come"),
        pytest.param(1, 100, 0.15, 0.05, id="some time left"),
        pytest.param(1, 100, 0.3, 0.0, id="long enough"),
        pytest.param(MAX_BATCH_EVENTS, 100, 0.0, 0.0, id="enough events"),
        pytest.param(3, MAX_BATCH_BYTES, 0.0, 0.0, id="enough bytes"),
    ],
)
def test_a_batch_waits_for_company_until_it_is_full_or_old(
    events: int, size: int, age: float, wanted: float
) -> None:
    assert batching.patience(events, size, age, linger=0.2) == pytest.approx(wanted)


def test_a_destination_that_takes_more_events_takes_as_many_more_bytes() -> None:
    limit = batching.most(2 * MAX_BATCH_EVENTS)
    assert limit == batching.Most(2 * MAX_BATCH_EVENTS, 2 * MAX_BATCH_BYTES)
    assert batch_length([1] * 5_000, limit) == 2 * MAX_BATCH_EVENTS
    assert batch_length([MAX_BATCH_BYTES] * 3, limit) == 2
    assert batching.fits(MAX_BATCH_EVENTS, 10, MAX_BATCH_EVENTS, 10, limit)
    assert not batching.fits(MAX_BATCH_EVENTS, 10, MAX_BATCH_EVENTS + 1, 10, limit)
    assert not batching.is_full(MAX_BATCH_EVENTS, MAX_BATCH_BYTES, limit)
    assert batching.is_full(2 * MAX_BATCH_EVENTS, 10, limit)


@given(st.text(), st.integers(1, 64))
def test_a_visitor_has_one_strand_in_every_process(key: str, strands: int) -> None:
    number = batching.strand(key, strands)
    assert 0 <= number < strands
    assert batching.strand(str(key), strands) == number


def test_visitors_are_spread_over_the_strands() -> None:
    counts = [0] * 4
    for number in range(1_000):
        counts[batching.strand(f"visitor-{number}", 4)] += 1
    assert min(counts) > 150


@given(st.lists(st.sampled_from("abcdef")), st.integers(1, 4))
def test_each_strand_gets_its_visitors_events_in_order(keys: list[str], strands: int) -> None:
    events = [f"{number}".encode() for number in range(len(keys))]
    parts = dict(batching.by_strand(events, keys, strands))
    for number in range(strands):
        wanted = [
            event
            for event, key in zip(events, keys, strict=True)
            if batching.strand(key, strands) == number
        ]
        assert list(parts.get(number, [])) == wanted
