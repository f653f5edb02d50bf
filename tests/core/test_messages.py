"""Messages are the objects of the Segment Spec, as its best practices show them."""

import datetime as dt
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import calls, context, messages
from segment_identity.errors import InvalidCall
from segment_identity.jsonable import Snapshot, encoded
from segment_identity.messages import Kind, Message
from segment_identity.visitor import Visitor

from .samples import ANON, NEW, counted

THEN: Final = dt.datetime(2020, 4, 23, 22, 38, 48, 550_000, dt.UTC).timestamp()
STAMP: Final = "2020-04-23T22:38:48.550Z"
MESSAGE_ID: Final = "ajs-84d32beb4273e661a2257bfef41c4964"
SITE: Final = {
    "path": "/",
    "referrer": "",
    "search": "",
    "title": "",
    "url": "https://somesite.com/",
}
CONTEXT: Final[context.Context] = context.from_request(
    {
        b"host": b"somesite.com",
        b"user-agent": b"Mozilla/5.0",
        b"accept-language": b"en-US",
    },
    scheme="https",
    server="",
    path=b"/",
    query=b"",
    script=False,
    ip="0.0.0.0",
)


def sent(kind: Kind, who: Visitor, fields: dict[str, Any], **more: Any) -> Message:
    """Return what a destination receives of one message made then."""
    message = messages.build(
        kind,
        who,
        fields,
        context=more.get("context", CONTEXT),
        integrations={},
        message_id=MESSAGE_ID,
        timestamp=messages.moment(kind, None, THEN),
    )
    return messages.received(msgspec.json.encode(message), THEN)


def payload(kind: str, user_id: str | None, page: dict[str, str], **fields: Any) -> Message:
    """Return the full payload the document shows for one call."""
    return {
        "anonymousId": ANON,
        "context": {
            "ip": "0.0.0.0",
            "library": context.LIBRARY,
            "locale": "en-US",
            "page": page,
            "userAgent": "Mozilla/5.0",
        },
        "integrations": {},
        "messageId": MESSAGE_ID,
        "originalTimestamp": STAMP,
        "receivedAt": STAMP,
        "sentAt": STAMP,
        "timestamp": STAMP,
        "type": kind,
        "userId": user_id,
        **fields,
    }


def test_the_page_call_of_a_first_visit() -> None:
    said = {"path": "/", "title": "Home Page", "url": "https://somesite.com/"}
    fields, corrected = messages.page_fields(None, None, said, CONTEXT)
    home = {**SITE, "title": "Home Page"}
    assert sent("page", Visitor(ANON), fields, context=corrected) == payload(
        "page", None, home, properties=home
    )


def test_the_identify_call_of_a_newsletter_has_no_user() -> None:
    traits = {"firstName": "Joe", "lastName": "Visitor", "email": "jvisitor@thissite.com"}
    found = sent("identify", Visitor(ANON, traits=traits, touched=True), {"traits": traits})
    assert found == payload("identify", None, SITE, traits=traits)


def test_the_identify_call_of_a_registration_has_both_ids() -> None:
    traits = {
        "phone": "555-555-5555",
        "address": {
            "street": "6th Street",
            "city": "San Francisco",
            "state": "CA",
            "postalCode": "94103",
            "country": "US",
        },
    }
    found = sent("identify", Visitor(ANON, "123abc", touched=True), {"traits": traits})
    assert found == payload("identify", "123abc", SITE, traits=traits)


def test_the_track_call_that_says_why_somebody_was_identified() -> None:
    properties = {
        "userId": "97980cfea0067",
        "name": "Peter Gibbons",
        "email": "peter@example.com",
        "plan": "premium",
    }
    who = Visitor(ANON, "97980cfea0067", touched=True)
    found = sent("track", who, {"event": "Signed Up", "properties": properties})
    assert found == payload(
        "track", "97980cfea0067", SITE, event="Signed Up", properties=properties
    )


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("group", {"groupId": "acme", "traits": {"size": 9}}),
        ("alias", {"userId": "97980cfea0067", "previousId": ANON}),
        ("screen", {"name": "Home", "properties": {}}),
    ],
)
def test_the_other_calls_have_their_own_fields(kind: Kind, fields: dict[str, Any]) -> None:
    found = sent(kind, Visitor(ANON, "ada"), fields)
    assert found["type"] == kind
    assert found | fields == found
    assert found["anonymousId"] == ANON


def test_an_alias_carries_the_new_user() -> None:
    found = sent("alias", Visitor(ANON, "ada"), {"userId": "ada-2", "previousId": "ada"})
    assert (found["userId"], found["previousId"]) == ("ada-2", "ada")


def test_the_limit_of_one_event_is_segments() -> None:
    assert messages.MAX_EVENT == 32_768


