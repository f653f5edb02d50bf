"""Which of the things a visitor does are one session."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import sessions
from segment_identity.sessions import TIMEOUT, Session

from .samples import ANON, NOW, OTHER

times = st.floats(0, 4e9)
timeouts = st.floats(1, 86_400)
whole = st.integers(2**52, 2**53 - 1)
some_sessions = st.builds(Session, whole, st.integers(0, 4_000_000_000), st.booleans())


def begun(who: str = ANON, before: Session | None = None, now: float = NOW) -> Session:
    return sessions.begun(who, before, now, TIMEOUT)


@pytest.mark.parametrize(
    ("pause", "goes_on"),
    [
        (0, True),
        (TIMEOUT - 1, True),
        (TIMEOUT, True),
        (TIMEOUT + 1, False),
        (86_400, False),
        (-60, True),
        (-301, False),
    ],
)
def test_a_session_ends_with_a_long_pause_or_an_impossible_clock(
    pause: float, goes_on: bool
) -> None:
    assert sessions.goes_on(begun(), NOW + pause, TIMEOUT) is goes_on


@given(times, timeouts)
def test_an_id_is_a_whole_number_of_16_digits_that_javascript_keeps(
    now: float, timeout: float
) -> None:
    session = sessions.begun(ANON, None, now, timeout)
    assert len(str(session.id)) == 16
    assert int(float(session.id)) == session.id


@given(st.none() | some_sessions, st.floats(0, 5))
def test_requests_that_come_together_begin_the_same_session(
    before: Session | None, later: float
) -> None:
    start = NOW - NOW % TIMEOUT + 10
    assert begun(before=before, now=start).id == begun(before=before, now=start + later).id


@given(whole)
def test_each_session_has_another_id_than_the_one_before(last: int) -> None:
    ids = [last]
    for _ in range(10):
        ids.append(begun(before=Session(ids[-1], 0)).id)
    assert len(set(ids)) == len(ids)


@given(st.none() | some_sessions)
def test_two_visitors_never_begin_the_same_session(before: Session | None) -> None:
    assert begun(ANON, before).id != begun(OTHER, before).id


def test_a_new_session_is_told_by_nobody_yet() -> None:
    fresh = begun()
    assert (fresh.seen, fresh.told) == (int(NOW), False)
    assert sessions.told(fresh) == Session(fresh.id, fresh.seen, told=True)


@given(some_sessions, st.floats(TIMEOUT + 1, 4e9))
def test_an_ended_session_is_over_and_has_a_successor(session: Session, now: float) -> None:
    over = sessions.ended(session)
    assert not sessions.goes_on(over, now, TIMEOUT)
    assert begun(before=over).id != session.id


@given(some_sessions, times)
def test_being_seen_moves_a_session_on_and_never_back(session: Session, now: float) -> None:
    after = sessions.seen(session, now)
    assert after.seen == max(session.seen, int(now))
    assert (after.id, after.told) == (session.id, session.told)


@pytest.mark.parametrize(
    ("now_held", "due"),
    [
        (Session(7, 1_000), False),
        (Session(7, 1_119), False),
        (Session(7, 1_120), True),
        (Session(8, 1_000), True),
        (Session(7, 1_000, told=True), True),
    ],
)
def test_the_cookie_is_written_for_a_change_or_after_a_fifteenth_of_the_timeout(
    now_held: Session, due: bool
) -> None:
    assert sessions.is_due(now_held, Session(7, 1_000), TIMEOUT) is due


@given(some_sessions)
def test_a_session_survives_its_wire_form(session: Session) -> None:
    assert msgspec.json.decode(msgspec.json.encode(session), type=Session) == session
