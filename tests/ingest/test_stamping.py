"""What becomes of what a client says of itself."""

from itertools import count
from typing import Any, Final

import pytest

from segment_identity.ingest import clocks
from segment_identity.ingest.parsing import Posted, Said
from segment_identity.ingest.sender import BELIEVED, Sender
from segment_identity.ingest.stamping import Refusal, Stamping
from segment_identity.jsonable import encoded
from segment_identity.messages import stamp

from .support import DEVICE, OTHER_DEVICE

RECEIVED: Final = 1_790_000_000_500
VISITOR: Final = Sender(anonymous_id=DEVICE, ip="203.0.113.0", user_agent="Browser/1")
MEMBER: Final = Sender(anonymous_id=DEVICE, user_id="u-1", ip="203.0.113.0")
STRANGER: Final = Sender(ip="203.0.113.0")


def take(sender: Sender, route: Any = "batch", **said: Any) -> dict[str, Any] | Refusal:
    given = {"type": "track", "event": "E", "anonymousId": DEVICE, "messageId": "m-1", **said}
    said_ = Said(**given)
    posted = Posted([said_])
    numbers = count(1)
    stamping = Stamping(posted, route, sender, RECEIVED, lambda: f"new-{next(numbers)}")
    return stamping.message(said_)


def taken(sender: Sender, route: Any = "batch", **said: Any) -> dict[str, Any]:
    message = take(sender, route, **said)
    assert not isinstance(message, str), message
    return message


def test_a_message_of_a_page_is_stamped() -> None:
    said = {"properties": {"a": 1}, "integrations": {"All": True}, "context": {"locale": "de"}}
    assert taken(VISITOR, **said) == {
        "type": "track",
        "messageId": "m-1",
        "anonymousId": DEVICE,
        "userId": None,
        "event": "E",
        "properties": {"a": 1},
        "timestamp": stamp(RECEIVED),
        "originalTimestamp": stamp(RECEIVED),
        "receivedAt": stamp(RECEIVED),
        "context": {"locale": "de", "ip": "203.0.113.0", "userAgent": "Browser/1"},
        "integrations": {"All": True},
    }


@pytest.mark.parametrize("claimed", [None, OTHER_DEVICE, "null", "", 7, [], "x y z a b c"])
def test_the_device_is_the_one_of_the_request(claimed: Any) -> None:
    message = taken(VISITOR, anonymousId=claimed)
    kept = {"anonymousId": OTHER_DEVICE} if claimed == OTHER_DEVICE else None
    assert (message["anonymousId"], message["context"].get("unverified")) == (DEVICE, kept)


@pytest.mark.parametrize(
    ("sender", "claimed", "user_id", "unverified"),
    [
        (MEMBER, "u-1", "u-1", None),
        (MEMBER, None, "u-1", None),
        (MEMBER, "", "u-1", None),
        (MEMBER, "null", "u-1", None),
        (MEMBER, True, "u-1", None),
        (MEMBER, ["u-1"], "u-1", None),
        (MEMBER, "u-2", None, {"userId": "u-2"}),
        (MEMBER, 7, None, {"userId": "7"}),
        (VISITOR, "u-1", None, {"userId": "u-1"}),
        (VISITOR, None, None, None),
        (STRANGER, "u-1", None, {"userId": "u-1"}),
        (Sender(anonymous_id=DEVICE, user_id="7"), 7, "7", None),
    ],
)
def test_the_user_is_the_signed_one_and_a_claim_is_kept_beside_it(
    sender: Sender, claimed: Any, user_id: str | None, unverified: dict[str, str] | None
) -> None:
    for kind in ("track", "identify", "page", "screen"):
        message = taken(sender, type=kind, userId=claimed)
        assert message["userId"] == user_id
        assert message["context"].get("unverified") == unverified


def test_a_client_cannot_verify_itself() -> None:
    context = {"unverified": {"userId": "a"}, "externalIds": [{"id": "v", "type": "email"}]}
    assert "unverified" not in (found := taken(VISITOR, context=context)["context"])
    assert "externalIds" not in found


def test_traits_in_the_context_are_no_merge_key() -> None:
    traits = {"email": "victim@example.com"}
    context = taken(VISITOR, context={"traits": traits})["context"]
    assert "traits" not in context
    assert context["unverified"] == {"traits": traits}


@pytest.mark.parametrize("sender", [VISITOR, BELIEVED])
def test_rudderstack_says_traits_in_the_context(sender: Sender) -> None:
    said = {"type": "identify", "context": {"traits": {"plan": "pro"}}}
    assert taken(sender, **said)["traits"] == {"plan": "pro"}
    assert taken(sender, traits={"a": 1}, **said)["traits"] == {"a": 1}