def test_a_receiver_keeps_the_times_a_message_already_has() -> None:
    event = b'{"sentAt":"x","receivedAt":"y"}'
    assert messages.received(event, THEN) == {"sentAt": "x", "receivedAt": "y"}


@pytest.mark.parametrize(
    ("name", "category", "properties", "wanted"),
    [
        pytest.param(None, None, {}, {"properties": SITE}, id="nothing"),
        pytest.param(
            "Home",
            None,
            {},
            {"name": "Home", "properties": {**SITE, "name": "Home"}},
            id="a name",
        ),
        pytest.param(
            "Home",
            "Docs",
            {"a": 1},
            {
                "name": "Home",
                "category": "Docs",
                "properties": {**SITE, "a": 1, "name": "Home", "category": "Docs"},
            },
            id="everything",
        ),
        pytest.param(
            None,
            None,
            {"url": "https://other/"},
            {"properties": {**SITE, "url": "https://other/"}},
            id="another address",
        ),
    ],
)
def test_a_page_call_starts_from_the_page_itself(
    name: str | None, category: str | None, properties: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assert messages.page_fields(name, category, properties, CONTEXT)[0] == wanted


def test_a_page_call_corrects_the_page_in_its_own_context_only() -> None:
    said = {"title": "Home", "price": 3}
    _, corrected = messages.page_fields(None, None, said, CONTEXT)
    assert corrected["page"] == {**SITE, "title": "Home"}
    assert CONTEXT["page"] == SITE


def test_a_page_call_without_any_page_has_only_what_was_said() -> None:
    fields, same = messages.page_fields("Home", None, {"a": 1}, {"library": {}})
    assert fields == {"name": "Home", "properties": {"a": 1, "name": "Home"}}
    assert same == {"library": {}}


def test_the_group_is_in_the_context() -> None:
    assert messages.in_group({"ip": "x"}, "acme") == {"ip": "x", "groupId": "acme"}
    assert messages.in_group({"ip": "x"}, None) == {"ip": "x"}


BERLIN: Final = dt.timezone(dt.timedelta(hours=2))


@pytest.mark.parametrize(
    ("given_time", "wanted"),
    [
        pytest.param(None, STAMP, id="now"),
        pytest.param(dt.datetime(2020, 4, 23, 22, 38, 48, 550_000), STAMP, id="naive is UTC"),
        pytest.param(
            dt.datetime(2020, 4, 24, 0, 38, 48, 550_999, BERLIN), STAMP, id="another zone"
        ),
        pytest.param("2020-04-23T22:38:48.55Z", STAMP, id="ISO text"),
        pytest.param("2020-04-24T00:38:48.55+02:00", STAMP, id="ISO text with a zone"),
        pytest.param("2020-04-23", "2020-04-23T00:00:00.000Z", id="a day"),
        pytest.param("0987-06-05", "0987-06-05T00:00:00.000Z", id="long ago"),
    ],
)
def test_a_time_is_told_in_utc_with_milliseconds(given_time: object, wanted: str) -> None:
    assert messages.moment("track", given_time, THEN) == wanted


@pytest.mark.parametrize(
    "given_time",
    [
        "yesterday",
        "",
        "2020-13-01",
        "\ud800",
        1_587_681_528,
        1.5,
        True,
        dt.date(2020, 4, 23),
        b"2020-04-23",
        dt.datetime(1, 1, 1, tzinfo=BERLIN),
        "0001-01-01T00:00:00+02:00",
    ],
    ids=repr,
)
def test_another_time_is_an_invalid_call(given_time: object) -> None:
    kind = type(given_time).__name__
    with pytest.raises(InvalidCall, match=rf"track\(\) was given {kind} as timestamp"):
        messages.moment("track", given_time, THEN)


@given(st.floats(0, 4e9))
def test_any_time_of_a_clock_can_be_told(now: float) -> None:
    told = messages.moment("track", None, now)
    assert len(told) == 24
    assert abs(dt.datetime.fromisoformat(told).timestamp() - now) < 0.0011


@pytest.mark.parametrize("message_id", ["a", "x" * 99, MESSAGE_ID, "a b", "\u00e9"])
def test_a_message_id_is_short_and_printable(message_id: str) -> None:
    assert messages.checked_message_id("track", message_id) == message_id


@pytest.mark.parametrize(
    "message_id", ["", "x" * 100, "a\n", "a\x00", "\ud800", None, 7, b"a"], ids=repr
)
def test_another_message_id_is_an_invalid_call(message_id: object) -> None:
    with pytest.raises(InvalidCall, match="want a printable text of 1 to 99 characters"):
        messages.checked_message_id("track", message_id)


@pytest.mark.parametrize("event", ["Signed Up", "x", " padded ", "\u6ce8\u6587", "\U0001f600"])
def test_an_event_has_a_name(event: str) -> None:
    assert messages.checked_event(event) == event


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("", "a blank"),
        (" \t", "a blank"),
        ("\0", "a blank"),
        ("\x1f \x00\u2003\x7f\n", "a blank"),
        (None, "NoneType"),
        (7, "int"),
        (b"Signed Up", "bytes"),
        (["Signed Up"], "list"),
    ],
    ids=repr,
)
def test_an_event_without_a_name_is_an_invalid_call(event: object, said: str) -> None:
    with pytest.raises(InvalidCall, match=rf"track\(\) was given {said} as event; want its name"):
        messages.checked_event(event)


