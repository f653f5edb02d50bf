"""What happens to an event between a verb and the queues."""

import json
import logging
from typing import Any

import pytest

from segment_identity import Analytics, Fault
from segment_identity.destinations import Console, Memory
from segment_identity.messages import MAX_EVENT, Message

from .support import PATIENCE, Failing, adds_up, emit, names


def test_before_send_may_change_a_message() -> None:
    memory = Memory()

    def change(message: dict[str, Any]) -> dict[str, Any]:
        message["properties"]["seen"] = True
        message["context"] = {}
        return message

    with Analytics(memory, before_send=change) as analytics:
        emit(analytics, "One", plan="free")
    (message,) = memory.messages
    assert message["properties"] == {"plan": "free", "seen": True}
    assert message["context"] == {}


def test_before_send_changes_its_own_copy_only() -> None:
    memory = Memory()

    def change(message: dict[str, Any]) -> dict[str, Any]:
        message["context"]["library"]["name"] = "mine"
        return message

    with Analytics(memory, before_send=change) as analytics:
        identity = analytics.identity(user_id="ada")
        identity.track("One")
    plain = Memory()
    with Analytics(plain) as analytics:
        emit(analytics, "Two")
    assert memory.messages[0]["context"]["library"]["name"] == "mine"
    assert plain.messages[0]["context"]["library"]["name"] == "segment_identity"


def test_before_send_may_drop_a_message() -> None:
    memory = Memory()
    with Analytics(
        memory, before_send=lambda message: message if message["event"] == "Keep" else None
    ) as analytics:
        emit(analytics, "Keep", "Drop", "Keep")
    stats = analytics.stats()
    assert names(memory) == ["Keep", "Keep"]
    assert (stats.dropped, adds_up(stats)) == ({"before_send": 1}, True)


@pytest.mark.parametrize("wrong", [lambda _: 1 / 0, lambda _: "text", lambda _: 7])
def test_before_send_that_fails_drops_the_message_and_is_counted(
    wrong: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """What it was to hide must not go out because hiding failed."""
    memory = Memory()
    with Analytics(memory, before_send=wrong) as analytics:
        emit(analytics, "One", "Two")
    stats = analytics.stats()
    assert memory.messages == []
    assert stats.dropped == {"before_send_failed": 2}
    assert stats.faults == {"before_send": 2}
    assert len(caplog.records) == 1


def _oddly(message: Message) -> Any:
    return {**message, "extra": object(), 1: {2}}


def test_before_send_may_return_what_json_has_no_word_for() -> None:
    memory = Memory()
    with Analytics(memory, before_send=_oddly) as analytics:
        emit(analytics, "One")
    (message,) = memory.messages
    assert (message["extra"], message["1"]) == (None, [2])


def test_sample_keeps_all_events_of_a_visitor_or_none() -> None:
    memory = Memory()
    with Analytics(memory, sample=0.3) as analytics:
        for number in range(400):
            visitor = analytics.identity(anonymous_id=f"visitor-{number}")
            for _ in range(3):
                visitor.track("Seen")
    kept = [each["anonymousId"] for each in memory.messages]
    assert {kept.count(each) for each in kept} == {3}
    assert 80 < len(set(kept)) < 160
    stats = analytics.stats()
    assert stats.dropped == {"sampled_out": 1_200 - len(kept)}
    assert adds_up(stats)


@pytest.mark.parametrize(("rate", "kept"), [(0, 0), (0.0, 0), (1, 50), (1.0, 50), (None, 50)])
def test_sample_of_nobody_and_of_everybody(rate: float | None, kept: int) -> None:
    memory = Memory()
    with Analytics(memory, sample=rate) as analytics:
        for number in range(50):
            analytics.identity(anonymous_id=f"visitor-{number}").track("Seen")
    assert len(memory.messages) == kept


def test_sample_is_the_same_in_every_process_and_on_both_sides_of_a_log_in() -> None:
    def kept(user_id: str | None = None) -> set[str]:
        memory = Memory()
        with Analytics(memory, sample=0.5) as analytics:
            for number in range(50):
                analytics.identity(anonymous_id=f"visitor-{number}", user_id=user_id).track("Seen")
        return {each["anonymousId"] for each in memory.messages}

    assert kept() == kept("ada")


def test_event_that_is_too_large_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    memory = Memory()
    with Analytics(memory) as analytics:
        emit(analytics, "Small", text="x" * (MAX_EVENT - 2_000))
        emit(analytics, "Large", "Large", text="x" * MAX_EVENT)
    stats = analytics.stats()
    assert names(memory) == ["Small"]
    assert (stats.dropped, adds_up(stats)) == ({"too_large": 2}, True)
    assert len(caplog.records) == 1


def test_on_error_hears_of_every_fault() -> None:
    faults: list[Fault] = []
    failing = Failing(ConnectionError("gone"))
    analytics = Analytics(failing, on_error=faults.append)
    emit(analytics, "One")
    assert not analytics.flush(0.2)
    failing.is_up = True
    assert analytics.close(PATIENCE)
    assert faults
    for fault in faults:
        assert (fault.destination, fault.reason, fault.events) == ("failing", "retrying", 1)
        assert fault.error is failing.error


def test_on_error_that_raises_is_survived() -> None:
    def raising(_: Fault) -> None:
        raise RuntimeError

    failing = Failing()
    analytics = Analytics(failing, on_error=raising)
    emit(analytics, "One")
    assert not analytics.flush(0.2)
    failing.is_up = True
    assert analytics.close(PATIENCE)
    assert names(failing) == ["One"]
    assert analytics.stats().faults["on_error"] >= 1


def test_faults_of_delivery_are_logged_once_and_without_data(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    failing = Failing(ConnectionError("could not send ada@example.com"))
    analytics = Analytics(failing)
    emit(analytics, "One", email="ada@example.com")
    assert not analytics.flush(1.0)
    failing.is_up = True
    assert analytics.close(PATIENCE)
    assert failing.attempts > 2
    assert len(caplog.records) == 1
    assert "ConnectionError" in caplog.text
    assert "ada" not in caplog.text


def test_identity_without_a_user_has_one_device() -> None:
    memory = Memory()
    with Analytics(memory) as analytics:
        identity = analytics.identity()
        identity.track("One")
        identity.track("Two")
    first, second = memory.messages
    assert first["anonymousId"] == second["anonymousId"] is not None


def test_identity_of_a_user_needs_no_device() -> None:
    memory = Memory()
    with Analytics(memory) as analytics:
        analytics.identity(user_id="ada").track("Renewed")
    (message,) = memory.messages
    assert (message["userId"], message["anonymousId"]) == ("ada", None)


def test_console_prints_one_line_for_each_message(capsys: pytest.CaptureFixture[str]) -> None:
    with Analytics(Console()) as analytics:
        emit(analytics, "One", "Two\u2028\x1b[31m")
    printed = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["event"] for line in printed] == ["One", "Two\u2028\x1b[31m"]
    assert all(line.isprintable() for line in printed)


def test_received_messages_say_when() -> None:
    memory = Memory()
    with Analytics(memory) as analytics:
        emit(analytics, "One")
    (message,) = memory.messages
    assert message["sentAt"] == message["receivedAt"] >= message["timestamp"]
