"""What is remembered of messages and clients, and that it does not grow."""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from segment_identity.ingest.rate import Buckets
from segment_identity.ingest.recent import Recent

NOW: Final = 5_000.0


def is_new(recent: Recent, sender: str, message_id: str) -> bool:
    """Take a message as the ingest does."""
    mark, lacking = recent.known(sender, message_id)
    if lacking is not None:
        return False
    recent.note(mark)
    return True


def test_a_repeat_is_no_news() -> None:
    recent = Recent()
    assert is_new(recent, "device", "m-1")
    assert not is_new(recent, "device", "m-1")
    assert is_new(recent, "device", "m-2")


def test_nobody_can_send_a_message_id_of_somebody_else() -> None:
    recent = Recent()
    assert is_new(recent, "attacker", "m-1")
    assert is_new(recent, "victim", "m-1")


def test_who_lacks_a_message_is_remembered_until_nobody_does() -> None:
    recent = Recent()
    mark, found = recent.known("device", "m-1")
    assert found is None
    for lacking in (("one", "two"), ("two",), ()):
        recent.note(mark, lacking)
        assert recent.known("device", "m-1") == (mark, lacking)


def test_the_last_half_is_remembered_whatever_comes_and_no_more_than_all() -> None:
    recent = Recent(capacity=100)
    for number in range(1_000):
        assert is_new(recent, "device", f"m-{number}")
        if number >= 49:
            assert not is_new(recent, "device", f"m-{number - 49}")
        assert len(recent._young) + len(recent._old) <= 100
    assert is_new(recent, "device", "m-0")


def test_a_burst_passes_and_then_the_rate_does() -> None:
    buckets = Buckets()
    taken = [buckets.wait([("a", 10.0)], NOW + each / 200) for each in range(200)]
    assert 50 <= taken.count(0) <= 60
    assert set(taken) == {0, 1}


def test_after_the_wait_that_is_said_there_is_a_token() -> None:
    for rate in (0.01, 0.1, 0.3, 1.0, 7.0, 1_000.0):
        buckets = Buckets()
        assert buckets.wait([("a", rate)], NOW) == 0
        while not (wait := buckets.wait([("a", rate)], NOW)):
            pass
        assert buckets.wait([("a", rate)], NOW + wait) == 0


def test_clients_do_not_wait_for_each_other() -> None:
    buckets = Buckets()
    while not buckets.wait([("a", 1.0)], NOW):
        pass
    assert buckets.wait([("b", 1.0)], NOW) == 0


def test_who_has_to_wait_takes_nothing_from_others() -> None:
    buckets = Buckets()
    while not buckets.wait([("a", 1.0)], NOW):
        pass
    for _ in range(100):
        assert buckets.wait([("a", 1.0), ("network", 1.0)], NOW)
    assert buckets.wait([("network", 1.0)], NOW) == 0


@given(st.lists(st.floats(0, 3), min_size=1, max_size=200), st.floats(1, 100))
def test_no_more_than_the_burst_and_the_rate_ever_pass(gaps: list[float], rate: float) -> None:
    buckets, now, passed = Buckets(), NOW, 0
    for gap in gaps:
        now += gap
        passed += buckets.wait([("a", rate)], now) == 0
    assert passed <= rate * 5 + rate * (now - NOW) + 1


def test_the_table_does_not_grow() -> None:
    buckets = Buckets(capacity=100)
    for number in range(10_000):
        buckets.wait([(f"client {number}", 10.0)], NOW)
        assert len(buckets._young) + len(buckets._old) <= 100