@pytest.mark.parametrize("name", ["Signed\ud800Up", "\udc80", "a\x00b"], ids=ascii)
def test_a_name_that_was_taken_can_be_sent(name: str) -> None:
    """A letter that JSON cannot say costs the letter, not the event."""
    for taken in (messages.checked_event(name), messages.checked_name("page", "name", name)):
        assert taken is not None
        assert "\x00" not in msgspec.json.decode(encoded(taken))


@pytest.mark.parametrize("name", [None, "", "Home"])
def test_a_page_may_have_a_name(name: str | None) -> None:
    assert messages.checked_name("page", "name", name) == name


@pytest.mark.parametrize("name", [7, b"Home", ["Home"], {"name": "Home"}, True], ids=repr)
def test_a_name_that_is_no_text_is_an_invalid_call(name: object) -> None:
    kind = type(name).__name__
    with pytest.raises(InvalidCall, match=rf"page\(\) was given {kind} as category; want a str"):
        messages.checked_name("page", "category", name)


@pytest.mark.parametrize(
    "value",
    [[("a", 1)], "ada", b"a", 7, True, object(), {"a"}],
    ids=lambda value: type(value).__name__,
)
def test_properties_that_are_no_mapping_are_an_invalid_call(value: object) -> None:
    kind = type(value).__name__
    with pytest.raises(InvalidCall, match=f"was given {kind} as properties; want a mapping"):
        messages.checked_mapping("track", "properties", value)


def test_no_properties_are_empty_ones() -> None:
    assert messages.checked_mapping("track", "properties", None) == {}


def checked(**given_common: Any) -> calls.Call:
    common: Any = given_common
    return calls.checked("track", common, Snapshot(), THEN, counted())


def test_a_call_without_common_fields_has_a_new_id_and_the_time() -> None:
    assert checked() == calls.Call({}, {}, STAMP, f"1587681528550-{NEW}", None)


def test_a_call_may_give_every_common_field() -> None:
    assert checked(
        context={"ip": "x", "tags": {1}},
        integrations={"All": False},
        timestamp="2020-04-23",
        message_id="m-1",
        anonymous_id="abcdefgh",
    ) == calls.Call(
        {"ip": "x", "tags": [1]},
        {"All": False},
        "2020-04-23T00:00:00.000Z",
        "m-1",
        "abcdefgh",
    )


@pytest.mark.parametrize(
    ("common", "said"),
    [
        ({"timestmp": "x"}, "was given 'timestmp'; besides its own arguments it takes"),
        ({"context": []}, "was given list as context; want a mapping"),
        ({"integrations": "All"}, "was given str as integrations; want a mapping"),
        ({"timestamp": 7}, "was given int as timestamp"),
        ({"message_id": ""}, "was given str as message_id"),
        ({"anonymous_id": "null"}, "was given the placeholder 'null' as anonymous_id"),
        ({"anonymous_id": ["x"]}, "was given list as anonymous_id"),
    ],
)
def test_a_wrong_common_field_is_an_invalid_call(common: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidCall, match=said):
        checked(**common)


def visitors(number: int) -> list[Message]:
    return [{"anonymousId": f"visitor-{n:06d}", "userId": None} for n in range(number)]


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_sample_has_its_size(rate: float) -> None:
    kept = sum(messages.is_sampled(each, rate) for each in visitors(4_000))
    assert abs(kept / 4_000 - rate) < 0.03


def test_all_messages_of_a_visitor_are_in_the_sample_or_none() -> None:
    for each in visitors(50):
        later = {**each, "userId": "ada", "event": "Signed Up"}
        assert messages.is_sampled(each, 0.5) == messages.is_sampled(later, 0.5)


def test_a_larger_sample_holds_the_smaller_one() -> None:
    for each in visitors(200):
        assert messages.is_sampled(each, 0.6) >= messages.is_sampled(each, 0.3)


def test_the_sample_is_the_same_on_every_machine() -> None:
    """Workers and versions must agree on who is in."""
    first = [messages.is_sampled(each, 0.5) for each in visitors(8)]
    assert first == [True, True, True, False, True, True, True, False]


@pytest.mark.parametrize("who", [{}, {"anonymousId": None, "userId": "ada"}, {"userId": "\ud800"}])
def test_a_message_without_a_device_is_sampled_too(who: Message) -> None:
    assert messages.is_sampled(who, 1.0)
    assert not messages.is_sampled(who, 0.0)
