"""Destinations, callbacks and clocks that do what nobody should: no event is lost by it."""

import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from segment_identity import Analytics, ConfigurationError, Fault, InvalidCall, Unavailable
from segment_identity.destinations import Memory
from segment_identity.destinations.protocol import Destination
from segment_identity.spool import Spool

from .support import PATIENCE, Gate, abandon, adds_up, emit, names


class Once(Memory):
    """Raises at the first attempt."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.errors = [error]

    def send(self, batch: Sequence[bytes], /) -> None:
        """Raise, or add the batch."""
        if self.errors:
            raise self.errors.pop()
        super().send(batch)


class Coroutine(Memory):
    """Sends nothing, as nobody awaits it."""

    async def send(self, batch: Sequence[bytes], /) -> None:  # type: ignore[override]
        """Never run."""


class AsyncGenerator(Memory):
    """The same, and stranger."""

    async def send(self, batch: Sequence[bytes], /) -> AsyncIterator[None]:  # type: ignore
        """Never run."""
        yield


class Generator(Memory):
    """Sends nothing, as nobody iterates over it."""

    def send(self, batch: Sequence[bytes], /) -> Iterator[None]:  # type: ignore[override]
        """Never run."""
        yield


class CoroutineClose(Memory):
    """Cannot be closed."""

    async def close(self) -> None:  # type: ignore[override]
        """Never run."""


@pytest.mark.parametrize("kind", [Coroutine, AsyncGenerator, Generator, CoroutineClose])
def test_destination_that_would_do_nothing_is_refused(kind: type[Memory]) -> None:
    with pytest.raises(ConfigurationError, match="is no plain function"):
        Analytics(kind())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("linger", "soon"),
        ("linger", -1),
        ("linger", math.nan),
        ("parallel", "two"),
        ("parallel", math.inf),
    ],
)
def test_destination_that_asks_for_what_makes_no_sense_is_refused(name: str, value: object) -> None:
    memory = Memory()
    setattr(memory, name, value)
    with pytest.raises(ConfigurationError, match=name):
        Analytics(memory)


def test_destination_may_wait_for_company_for_ever() -> None:
    memory = Memory()
    memory.linger = math.inf  # type: ignore[attr-defined]
    with Analytics(memory) as analytics:
        emit(analytics, "One")
        assert analytics.flush(PATIENCE)
    assert names(memory) == ["One"]


class Emptying(Memory):
    """Takes events out of the batch it was given, and fails at first."""

    failed = False

    def send(self, batch: Sequence[bytes], /) -> None:
        """Add the events one by one."""
        assert isinstance(batch, list)
        while batch:
            if not self.failed and len(batch) == 2:
                self.failed = True
                raise Unavailable(retry_after=0.05)
            super().send([batch.pop(0)])


def test_destination_that_empties_its_batch_loses_nothing() -> None:
    emptying = Emptying()
    with Analytics(emptying) as analytics:
        emit(analytics, "One", "Two", "Three")
        assert analytics.flush(PATIENCE)
        stats = analytics.stats()
    assert set(names(emptying)) == {"One", "Two", "Three"}
    assert names(emptying)[-3:] == ["One", "Two", "Three"]
    assert (stats.delivered, adds_up(stats)) == (3, True)


class Bare(Unavailable):
    """Does without its base class' __init__."""

    def __init__(self) -> None:
        Exception.__init__(self, "bare")


@pytest.mark.parametrize(
    "error",
    [
        Unavailable(retry_after="1"),  # type: ignore[arg-type]
        Unavailable(retry_after="Wed, 21 Oct 2026 07:28:00 GMT"),  # type: ignore[arg-type]
        Unavailable(retry_after=math.nan),
        Unavailable(retry_after=-math.inf),
        Unavailable(retry_after=object()),  # type: ignore[arg-type]
        Bare(),
    ],
    ids=["text", "date", "nan", "past", "object", "bare"],
)
def test_destination_that_says_anything_of_when_to_come_back_is_asked_again(
    error: BaseException,
) -> None:
    once = Once(error)
    with Analytics(once) as analytics:
        emit(analytics, "One")
        assert analytics.flush(PATIENCE)
    assert names(once) == ["One"]


def test_destination_that_says_no_number_is_not_asked_without_a_pause() -> None:
    attempts = 0

    class Nan(Memory):
        def send(self, batch: Sequence[bytes], /) -> None:
            nonlocal attempts
            attempts += 1
            raise Unavailable(retry_after=math.nan)

    analytics = Analytics(Nan())
    emit(analytics, "One")
    assert not analytics.flush(0.5)
    assert attempts < 15
    abandon(analytics)


