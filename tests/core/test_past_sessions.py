"""Sessions, as they look afterwards."""

from segment_identity.past_sessions import PastSession, sessions
from segment_identity.profile import Call


def call(time: str, kind: str = "track", device: str = "laptop", was_known: bool = False) -> Call:
    return Call(f"2026-01-31T{time}:00.000Z", kind, "/start", device, None, was_known, time)


def test_a_pause_ends_a_session() -> None:
    assert sessions([call("12:00", "page"), call("12:30"), call("13:01", was_known=True)]) == [
        PastSession(
            "2026-01-31T12:00:00.000Z",
            "2026-01-31T12:30:00.000Z",
            1_800.0,
            1,
            1,
            "/start",
            ["laptop"],
            False,
        ),
        PastSession(
            "2026-01-31T13:01:00.000Z",
            "2026-01-31T13:01:00.000Z",
            0.0,
            0,
            1,
            None,
            ["laptop"],
            True,
        ),
    ]


def test_a_session_goes_on_over_devices() -> None:
    (one,) = sessions([call("12:00"), call("12:10", device="phone"), call("12:20")])
    assert one.anonymous_ids == ["laptop", "phone"]


def test_a_call_without_a_time_is_in_no_session() -> None:
    assert sessions([Call("", "track", None, None, "ada", True, "m")]) == []
