"""One destination's queue: nothing is lost, nothing waits, everything is counted."""

import asyncio
import random
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from segment_identity import Analytics, ConfigurationError, Fault, Stats, Undeliverable
from segment_identity.destinations import AliasFirst, Memory, Segment

from .support import PATIENCE, Failing, Flaky, Gate, adds_up, emit, names


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    until = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() == before, threading.enumerate()


def wait_for(condition: object) -> None:
    """Wait until *condition*, a function, is true."""
    assert callable(condition)
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.002)


def test_account_adds_up_at_every_moment() -> None:
    """Eight threads emit, one destination fails at random, another is full half of the time."""
    flaky, slow = Flaky(seed=7, share=0.1), Flaky(seed=8, share=0.0)
    wrong: list[Stats] = []
    looks = 0
    is_over = threading.Event()
    analytics = Analytics(flaky, slow, max_events=700, before_send=_dropping)

    def poll() -> None:
        nonlocal looks
        while not is_over.is_set():
            stats = analytics.stats()
            looks += 1
            if not adds_up(stats):
                wrong.append(stats)
            time.sleep(0.0005)

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for number in range(500):
            name = "Poison" if chance.random() < 0.001 else f"Event {seed}-{number}"
            emit(analytics, name)

    poller = threading.Thread(target=poll)
    poller.start()
    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    is_empty = analytics.close(PATIENCE)
    is_over.set()
    poller.join()
    stats = analytics.stats()
    assert is_empty
    assert wrong == []
    assert looks > 10
    assert stats.pending == 0
    assert stats.delivered == len(flaky.messages) + len(slow.messages)
    assert (
        stats.accepted == 2 * (4_000 - stats.dropped["before_send"]) + stats.dropped["before_send"]
    )
    assert stats.dead_lettered == sum(each.dead_lettered for each in stats.destinations.values())
    for memory in (flaky, slow):
        assert len(set(names(memory))) == len(memory.messages), "an event came twice"


def _dropping(message: dict[str, object]) -> dict[str, object] | None:
    return None if str(message["event"]).endswith("99") else message


def test_order_is_kept() -> None:
    memory = Memory()
    wanted = [f"Event {number}" for number in range(2_000)]
    with Analytics(memory) as analytics:
        emit(analytics, *wanted)
    assert names(memory) == wanted


def test_retry_then_success_keeps_the_order() -> None:
    failing = Failing(ConnectionError("gone"))
    wanted = [f"Event {number}" for number in range(50)]
    with Analytics(failing) as analytics:
        emit(analytics, *wanted[:20])
        wait_for(lambda: failing.attempts >= 2)
        emit(analytics, *wanted[20:])
        failing.is_up = True
    assert names(failing) == wanted
    assert analytics.stats().delivered == 50


def test_batch_is_sent_at_once_and_as_a_whole() -> None:
    sizes: list[int] = []

    class Counting(Gate):
        def send(self, batch: object, /) -> None:
            assert isinstance(batch, list)
            super().send(batch)
            sizes.append(len(batch))

    gate = Counting()
    with Analytics(gate) as analytics:
        emit(analytics, "First")
        assert gate.entered.wait(PATIENCE)
        emit(analytics, *["More"] * 1_200)
        gate.opened.set()
    assert sizes == [1, 500, 500, 200]


def test_poison_is_separated_from_the_rest() -> None:
    flaky = Flaky(seed=0, share=0.0)
    faults: list[Fault] = []
    gate = Gate()
    with Analytics(flaky, gate, on_error=faults.append) as analytics:
        wanted = [f"Event {number}" for number in range(100)]
        emit(analytics, *wanted[:63], "Poison", *wanted[63:])
        gate.opened.set()
    stats = analytics.stats()
    assert stats.destinations["flaky"].dead_lettered == 1
    assert stats.destinations["gate"].dead_lettered == 0
    assert names(flaky) == wanted
    (fault,) = [each for each in faults if each.reason == "dead_lettered"]
    assert (fault.destination, fault.events) == ("flaky", 1)
    assert isinstance(fault.error, Undeliverable)


def test_surprise_is_tried_again_and_then_separated() -> None:
    """An error nobody expected may lie in one event."""

    class Odd(Memory):
        def send(self, batch: object, /) -> None:
            assert isinstance(batch, list)
            if any(b'"Odd"' in event for event in batch):
                raise KeyError("odd")
            super().send(batch)

    odd = Odd()
    with Analytics(odd, shutdown_timeout=PATIENCE) as analytics:
        emit(analytics, "Odd")
    stats = analytics.stats()
    assert (stats.dead_lettered, stats.delivered, stats.pending) == (1, 0, 0)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_destination_that_wants_to_end_the_thread_does_not(error: BaseException) -> None:
    """A destination that runs asyncio inside may raise CancelledError, which is no Exception."""
    failing = Failing(error)
    analytics = Analytics(failing)
    emit(analytics, "One")
    wait_for(lambda: failing.attempts >= 1)
    failing.is_up = True
    emit(analytics, "Two")
    assert analytics.close(5)
    assert names(failing) == ["One", "Two"]