@pytest.mark.parametrize("error", [SystemExit(), KeyboardInterrupt(), GeneratorExit()])
def test_on_error_that_wants_to_end_the_thread_does_not(error: BaseException) -> None:
    def on_error(_: Fault) -> None:
        raise error

    once = Once(Unavailable(retry_after=0.05))
    with Analytics(once, on_error=on_error) as analytics:
        emit(analytics, "One")
        assert analytics.flush(PATIENCE)
        assert analytics.stats().faults == {"on_error": 1}
    assert names(once) == ["One"]


def test_a_spool_serves_one_analytics(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    Analytics("memory:", spool=spool)
    with pytest.raises(ConfigurationError, match="another Analytics has"):
        Analytics("memory:", spool=spool)


@pytest.mark.parametrize("given", [None, "5", math.nan, True, [], b"1"])
def test_timeout_of_the_wrong_kind_is_told(given: object) -> None:
    analytics = Analytics("memory:")
    with pytest.raises(InvalidCall, match=r"flush\(\) was given .* as timeout"):
        analytics.flush(given)  # type: ignore[arg-type]
    if given is not None:
        with pytest.raises(InvalidCall, match=r"close\(\) was given .* as timeout"):
            analytics.close(given)  # type: ignore[arg-type]


def test_timeout_may_be_without_end() -> None:
    memory = Memory()
    analytics = Analytics(memory, shutdown_timeout=math.inf)
    emit(analytics, "One")
    assert analytics.flush(math.inf)
    emit(analytics, "Two")
    assert analytics.close(math.inf)
    emit(analytics, "Three")
    assert analytics.close()
    assert analytics.flush(-1)
    assert names(memory) == ["One", "Two", "Three"]


def _raising() -> float:
    raise ValueError("no time")


CLOCKS: list[Callable[[], object]] = [
    _raising,
    lambda: math.nan,
    lambda: math.inf,
    lambda: -math.inf,
    lambda: -1.0,
    lambda: 1e20,
    lambda: 10**400,
    lambda: None,
    lambda: "12:00",
    lambda: True,
]


@pytest.mark.parametrize("clock", CLOCKS)
def test_clock_that_says_no_time_breaks_nothing(clock: Callable[[], float], tmp_path: Path) -> None:
    memory = Memory()
    before = time.time()
    analytics = Analytics(memory, clock=clock, spool=Spool(tmp_path, clock=clock))
    emit(analytics, "One")
    assert analytics.store()
    emit(analytics, "Two")
    assert analytics.close(PATIENCE)
    assert names(memory) == ["One", "Two"]
    assert memory.messages[0]["timestamp"] >= time.strftime("%Y-%m-%dT%H", time.gmtime(before))
    assert analytics.stats().faults["clock"] >= 2


def test_patient_close_ends_with_the_last_event_though_another_gives_up_before() -> None:
    gate = Gate()
    analytics = Analytics(gate)
    emit(analytics, "One")
    assert gate.entered.wait(PATIENCE)
    results: list[bool] = []
    patient = threading.Thread(target=lambda: results.append(analytics.close(PATIENCE)))
    patient.start()
    assert not analytics.close(0.1)
    gate.opened.set()
    began = time.monotonic()
    patient.join()
    assert results == [True]
    assert time.monotonic() - began < PATIENCE / 2


def test_hanging_destination_takes_the_time_of_no_other_when_all_close() -> None:
    """The second one would rather wait for company for longer than there is time."""
    gate, memory = Gate(), Memory()
    memory.linger = PATIENCE  # type: ignore[attr-defined]
    analytics = Analytics(gate, memory)
    emit(analytics, "One")
    assert not analytics.close(0.3)
    assert names(memory) == ["One"]
    gate.opened.set()
    assert analytics.close(PATIENCE)


def test_destination_may_call_back(tmp_path: Path) -> None:
    class Curious(Memory):
        def send(self, batch: Sequence[bytes], /) -> None:
            if not self.messages:
                emit(analytics, "Two")
                assert not analytics.flush(0.01)
                assert not analytics.close(0.01)
                assert adds_up(analytics.stats())
                assert analytics.store()
            super().send(batch)

    curious: Destination = Curious()
    analytics = Analytics(curious, spool=tmp_path)
    emit(analytics, "One")
    assert analytics.flush(PATIENCE)
    assert analytics.close(PATIENCE)
    assert names(curious) == ["One", "Two"]  # type: ignore[arg-type]
