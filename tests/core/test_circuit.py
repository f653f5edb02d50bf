"""When a destination that failed is asked again, and by whom."""

from hypothesis import given
from hypothesis import strategies as st

from segment_identity import circuit
from segment_identity.circuit import OPENS_AFTER, PROBE_EVENTS, Circuit, Turn


def failing(times: int, pause: float = 1.0) -> tuple[Circuit, float]:
    """Return the circuit after so many failures one second apart, and the time."""
    state, now = Circuit(), 0.0
    for _ in range(times):
        state = circuit.failed(circuit.begun(state), now, now + 0.5, pause, hard=False)
        now += 2.0
    return state, now


def test_a_destination_that_works_is_sent_everything() -> None:
    assert circuit.turn(Circuit(), 0.0) == Turn(wait=0.0, most=None)


def test_after_a_failure_everybody_pauses() -> None:
    state = circuit.failed(Circuit(), 10.0, 11.0, 3.0, hard=False)
    assert circuit.turn(state, 12.0) == Turn(wait=2.0)
    assert circuit.turn(state, 14.0) == Turn()


def test_after_several_failures_one_strand_goes_first_with_a_few_events() -> None:
    almost, now = failing(OPENS_AFTER - 1)
    assert circuit.turn(almost, now) == Turn()
    state, now = failing(OPENS_AFTER)
    assert circuit.turn(state, now) == Turn(most=PROBE_EVENTS)
    probing = circuit.begun(state)
    assert circuit.turn(probing, now) == Turn(wait=None)
    again = circuit.failed(probing, now, now + 1, 5.0, hard=False)
    assert circuit.turn(again, now + 2) == Turn(wait=4.0)
    assert circuit.turn(again, now + 6) == Turn(most=PROBE_EVENTS)


def test_attempts_that_fail_together_are_one_failure() -> None:
    state = Circuit()
    for ended in (1.0, 1.125, 1.25, 1.5):
        state = circuit.failed(state, 0.5, ended, 1.0, hard=False)
    assert state.failures == 1
    assert circuit.turn(state, 1.5).wait == 1.0


def test_a_longer_pause_is_not_cut_short_by_another_failure() -> None:
    state = circuit.failed(Circuit(), 0.0, 1.0, 100.0, hard=False)
    state = circuit.failed(state, 0.0, 2.0, 1.0, hard=False)
    assert circuit.turn(state, 50.0) == Turn(wait=51.0)


def test_a_hard_failure_opens_the_circuit_at_once() -> None:
    state = circuit.failed(Circuit(), 0.0, 1.0, 10.0, hard=True)
    assert circuit.turn(state, 2.0) == Turn(wait=9.0)
    assert circuit.turn(state, 11.0) == Turn(most=PROBE_EVENTS)


def test_what_was_under_way_when_another_failed_does_not_end_the_pause() -> None:
    paused = circuit.failed(Circuit(), 10.0, 11.0, 30.0, hard=False)
    assert circuit.succeeded(paused, 10.5) == paused
    assert circuit.succeeded(paused, 41.0) == Circuit()


@given(
    st.lists(
        st.tuples(st.floats(0, 10), st.floats(0, 10), st.floats(0.01, 300), st.booleans()),
        max_size=30,
    )
)
def test_there_is_always_somebody_who_may_send_some_day(
    story: list[tuple[float, float, float, bool]],
) -> None:
    state, now = Circuit(), 0.0
    for gap, took, pause, hard in story:
        state = circuit.begun(state)
        state = circuit.failed(state, now, now + took, pause, hard=hard)
        assert circuit.turn(state, state.until + gap).wait == 0
        now += took + gap
