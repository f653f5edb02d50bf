"""Calls that wait for a page."""

import json
from dataclasses import dataclass
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import messages, pending
from segment_identity.calls import Call
from segment_identity.messages import Kind
from segment_identity.pending import LIFE, ROOM, SALT, Deferred, Pending
from segment_identity.signing import LEEWAY, MemorySigner, Seal
from segment_identity.visitor import Visitor

from .samples import ANON, KEY, OLD_KEY, OTHER

NOW: Final = 1_750_000_000.0
SEAL: Final = Seal([KEY], SALT)
NAME: Final = b"__Host-ajs_pending"
CALL: Final = Call({}, {}, "2025-06-15T15:06:40.000Z", "m-1", None, True)
ADA: Final = Visitor(ANON, "ada")
PROPERTIES: Final = {"plan": "pro"}


def deferred(kind: Kind, who: Visitor, fields: dict[str, Any], call: Call) -> Deferred:
    """Defer a call that was sent as it was made."""
    sent = messages.build(
        kind,
        who,
        fields,
        context={"ip": "203.0.113.0", "page": {"path": "/"}, **call.context},
        integrations=call.integrations,
        message_id=call.message_id,
        timestamp=call.timestamp,
    )
    return pending.deferred(kind, who, sent, call)


def made(text: str, who: Visitor = ADA) -> Deferred:
    return deferred("track", who, {"event": text, "properties": {}}, CALL)


def events(calls: list[bytes]) -> list[Any]:
    return [json.loads(each)[1] for each in calls]


def kept(
    *calls: Deferred, before: Pending | None = None, who: Visitor = ADA, now: float = NOW
) -> Pending:
    left, _ = pending.waiting(before, calls, who, now)
    assert left is not None
    return left


def header(value: bytes) -> bytes:
    return b"a=b; " + NAME + b"=" + value + b"; c=d"


@pytest.mark.parametrize(
    ("kind", "fields", "arguments"),
    [
        ("track", {"event": "Added", "properties": PROPERTIES}, ["Added", PROPERTIES]),
        ("identify", {"traits": PROPERTIES}, ["ada", PROPERTIES]),
        ("group", {"groupId": "acme", "traits": PROPERTIES}, ["acme", PROPERTIES]),
        ("alias", {"userId": "new", "previousId": "old"}, ["new", "old"]),
        ("page", {"properties": PROPERTIES}, [None, None, PROPERTIES]),
        ("page", {"name": "Home", "properties": {}}, [None, "Home", {}]),
        ("screen", {"name": "a", "category": "b", "properties": {}}, ["b", "a", {}]),
        (
            "screen",
            {"category": "b", "properties": {"c": 1}},
            [None, None, {"category": "b", "c": 1}],
        ),
    ],
)
def test_a_call_is_what_analytics_js_takes(
    kind: Kind, fields: dict[str, Any], arguments: list[Any]
) -> None:
    method, *said, options = json.loads(deferred(kind, ADA, fields, CALL).call)
    assert (method, said) == (kind, arguments)
    assert options == {
        "messageId": "m-1",
        "timestamp": CALL.timestamp,
        "integrations": {"Segment.io": False},
    }


def test_identify_without_a_user_says_none() -> None:
    call = deferred("identify", Visitor(ANON), {"traits": {}}, CALL).call
    assert json.loads(call)[:3] == ["identify", None, {}]


def test_what_a_call_says_of_context_and_integrations_goes_with_it() -> None:
    integrations = {"All": False, "Mixpanel": {"token": "t"}, "Segment.io": True}
    call = Call({"ip": "0.0.0.0"}, integrations, "then", "m-2", None, True)
    said = deferred("track", ADA, {"event": "Added", "properties": {}}, call).call
    assert json.loads(said)[-1] == {
        "messageId": "m-2",
        "timestamp": "then",
        "context": {"ip": "0.0.0.0"},
        "integrations": {"All": False, "Mixpanel": {"token": "t"}, "Segment.io": False},
    }


@dataclass(frozen=True)
class Person:
    made_by: Visitor
    now: Visitor
    same: bool


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Person(ADA, ADA, True), id="the same user"),
        pytest.param(Person(Visitor(ANON), Visitor(ANON), True), id="the same stranger"),
        pytest.param(Person(Visitor(ANON), ADA, True), id="a stranger who signed up"),
        pytest.param(Person(ADA, Visitor(ANON), False), id="logged out on a device that stays"),
        pytest.param(Person(ADA, Visitor(ANON, "bob"), False), id="another user of the device"),
        pytest.param(Person(ADA, Visitor(OTHER, "ada"), False), id="another device"),
        pytest.param(Person(ADA, Visitor(), False), id="nobody yet"),
        pytest.param(Person(Visitor(), Visitor(), False), id="nobody at all"),
    ],
)
def test_a_call_is_made_only_for_the_person_it_was_made_for(case: Person) -> None:
    call = made("Added", case.made_by)
    assert events(pending.due(None, [call], case.now)) == ["Added"] * case.same
    left, all_fitted = pending.waiting(None, [call], case.now, NOW)
    assert (left is not None, all_fitted) == (case.same, True)
    if case.made_by.anonymous_id is not None:
        waits = kept(call, who=case.made_by)
        assert events(pending.due(waits, [], case.now)) == ["Added"] * case.same