def test_queue_is_bounded_by_count() -> None:
    gate = Gate()
    faults: list[Fault] = []
    with Analytics(gate, max_events=10, on_error=faults.append) as analytics:
        emit(analytics, "In flight")
        assert gate.entered.wait(PATIENCE)
        emit(analytics, *[f"Event {number}" for number in range(13)])
        stats = analytics.stats()
        assert stats.dropped == {"queue_full": 3}
        assert stats.pending == 11
        assert adds_up(stats)
        gate.opened.set()
    assert names(gate) == ["In flight", *[f"Event {number}" for number in range(10)]]
    assert {each.reason for each in faults} == {"queue_full"}
    assert sum(each.events for each in faults) == 3


def test_queue_is_bounded_by_bytes() -> None:
    gate = Gate()
    with Analytics(gate, max_bytes=100_000) as analytics:
        emit(analytics, "In flight")
        assert gate.entered.wait(PATIENCE)
        emit(analytics, *["Large"] * 20, text="x" * 9_000)
        stats = analytics.stats()
        assert stats.dropped == {"queue_full": 10}
        emit(analytics, "Small")
        assert analytics.stats().dropped == {"queue_full": 10}
        gate.opened.set()
    assert len(gate.messages) == 12


def test_full_queue_has_room_again_once_it_was_delivered() -> None:
    gate = Gate()
    with Analytics(gate, max_events=2) as analytics:
        emit(analytics, "In flight")
        assert gate.entered.wait(PATIENCE)
        emit(analytics, "One", "Two", "Lost")
        gate.opened.set()
        assert analytics.flush(PATIENCE)
        emit(analytics, "Three")
    assert names(gate) == ["In flight", "One", "Two", "Three"]


def test_dead_destination_delays_no_other() -> None:
    gate, memory = Gate(), Memory()
    analytics = Analytics(gate, memory)
    emit(analytics, *["Event"] * 100)
    wait_for(lambda: len(memory.messages) == 100)
    assert analytics.stats().destinations["gate"].delivered == 0
    gate.opened.set()
    assert analytics.close(PATIENCE)
    assert len(gate.messages) == 100


def test_two_destinations_of_one_kind_have_two_names() -> None:
    with Analytics(Memory(), Memory(), Gate()) as analytics:
        assert list(analytics.stats().destinations) == ["memory", "memory 2", "gate"]


def test_a_name_of_its_own_is_what_a_destination_is_called() -> None:
    class Called(Memory):
        def __init__(self, name: Any) -> None:
            super().__init__()
            self.name = name

    with Analytics(Memory(), Called("marketing"), Called(None)) as analytics:
        assert list(analytics.stats().destinations) == ["memory", "marketing", "called 2"]
    for wrong in (7, "", " ", "a\nb", "x" * 61):
        with pytest.raises(ConfigurationError, match="whose name is no text"):
            Analytics(Called(wrong))
    with pytest.raises(ConfigurationError, match="two destinations called 'memory'"):
        Analytics(Memory(), Called("memory"))
    segment = Segment("http://wk@127.0.0.1:1/v1", name="eu")
    assert list(Analytics(AliasFirst(segment)).stats().destinations) == ["eu"]


@pytest.mark.parametrize("kind", [Gate, Failing])
def test_close_returns_in_time_and_a_later_close_delivers(kind: type[Gate | Failing]) -> None:
    stuck = kind()
    analytics = Analytics(stuck)
    emit(analytics, "One", "Two", "Three")
    began = time.monotonic()
    assert not analytics.close(0.3)
    assert time.monotonic() - began < 1.5
    stats = analytics.stats()
    assert (stats.pending, stats.delivered, adds_up(stats)) == (3, 0, True)
    if isinstance(stuck, Gate):
        stuck.opened.set()
    else:
        stuck.is_up = True
    assert analytics.close(PATIENCE)
    assert names(stuck) == ["One", "Two", "Three"]
    assert analytics.stats().delivered == 3


def test_events_that_a_close_left_behind_are_delivered_before_later_ones() -> None:
    failing = Failing()
    analytics = Analytics(failing)
    emit(analytics, *[f"Event {number}" for number in range(30)])
    assert not analytics.close(0.2)
    failing.is_up = True
    emit(analytics, "Last")
    assert analytics.flush(PATIENCE)
    assert names(failing) == [*[f"Event {number}" for number in range(30)], "Last"]
    assert analytics.close(PATIENCE)


def test_close_during_a_long_pause_does_not_wait_for_its_end() -> None:
    failing = Failing()
    analytics = Analytics(failing)
    emit(analytics, "One")
    wait_for(lambda: failing.attempts >= 1)
    began = time.monotonic()
    assert not analytics.close(0)
    assert time.monotonic() - began < 0.5
    failing.is_up = True
    assert analytics.close(PATIENCE)


def test_event_after_close_is_delivered() -> None:
    memory = Memory()
    analytics = Analytics(memory)
    for round_ in range(3):
        emit(analytics, f"Event {round_}")
        assert analytics.close(PATIENCE)
        assert len(memory.messages) == round_ + 1


