"""An alias goes before the identify that needs it."""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.alias_order import alias_first, pair

DEVICE: Final = "device-0042"


def identify(number: int, anonymous: Any = DEVICE, user: Any = "ada") -> dict[str, Any]:
    return {
        "type": "identify",
        "messageId": f"m-{number}",
        "anonymousId": anonymous,
        "userId": user,
        "timestamp": "2026-01-31T12:00:00.000Z",
        "traits": {"plan": "free"},
        "context": {"ip": "1.2.3.0"},
    }


def alias(number: int, previous: Any = DEVICE, user: Any = "ada") -> dict[str, Any]:
    return {
        "type": "alias",
        "messageId": f"m-{number}",
        "anonymousId": "other",
        "userId": user,
        "previousId": previous,
    }


def track(number: int) -> dict[str, Any]:
    return {"type": "track", "messageId": f"m-{number}", "event": "alias", "userId": "identify"}


def ordered(messages: list[dict[str, Any]], *known: str) -> list[str]:
    """Return the ids in the order in which they go, `made` for an alias that was made."""
    order = alias_first([msgspec.json.encode(each) for each in messages], known)
    ids = [msgspec.json.decode(each)["messageId"] for each in order.events]
    return ["made" if each.startswith("alias-") else each for each in ids]


KNOWN: Final = pair(DEVICE, "ada")


@pytest.mark.parametrize(
    ("messages", "known", "wanted"),
    [
        pytest.param([identify(1)], [], ["made", "m-1"], id="none was given"),
        pytest.param([identify(1)], [KNOWN], ["m-1"], id="tied before"),
        pytest.param([identify(1), identify(2)], [], ["made", "m-1", "m-2"], id="only once"),
        pytest.param([alias(1), identify(2)], [], ["m-1", "m-2"], id="in order already"),
        pytest.param(
            [track(1), identify(2), track(3), alias(4)],
            [],
            ["m-1", "m-4", "m-2", "m-3"],
            id="given further on",
        ),
        pytest.param([identify(1), alias(2)], [KNOWN], ["m-1", "m-2"], id="tied, and told again"),
        pytest.param(
            [identify(1), alias(2, user="bob")], [], ["made", "m-1", "m-2"], id="of somebody else"
        ),
        pytest.param(
            [identify(1), alias(2), alias(3)], [], ["m-2", "m-1", "m-3"], id="given twice"
        ),
        pytest.param([identify(1, anonymous=None)], [], ["m-1"], id="no device"),
        pytest.param([identify(1, user=None)], [], ["m-1"], id="no user"),
        pytest.param([identify(1, user=7)], [], ["m-1"], id="an id that is none"),
        pytest.param([track(1)], [], ["m-1"], id="words in other places"),
        pytest.param([], [], [], id="nothing"),
    ],
)
def test_an_alias_goes_first(
    messages: list[dict[str, Any]], known: list[str], wanted: list[str]
) -> None:
    assert ordered(messages, *known) == wanted


def test_an_alias_that_is_made_is_like_the_identify_it_is_for() -> None:
    first, _ = alias_first([msgspec.json.encode(identify(1))], ()).events
    again, _ = alias_first([msgspec.json.encode(identify(2))], ()).events
    message = msgspec.json.decode(first)
    assert message.pop("messageId") == msgspec.json.decode(again)["messageId"]
    assert message == {
        "type": "alias",
        "anonymousId": DEVICE,
        "userId": "ada",
        "previousId": DEVICE,
        "timestamp": "2026-01-31T12:00:00.000Z",
        "context": {"ip": "1.2.3.0"},
    }


@pytest.mark.parametrize("event", [b"", b"{", b'{"identify"', b'["alias"]', b'"identify"', b"\xff"])
def test_what_is_no_message_is_passed_on(event: bytes) -> None:
    assert alias_first([event], ()).events == [event]


IDS: Final = st.sampled_from(["a", "b", None])
CALLS: Final = st.lists(st.tuples(st.sampled_from([identify, alias, track]), IDS, IDS), max_size=12)


@given(CALLS, st.integers(1, 6))
def test_every_identify_has_its_alias_before_it_and_nothing_else_changes(
    calls: list[Any], size: int
) -> None:
    """Over several batches, whose ties are known to those that follow."""
    messages = [
        build(number) if build is track else build(number, one, other)
        for number, (build, one, other) in enumerate(calls)
    ]
    known: set[str] = set()
    sent: list[dict[str, Any]] = []
    for start in range(0, len(messages), size):
        batch = [msgspec.json.encode(each) for each in messages[start : start + size]]
        order = alias_first(batch, known)
        known |= order.tied
        sent += map(msgspec.json.decode, order.events)
    tied: set[tuple[Any, Any]] = set()
    for each in sent:
        if each["type"] == "alias":
            tied.add((each["previousId"], each["userId"]))
        elif each["type"] == "identify" and each["anonymousId"] and each["userId"]:
            assert (each["anonymousId"], each["userId"]) in tied
    ours = [each for each in sent if not each["messageId"].startswith("alias-")]
    assert sorted(map(str, ours)) == sorted(map(str, messages))
    rest = [each for each in messages if each["type"] != "alias"]
    assert [each for each in ours if each["type"] != "alias"] == rest