def test_waiting_for_a_user_makes_older_calls_of_the_stranger_wait_for_that_user() -> None:
    waits = kept(made("Signed Up"), before=kept(made("Viewed", Visitor(ANON)), who=Visitor(ANON)))
    assert events(pending.due(waits, [], ADA)) == ["Viewed", "Signed Up"]
    assert pending.due(waits, [], Visitor(ANON)) == []


def test_calls_keep_their_order() -> None:
    waits = kept(made("c"), before=kept(made("a"), made("b")))
    assert events(pending.due(waits, [made("d")], ADA)) == ["a", "b", "c", "d"]


def test_nothing_waits_for_nothing() -> None:
    assert pending.waiting(None, [], ADA, NOW) == (None, True)


def test_what_does_not_fit_is_left_out_and_what_follows_is_not() -> None:
    left, all_fitted = pending.waiting(None, [made("a"), made("x" * ROOM), made("b")], ADA, NOW)
    assert left is not None
    assert not all_fitted
    assert events(pending.due(left, [], ADA)) == ["a", "b"]


@given(st.lists(st.text(max_size=400), max_size=30), st.text(min_size=1, max_size=99))
def test_the_cookie_is_never_larger_than_its_room(texts: list[str], user: str) -> None:
    who = Visitor(ANON, user)
    left, all_fitted = pending.waiting(None, [made(each, who) for each in texts], who, NOW)
    if left is None:
        assert not (texts and all_fitted)
        return
    value = pending.dumps(left, SEAL)
    assert len(value) <= ROOM
    assert not set(value) & set(b';, "\\\t\r\n')
    assert pending.loads(header(value), NAME, SEAL, NOW) == left
    fitted = events(pending.due(left, [], who))
    assert (len(fitted) == len(texts)) == all_fitted


def test_there_is_room_for_a_sign_up() -> None:
    traits = {"name": "Ada Lovelace", "email": "ada@example.com", "plan": "premium", "company": "A"}
    identify = deferred("identify", ADA, {"traits": traits}, CALL)
    track = deferred("track", ADA, {"event": "Signed Up", "properties": traits}, CALL)
    _, all_fitted = pending.waiting(None, [identify, track, track], ADA, NOW)
    assert all_fitted


@pytest.mark.parametrize(
    ("age", "is_good"),
    [
        (0, True),
        (-LEEWAY, True),
        (-LEEWAY - 1, False),
        (LIFE + LEEWAY - 1, True),
        (LIFE + LEEWAY, False),
    ],
)
def test_a_call_waits_for_minutes(age: int, is_good: bool) -> None:
    value = pending.dumps(kept(made("a")), SEAL)
    assert (pending.loads(header(value), NAME, SEAL, NOW + age) is not None) == is_good


def test_a_call_that_waits_longer_gets_the_time_of_what_joined_it() -> None:
    assert kept(made("b"), before=kept(made("a")), now=NOW + 60).until == NOW + 60 + LIFE


FORGED: Final = {
    "nothing": b"",
    "no signature": b"WzFd",
    "another key": pending.dumps(kept(made("a")), Seal([OLD_KEY], SALT)),
    "another purpose": pending.dumps(kept(made("a")), Seal([KEY], b"other")),
    "no JSON": SEAL.signed(b"\xff"),
    "another shape": SEAL.signed(b'{"calls":[]}'),
    "another version": SEAL.signed(b'[2,1750000600,"a",null,[]]'),
    "deep": SEAL.signed(b"[" * 5_000),
}


@pytest.mark.parametrize("value", FORGED.values(), ids=FORGED)
def test_what_this_server_did_not_write_is_absent(value: bytes) -> None:
    assert pending.loads(header(value), NAME, SEAL, NOW) is None
    twice = header(value) + b"; " + header(pending.dumps(kept(made("a")), SEAL))
    assert pending.loads(twice, NAME, SEAL, NOW) is not None


def test_a_memory_is_no_pending_call_and_the_other_way_round() -> None:
    assert MemorySigner([KEY]).loads(pending.dumps(kept(made("a")), SEAL)) is None


def test_an_older_key_still_opens() -> None:
    value = pending.dumps(kept(made("a")), Seal([OLD_KEY], SALT))
    assert pending.loads(header(value), NAME, Seal([KEY, OLD_KEY], SALT), NOW) is not None


@given(st.binary(max_size=60))
def test_no_bytes_raise(value: bytes) -> None:
    assert pending.loads(header(value), NAME, SEAL, NOW) is None