def test_closing_twice_and_closing_an_unused_one_are_harmless() -> None:
    analytics = Analytics(Memory())
    assert analytics.close()
    assert analytics.close()
    assert analytics.flush(0)


def test_two_threads_may_close_at_once() -> None:
    memory = Memory()
    analytics = Analytics(memory)
    emit(analytics, *["Event"] * 500)
    results: list[bool] = []
    closers = [
        threading.Thread(target=lambda: results.append(analytics.close(PATIENCE))) for _ in range(4)
    ]
    began = time.monotonic()
    for each in closers:
        each.start()
    for each in closers:
        each.join()
    assert results == [True] * 4
    assert time.monotonic() - began < 5
    assert len(memory.messages) == 500


def test_emitting_while_another_thread_closes_loses_nothing() -> None:
    memory = Memory()
    analytics = Analytics(memory)
    is_over = threading.Event()

    def close_often() -> None:
        while not is_over.is_set():
            analytics.close(PATIENCE)

    closer = threading.Thread(target=close_often)
    closer.start()
    for number in range(3_000):
        emit(analytics, f"Event {number}")
    is_over.set()
    closer.join()
    assert analytics.close(PATIENCE)
    assert names(memory) == [f"Event {number}" for number in range(3_000)]


def test_flush_gives_up_in_time() -> None:
    gate = Gate()
    with Analytics(gate) as analytics:
        emit(analytics, "One")
        began = time.monotonic()
        assert not analytics.flush(0.2)
        assert 0.15 < time.monotonic() - began < 1.5
        gate.opened.set()
        assert analytics.flush(PATIENCE)


def test_flush_of_many_destinations_shares_one_timeout() -> None:
    gates = [Gate() for _ in range(4)]
    with Analytics(*gates) as analytics:
        emit(analytics, "One")
        began = time.monotonic()
        assert not analytics.flush(0.2)
        assert time.monotonic() - began < 0.7
        for gate in gates:
            gate.opened.set()


def test_no_thread_before_the_first_event() -> None:
    before = threading.active_count()
    with Analytics(Memory(), Memory()) as analytics:
        assert threading.active_count() == before
        emit(analytics, "One")
        assert threading.active_count() == before + 2


def test_emitting_never_waits_for_the_destination() -> None:
    gate = Gate()
    with Analytics(gate) as analytics:
        emit(analytics, "First")
        assert gate.entered.wait(PATIENCE)
        began = time.monotonic()
        emit(analytics, *["Event"] * 1_000)
        assert time.monotonic() - began < 2
        gate.opened.set()


def test_many_threads_emit_without_a_loss() -> None:
    memory = Memory()
    with Analytics(memory, max_events=100_000) as analytics:
        workers = [
            threading.Thread(target=emit, args=(analytics, *["Event"] * 250)) for _ in range(64)
        ]
        for each in workers:
            each.start()
        for each in workers:
            each.join()
        assert analytics.stats().accepted == 16_000
    assert len({each["messageId"] for each in memory.messages}) == 16_000


def test_closed_destination_is_opened_again_by_the_next_event() -> None:
    closed: list[int] = []

    class Closing(Memory):
        def close(self) -> None:
            closed.append(len(self.messages))

    analytics = Analytics(Closing())
    emit(analytics, "One")
    analytics.close(PATIENCE)
    emit(analytics, "Two")
    analytics.close(PATIENCE)
    assert closed == [1, 2]


def test_destination_that_cannot_close_is_counted() -> None:
    class Sticky(Memory):
        def close(self) -> None:
            raise OSError

    analytics = Analytics(Sticky())
    emit(analytics, "One")
    assert analytics.close(PATIENCE)
    assert analytics.stats().faults == {"close": 1}


class Wide(Memory):
    """Takes so many events at once, when it is let."""

    linger = 60.0

    def __init__(self, batch_events: int) -> None:
        super().__init__()
        self.batch_events = batch_events
        self.lengths: list[int] = []
        self.gate = threading.Event()

    def send(self, batch: Sequence[bytes], /) -> None:
        self.gate.wait(PATIENCE)
        self.lengths.append(len(batch))


@pytest.mark.parametrize("spooled", [False, True])
@pytest.mark.parametrize(("batch_events", "more_than"), [(1_200, 500), (70, 60)])
def test_a_destination_says_how_many_events_it_takes_at_once(
    batch_events: int, more_than: int, spooled: bool, tmp_path: Path
) -> None:
    wide = Wide(batch_events)
    with Analytics(wide, spool=tmp_path / "spool" if spooled else None) as analytics:
        for number in range(3_000):
            emit(analytics, f"Event {number}")
        if spooled:
            wait_for(lambda: analytics.stats().stored >= 2_000)
        wide.gate.set()
    assert sum(wide.lengths) == 3_000
    assert more_than < max(wide.lengths) <= batch_events


def test_what_fills_a_batch_of_a_destination_waits_for_no_more() -> None:
    wide = Wide(batch_events=5)
    wide.gate.set()
    with Analytics(wide) as analytics:
        for number in range(5):
            emit(analytics, f"Event {number}")
        wait_for(lambda: wide.lengths)
        assert sum(wide.lengths) == 5