@pytest.mark.parametrize(
    ("claimed", "wanted"),
    [(OTHER_DEVICE, OTHER_DEVICE), ("0" * 36, None), ("null", None), (None, None), ("d 1", None),
     (12345678, None), ("short", None)],
)  # fmt: skip
def test_without_a_known_device_the_claimed_one_counts(claimed: Any, wanted: str | None) -> None:
    message = take(STRANGER, anonymousId=claimed)
    found = "no_id" if isinstance(message, str) else message["anonymousId"]
    assert found == (wanted or "no_id")


@pytest.mark.parametrize(
    ("sender", "user_id", "previous_id", "wanted"),
    [
        (MEMBER, "u-1", DEVICE, "taken"),
        (MEMBER, "u-1", "u-1", "invalid"),
        (MEMBER, "u-2", DEVICE, "untrusted"),
        (MEMBER, "u-1", "victim", "untrusted"),
        (MEMBER, None, DEVICE, "invalid"),
        (VISITOR, "u-1", DEVICE, "untrusted"),
        (VISITOR, DEVICE, DEVICE, "invalid"),
        (BELIEVED, "u-2", "u-1", "taken"),
        (BELIEVED, "u-1", "u-1", "invalid"),
        (BELIEVED, "u-1", None, "invalid"),
    ],
)
def test_only_ones_own_ids_are_one_person(
    sender: Sender, user_id: Any, previous_id: Any, wanted: str
) -> None:
    message = take(sender, type="alias", userId=user_id, previousId=previous_id)
    assert ("taken" if not isinstance(message, str) else message) == wanted


@pytest.mark.parametrize(
    ("device", "user_id", "wanted"),
    [
        ("device 1", "u-1", ("device 1", "u-1")),
        (None, 7, (None, "7")),
        (DEVICE, None, (DEVICE, None)),
        ("null", "u-1", (None, "u-1")),
        (None, None, "no_id"),
        ("undefined", "", "no_id"),
    ],
)
def test_a_server_says_who_it_is(device: Any, user_id: Any, wanted: Any) -> None:
    message = take(BELIEVED, anonymousId=device, userId=user_id)
    found = message if isinstance(message, str) else (message["anonymousId"], message["userId"])
    assert found == wanted


def test_a_server_keeps_its_context() -> None:
    context = {"ip": "198.51.100.9", "traits": {"a": 1}, "externalIds": [1], "userAgent": "X"}
    assert taken(BELIEVED, context=dict(context))["context"] == context


@pytest.mark.parametrize(
    "said",
    [
        {"type": "exec"}, {"type": None}, {"type": "batch"}, {"type": ["track"]}, {"event": None},
        {"event": " "}, {"event": {}}, {"event": True}, {"type": "group"},
        {"type": "group", "groupId": "null"}, {"event": "Segment Consent Preference Updated"},
        {"event": "Segment Consent Preference Updated", "context": {"consent": {}}},
    ],
    ids=repr,
)  # fmt: skip
def test_what_no_spec_knows_is_refused(said: dict[str, Any]) -> None:
    assert take(BELIEVED, **said) == "invalid"
    assert take(VISITOR, **said) == "invalid"


def test_the_route_says_what_it_is() -> None:
    assert taken(VISITOR, "track", type="exec")["type"] == "track"


def test_a_consent_event_with_preferences_is_taken() -> None:
    consent = {"consent": {"categoryPreferences": {"A": True}}}
    assert taken(VISITOR, event="Segment Consent Preference Updated", context=consent)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("m-1", "m-1"),
        (7, "7"),
        (None, "new-1"),
        ("", "new-1"),
        (True, "new-1"),
        ([], "new-1"),
        ("x" * 99, "x" * 99),
    ],
)
def test_message_ids(said: Any, wanted: str) -> None:
    assert taken(VISITOR, messageId=said)["messageId"] == wanted


@pytest.mark.parametrize("said", ["x" * 100, "a\nb", "\ud800"])
def test_an_impossible_message_id_becomes_one_that_repeats(said: str) -> None:
    found = taken(VISITOR, messageId=said)["messageId"]
    assert len(found) == 64
    assert taken(VISITOR, messageId=said)["messageId"] == found


def test_kinds_of_fields_that_are_wrong_are_as_good_as_none() -> None:
    said = {"properties": "a", "context": [1], "integrations": "All"}
    message = taken(VISITOR, **said)
    assert (message["properties"], message["integrations"]) == ({}, {})
    assert message["context"].keys() == {"ip", "userAgent"}
    page = taken(VISITOR, type="page", name=7, category=["x"])
    assert (page["name"], "category" in page) == ("7", False)


def test_who_wants_no_address_kept_has_none() -> None:
    context = {"ip": "0.0.0.0"}
    assert taken(VISITOR, context=context)["context"]["ip"] == "0.0.0.0"
    assert taken(VISITOR, context={"ip": "6.6.6.6"})["context"]["ip"] == "203.0.113.0"
    assert "ip" not in taken(Sender(anonymous_id=DEVICE), context={"ip": "6.6.6.6"})["context"]


