"""Rows become messages again that make the same rows."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from segment_identity.messages import Message
from segment_identity.names import ident
from segment_identity.restoring import Lost, restored
from segment_identity.schema import Row, rows

from .objects import objects

AT: Final = "2026-01-31T12:00:00.000Z"
OWN: Final = {
    "identify": "identifies",
    "track": "tracks",
    "page": "pages",
    "screen": "screens",
    "group": "groups",
    "alias": "aliases",
}
KEYS: Final = st.sampled_from(
    [
        *("a", "A", "aB", "a_b", "id", "userId", "name", "page", "path", "userAgent", "traits"),
        *("from", "7", "campaign", "contextFoo", "\u6ce8", "x" * 80, "ab " * 40, "uuid", "event"),
    ]
)
TEXTS: Final = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5)
SCALARS: Final = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from(["[]", "[1,2]", "[1, 2]", "[1.0]", '["a"]', "[", "2026-01-31", '"', "7"])
)
OBJECTS: Final = objects(KEYS, SCALARS)


def message(kind: str, **fields: Any) -> Message:
    ids = {"messageId": "m-1", "anonymousId": "device-1", "userId": "ada"}
    return {"type": kind, **ids, "timestamp": AT, "context": {}, **fields}


def made_again(found: list[Row]) -> Message:
    """Return the message of some rows, as who reads them from a database does."""
    by_table = {row.table: row.values for row in found if not row.key and row.table != "discards"}
    own = next(table for table in by_table if table in OWN.values())
    others: list[Mapping[str, Any]] = [by_table[each] for each in by_table if each != own]
    lost = [
        Lost(str(each["column_name"]), str(each["column_value"]), str(each["reason"]))
        for each in (row.values for row in found if row.table == "discards")
        if each["table_name"] not in ("users", "accounts")
    ]
    return restored(own, by_table[own], others[0] if others else None, lost)


def without_discards(found: list[Row]) -> list[tuple[str, Any, str]]:
    return [(row.table, columns(row), row.key) for row in found if row.table != "discards"]


def columns(row: Row) -> dict[str, Any]:
    """Return what comes back: of a trait and the context nothing tells whose `context_foo` is."""
    return {
        name: value
        for name, value in row.values.items()
        if not row.key or name.partition("_")[0] != "context"
    }


@pytest.mark.parametrize(
    ("given_message", "wanted"),
    [
        (
            message("track", event="Signed Up", properties={"plan": "pro", "items": [1, {"a": 2}]}),
            {"event": "Signed Up", "properties": {"plan": "pro", "items": [1, {"a": 2}]}},
        ),
        (
            message("identify", traits={"firstName": "Ada", "address": {"city": "Wien"}}),
            {"traits": {"first_name": "Ada", "address_city": "Wien"}},
        ),
        (
            message("page", name="Home", category="Docs", properties={"url": "https://a/"}),
            {"name": "Home", "category": "Docs", "properties": {"url": "https://a/"}},
        ),
        (message("group", groupId="acme", traits={"size": 9}), {"groupId": "acme"}),
        (message("alias", previousId="device-0"), {"previousId": "device-0"}),
        (
            message(
                "screen",
                context={
                    "ip": "203.0.113.0",
                    "userAgent": "Safari",
                    "page": {"path": "/", "utm": "x"},
                    "campaign": {"name": "spring", "custom": "y"},
                    "userAgentData": {"brands": [{"brand": "A"}], "mobile": False},
                    "consent": {"categoryPreferences": {"ads": True}},
                    "sessionId": 7,
                    "ourOwn": {"deepThing": 1},
                },
            ),
            {
                "context": {
                    "ip": "203.0.113.0",
                    "userAgent": "Safari",
                    "page": {"path": "/", "utm": "x"},
                    "campaign": {"name": "spring", "custom": "y"},
                    "userAgentData": {"brands": [{"brand": "A"}], "mobile": False},
                    "consent": {"categoryPreferences": {"ads": True}},
                    "sessionId": 7,
                    "our_own_deep_thing": 1,
                }
            },
        ),
        (
            message("screen", context={"page": "x", "page_path": "/"}),
            {"context": {"page": "x", "page_path": "/"}},
        ),
    ],
)
def test_a_message_is_made_again(given_message: Message, wanted: Mapping[str, Any]) -> None:
    again = made_again(rows(given_message))
    assert {key: again[key] for key in wanted} == wanted
    assert again["type"] == given_message["type"]
    assert again["messageId"] == "m-1"
    assert (again["anonymousId"], again["userId"]) == ("device-1", "ada")
    assert (again["timestamp"], "sentAt" in again) == (AT, False)


MESSAGES: Final = st.fixed_dictionaries(
    {
        "type": st.sampled_from(list(OWN)),
        "event": st.sampled_from(["Signed Up", "users", "order", "\u6ce8\u6587"]),
        "properties": OBJECTS,
        "traits": OBJECTS,
        "context": OBJECTS,
        "userId": st.none() | TEXTS | st.integers(),
        "groupId": TEXTS,
        "previousId": SCALARS,
        "timestamp": st.sampled_from(["2026-01-31T12:00:00.123456789+02:00", "soon", None]),
        "receivedAt": st.sampled_from([None, AT]),
    }
)


@example(
    {
        "type": "group",
        "traits": {"contextFoo": []},
        "groupId": "acme",
        "timestamp": AT,
        "receivedAt": None,
    }
)
@given(MESSAGES)
def test_a_message_that_is_made_again_makes_the_same_rows(given_message: Message) -> None:
    found = rows({**given_message, "messageId": "m-1"}, AT)
    # A key of the context without any letter is not told from a property called so.
    assume(all("context" not in row.values for row in found))
    again = made_again(found)
    assert without_discards(rows(again, AT)) == without_discards(found)


@given(st.text(max_size=120))
def test_a_name_that_was_made_is_made_of_itself(name: str) -> None:
    assert ident(ident(name)) == ident(name)


@pytest.mark.parametrize(
    ("lost", "wanted"),
    [
        (Lost("price", "free", "not_integer"), {"price": "free"}),
        (Lost("price", "9.5", "not_integer"), {"price": 9.5}),
        (Lost("price", "9", "not_integer"), {"price": "9"}),
        (Lost("seen", "[1]", "not_integer"), {"seen": [1]}),
        (Lost("id", "7", "reserved"), {"id": 7}),
        (Lost("plan", "x", "collision"), {"plan_": "x"}),
        (Lost("\u6ce8", "x", "no_name"), {"\u6ce8": "x"}),
        (Lost("timestamp", "soon", "no_time"), {}),
    ],
)
def test_what_had_no_place_is_given_back(lost: Lost, wanted: Mapping[str, Any]) -> None:
    row = {"id": "m-1", "event": "bought", "event_text": "Bought"}
    again = restored("tracks", row, {**row, "plan": "pro"}, [lost])
    assert again["properties"] == {"plan": "pro", **wanted}


def test_properties_that_had_no_table_are_given_back() -> None:
    event = message("track", event="\u6ce8\u6587", properties={"Plan": "pro", "a": [1]})
    assert made_again(rows(event))["properties"] == {"Plan": "pro", "a": [1]}
    assert rows(made_again(rows(event))) == rows(event)