def test_a_library_has_a_name_and_a_version() -> None:
    library = {"name": "x" * 30_000, "version": 7, "more": {}}
    assert taken(VISITOR, context={"library": library})["context"]["library"] == {"name": "x" * 256}


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://a.example/x?q=1", "https://a.example/x?q=1"),
        ("https://a.example/x?token=1&q=2", "https://a.example/x?token=[masked]&q=2"),
        ("https://a.example/#access_token=1&q=2", "https://a.example/#access_token=[masked]&q=2"),
        ("app://open?password=1", "app://open?password=[masked]"),
        ("?token=1", "?token=[masked]"),
    ],
)
def test_secrets_in_addresses_are_masked(url: str, wanted: str) -> None:
    page = {"url": url, "referrer": url, "search": url, "title": "token=1"}
    message = taken(VISITOR, type="page", properties=dict(page), context={"page": dict(page)})
    hidden = {"url": wanted, "referrer": wanted, "search": wanted, "title": "token=1"}
    assert (message["properties"], message["context"]["page"]) == (hidden, hidden)


def test_what_a_batch_says_for_all_is_beneath_what_each_says() -> None:
    said = Said(type="track", event="E", anonymousId=DEVICE, context={"a": 1})
    shared = {"a": 2, "b": 2, "ip": "6.6.6.6", "traits": {"role": "admin"}}
    posted = Posted([said], context=shared, integrations={"All": False})
    message = Stamping(posted, "batch", VISITOR, RECEIVED, lambda: "new").message(said)
    assert not isinstance(message, str)
    assert message["integrations"] == {"All": False}
    assert (message["context"]["a"], message["context"]["b"]) == (1, 2)
    assert message["context"]["ip"] == "203.0.113.0"
    assert "traits" not in message["context"]


def test_clocks_are_set_right_and_what_was_said_is_kept() -> None:
    said = {"timestamp": "2020-01-01T00:00:00Z", "sentAt": "2020-01-01T00:00:02Z"}
    message = taken(VISITOR, originalTimestamp="1999-01-01T00:00:00Z", **said)
    assert message["timestamp"] == stamp(RECEIVED - 2_000)
    assert message["originalTimestamp"] == "2020-01-01T00:00:00Z"
    assert message["receivedAt"] == stamp(RECEIVED)
    assert "sentAt" not in message


def test_only_a_server_hands_in_the_past() -> None:
    long_ago = RECEIVED - clocks.MAX_AGE - 1_000
    assert taken(VISITOR, timestamp=stamp(long_ago))["timestamp"] == stamp(RECEIVED)
    assert taken(BELIEVED, timestamp=stamp(long_ago))["timestamp"] == stamp(long_ago)


def test_rudderstack_says_when_under_another_name() -> None:
    said = {"originalTimestamp": stamp(RECEIVED - 5_000)}
    assert taken(VISITOR, **said)["timestamp"] == stamp(RECEIVED - 5_000)


def test_what_one_message_claims_is_not_said_of_the_next() -> None:
    context: dict[str, Any] = {"locale": "de", "traits": {"plan": "pro"}, "library": {"name": "x"}}
    shared = {"type": "identify", "anonymousId": DEVICE, "context": context}
    items = [Said(**{**shared, **more}) for more in ({}, {"userId": "u-2"}, {"userId": None})]
    stamping = Stamping(Posted([*items]), "batch", VISITOR, RECEIVED, lambda: "new")
    traits = {"traits": {"plan": "pro"}}
    found = []
    for item in items:
        message = stamping.message(item)
        assert not isinstance(message, str)
        assert message["traits"] == {"plan": "pro"}
        assert stamping.encoded(message) == encoded(message)
        found.append(message["context"]["unverified"])
    assert found == [traits, {"userId": "u-2", **traits}, traits]


def test_what_is_encoded_once_for_several_messages_is_what_each_says() -> None:
    one, other = {"locale": "de\0", "ip": "6.6.6.6"}, {"locale": "en"}
    saids: list[dict[str, Any]] = [
        {"context": one},
        {"context": one},
        {"context": other, "userId": "u-2"},
        {"context": other},
        {},
        {"context": one},
    ]
    items = [
        Said(type="track", event="E", anonymousId=DEVICE, messageId=f"m-{number}", **more)
        for number, more in enumerate(saids)
    ]
    for sender in (VISITOR, BELIEVED):
        stamping = Stamping(Posted([*items]), "batch", sender, RECEIVED, lambda: "new")
        for item in items:
            message = stamping.message(item)
            assert not isinstance(message, str)
            assert stamping.encoded(message) == encoded(message)
