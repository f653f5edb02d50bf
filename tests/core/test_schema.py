"""Messages become rows of Segment's warehouse tables."""

import json
import re
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import schema
from segment_identity.discards import Loss, discard
from segment_identity.kinds import Kind, Scalar, fitted, kind_of
from segment_identity.names import ident
from segment_identity.schema import Row

from .samples import ANON

STAMP: Final = "2026-01-31T12:00:00.000Z"
COMMON: Final[dict[str, Any]] = {
    "messageId": "m-1",
    "anonymousId": ANON,
    "userId": "ada",
    "timestamp": STAMP,
    "originalTimestamp": STAMP,
    "sentAt": STAMP,
    "receivedAt": STAMP,
    "context": {"ip": "1.2.3.0", "page": {"path": "/", "search": ""}, "tags": [1, "a"]},
    "integrations": {"All": True},
}
HOUR_LATER: Final = "2026-01-31T13:00:00.000Z"
DAY_LATER: Final = "2026-02-01T12:00:00.000Z"
COLUMNS: Final[dict[str, Scalar]] = {
    "id": "m-1",
    "anonymous_id": ANON,
    "user_id": "ada",
    "timestamp": STAMP,
    "original_timestamp": STAMP,
    "sent_at": STAMP,
    "received_at": STAMP,
    "context_ip": "1.2.3.0",
    "context_page_path": "/",
    "context_tags": '[1,"a"]',
}


KEY: Final = f"{STAMP}|m-1"


def message(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **COMMON, **fields}


def discarded(table: str, column: str, value: str, reason: str, path: str) -> Row:
    """Return the row of `discards` for a value of the common message."""
    row = {"id": "m-1", "received_at": STAMP}
    return Row("discards", discard(table, row, Loss(column, value, reason, path)))


TRAITS: Final = {"email": "ada@example.com", "address": {"postalCode": "10115"}, "age": 36}
FLAT: Final[dict[str, Scalar]] = {
    "email": "ada@example.com",
    "address_postal_code": "10115",
    "age": 36,
}

ROWS: Final[dict[str, tuple[dict[str, Any], list[Row]]]] = {
    "identify": (
        message("identify", traits=TRAITS),
        [
            Row("identifies", {**COLUMNS, **FLAT}),
            Row("users", {"id": "ada", "received_at": STAMP, "timestamp": STAMP, **FLAT}, KEY),
        ],
    ),
    "identify without a user": (
        message("identify", userId=None, traits=TRAITS),
        [Row("identifies", {k: v for k, v in (COLUMNS | FLAT).items() if k != "user_id"})],
    ),
    "track": (
        message("track", event="Signed Up", properties={"plan": "premium"}),
        [
            Row("tracks", {**COLUMNS, "event": "signed_up", "event_text": "Signed Up"}),
            Row(
                "signed_up",
                {**COLUMNS, "event": "signed_up", "event_text": "Signed Up", "plan": "premium"},
            ),
        ],
    ),
    "track whose name has no letters": (
        message("track", event="\u6ce8\u6587", properties={"plan": "premium"}),
        [
            Row("tracks", {**COLUMNS, "event": "", "event_text": "\u6ce8\u6587"}),
            discarded("tracks", "", '{"plan":"premium"}', "no_table", "properties"),
        ],
    ),
    "page": (
        message("page", name="Home", category="Docs", properties={"path": "/", "name": "other"}),
        [
            Row("pages", {**COLUMNS, "name": "Home", "category": "Docs", "path": "/"}),
            discarded("pages", "name", "other", "reserved", "name"),
        ],
    ),
    "page whose name is a property": (
        message("page", properties={"name": "Home", "category": "Docs"}),
        [Row("pages", {**COLUMNS, "name": "Home", "category": "Docs"})],
    ),
    "page without a name": (
        message("page", properties={"path": "/"}),
        [Row("pages", {**COLUMNS, "path": "/"})],
    ),
    "screen": (
        message("screen", name="Home", properties={"size": 5}),
        [Row("screens", {**COLUMNS, "name": "Home", "size": 5})],
    ),
    "alias": (
        message("alias", previousId="old-ada"),
        [Row("aliases", {**COLUMNS, "previous_id": "old-ada"})],
    ),
}


@pytest.mark.parametrize(("given_message", "wanted"), ROWS.values(), ids=ROWS.keys())
def test_a_message_becomes_rows(given_message: dict[str, Any], wanted: list[Row]) -> None:
    assert schema.rows(given_message) == wanted


GROUP: Final = message("group", groupId="acme", traits={"size": 9, "group_id": "other"})


def test_a_group_call_is_a_row_of_groups() -> None:
    assert schema.rows(GROUP)[0] == Row("groups", {**COLUMNS, "group_id": "acme", "size": 9})


def test_a_group_is_the_latest_row_of_its_account() -> None:
    """`accounts` is to groups what `users` is to identifies."""
    accounts = [row for row in schema.rows(GROUP) if row.table == "accounts"]
    assert [row.values["id"] for row in accounts] == ["acme"]
    assert accounts[0].key == KEY
    assert accounts[0].values["size"] == 9


def test_a_blank_user_is_no_row_of_users() -> None:
    assert [row.table for row in schema.rows(message("identify", userId=""))] == ["identifies"]


def test_a_user_without_traits_is_a_row_of_users() -> None:
    users = schema.rows(message("identify"))[1]
    assert users == Row("users", {"id": "ada", "received_at": STAMP, "timestamp": STAMP}, KEY)


@pytest.mark.parametrize(
    ("given_message", "reason"),
    [
        pytest.param({}, "no_message", id="empty"),
        pytest.param({"type": "page"}, "no_message", id="no id"),
        pytest.param({"type": "page", "messageId": ""}, "no_message", id="an empty id"),
        pytest.param({"type": "page", "messageId": 7}, "no_message", id="an id that is no text"),
        pytest.param({"type": "track", "messageId": "m"}, "no_event", id="no event"),
        pytest.param({"type": "track", "messageId": "m", "event": 7}, "no_event", id="no text"),
        pytest.param({"type": "dance", "messageId": "m"}, "no_message", id="another type"),
        pytest.param({"type": ["track"], "messageId": "m"}, "no_message", id="a type that is none"),
        pytest.param({"messageId": "m"}, "no_message", id="no type"),
    ],
)
def test_what_has_no_table_is_kept_as_a_whole(given_message: dict[str, Any], reason: str) -> None:
    (row,) = schema.rows(given_message, STAMP)
    assert (row.table, row.values["reason"], row.values["uuid_ts"]) == ("discards", reason, STAMP)
    assert json.loads(str(row.values["column_value"])) == given_message
    stamped = {**given_message, "receivedAt": "2027-01-01T00:00:00.000Z"}
    assert schema.rows(stamped)[0].values["id"] == row.values["id"]


def lost(message: dict[str, Any]) -> list[tuple[Scalar, ...]]:
    """Return what of a message goes to `discards`."""
    names = ("table_name", "column_name", "column_value", "reason")
    return [
        tuple(row.values[name] for name in names)
        for row in schema.rows(message)
        if row.table == "discards"
    ]


RESERVED: Final = {
    "id": "x",
    "messageId": "kept",
    "anonymousId": "x",
    "userId": "x",
    "receivedAt": "x",
    "sent_at": "x",
    "Timestamp": "x",
    "original timestamp": "x",
    "event": "x",
    "eventText": "x",
}


def test_a_property_cannot_take_a_column_of_ours() -> None:
    own = schema.rows(message("track", event="Signed Up", properties=RESERVED))[1]
    columns = {**COLUMNS, "event": "signed_up", "event_text": "Signed Up", "message_id": "kept"}
    assert own == Row("signed_up", columns)


def test_a_trait_cannot_take_a_column_of_ours() -> None:
    given_message = message("identify", traits={"id": "x", "user_id": "x", "sentAt": 1})
    found, user, *_ = schema.rows(given_message)
    assert found == Row("identifies", COLUMNS)
    assert user.values == {"id": "ada", "received_at": STAMP, "timestamp": STAMP}
    assert lost(given_message) == [
        ("identifies", "id", "x", "reserved"),
        ("identifies", "sent_at", "1", "reserved"),
        ("identifies", "user_id", "x", "reserved"),
    ]


def test_what_says_the_same_twice_is_not_lost() -> None:
    """Analytics.js puts name and category of a page among its properties, too."""
    own = {"name": "Home", "category": "Docs"}
    assert lost(message("page", **own, properties={**own, "userId": "ada"})) == []


def test_a_property_cannot_take_a_column_of_the_context() -> None:
    own = schema.rows(message("track", event="x", properties={"context_ip": "6.6.6.6"}))[1]
    assert own.values["context_ip"] == "1.2.3.0"


@pytest.mark.parametrize(
    "event",
    ["Users", "identifies", "TRACKS", "pages", "screens", "groups", "accounts", "aliases"],
)
def test_an_event_does_not_write_to_a_table_of_ours(event: str) -> None:
    assert schema.rows(message("track", event=event))[1].table == f"_{event.lower()}"


@pytest.mark.parametrize("event", ["SQLite Upgraded", "sqlite_master", "SQLITE SEQUENCE"])
def test_an_event_has_a_table_that_sqlite_will_make(event: str) -> None:
    """It keeps names that begin with `sqlite_` to itself, and such a batch would never end."""
    table = schema.rows(message("track", event=event))[1].table
    assert not table.startswith("sqlite_")
    assert table.endswith(ident(event))


@pytest.mark.parametrize(
    ("properties", "wanted"),
    [
        pytest.param({"a": None}, {}, id="null"),
        pytest.param({"a": ""}, {}, id="empty text"),
        pytest.param({"a": False, "b": 0}, {"a": False, "b": 0}, id="false and zero"),
        pytest.param({"a": float("nan"), "b": float("inf")}, {}, id="no numbers"),
        pytest.param({"a": {}}, {}, id="empty object"),
        pytest.param({"a": []}, {"a": "[]"}, id="empty array"),
        pytest.param({"a": [{"b": 1}]}, {"a": '[{"b":1}]'}, id="array of objects"),
        pytest.param({"a": {"b": {"c": 1}}}, {"a_b_c": 1}, id="nested"),
        pytest.param({"a": {"b": [1]}}, {"a_b": "[1]"}, id="array in an object"),
        pytest.param({"from": 1, "xmin": 2}, {"_from": 1, "_xmin": 2}, id="words of SQL"),
        pytest.param({"1st": 1}, {"_1st": 1}, id="a leading digit"),
    ],
)
def test_properties_are_flattened(properties: dict[str, Any], wanted: dict[str, Scalar]) -> None:
    found = schema.rows({"type": "page", "messageId": "m", "properties": properties})
    assert found == [Row("pages", {"id": "m", **wanted})]


@pytest.mark.parametrize(
    ("properties", "wanted", "wanted_lost"),
    [
        ({"\u6ce8": 1}, {}, [("pages", "\u6ce8", "1", "no_name")]),
        ({"\u6ce8": {"\u6587": [1]}}, {}, [("pages", "\u6ce8.\u6587", "[1]", "no_name")]),
        (
            {"firstName": 1, "first_name": 2},
            {"first_name": 1},
            [("pages", "first_name", "2", "collision")],
        ),
        (
            {"first_name": 2, "firstName": 1},
            {"first_name": 1},
            [("pages", "first_name", "2", "collision")],
        ),
        (
            {"a": {"b": True}, "a_b": "x", "A B": 0.5},
            {"a_b": 0.5},
            [("pages", "a_b", "true", "collision"), ("pages", "a_b", "x", "collision")],
        ),
        ({"timestamp": "soon"}, {}, [("pages", "timestamp", "soon", "reserved")]),
        (["no", "object"], {}, [("pages", "properties", '["no","object"]', "no_object")]),
        ("text", {}, [("pages", "properties", "text", "no_object")]),
    ],
)
def test_property_that_finds_no_place_is_kept_aside(
    properties: Any, wanted: dict[str, Scalar], wanted_lost: list[tuple[Scalar, ...]]
) -> None:
    given_message = {"type": "page", "messageId": "m", "properties": properties}
    assert schema.rows(given_message)[0] == Row("pages", {"id": "m", **wanted})
    assert lost(given_message) == wanted_lost


def test_every_loss_has_a_row_of_its_own() -> None:
    keys = ["a b", "a_b", "aB", "A-B", "\u6ce8", "\u6587", "id", "Id"]
    found = schema.rows({"type": "page", "messageId": "m", "properties": dict.fromkeys(keys, 1)})
    ids = [row.values["id"] for row in found if row.table == "discards"]
    assert len(set(ids)) == len(ids) == len(keys) - 1


@pytest.mark.parametrize(
    ("fields", "wanted", "wanted_lost"),
    [
        ({"userId": 7}, {"user_id": "7"}, []),
        ({"userId": ["x"]}, {}, [("pages", "user_id", '["x"]', "no_text")]),
        ({"userId": True}, {}, [("pages", "user_id", "true", "no_text")]),
        ({"userId": ""}, {}, []),
        ({"userId": "2026-01-31"}, {"user_id": "2026-01-31"}, []),
        ({"name": {"a": 1}}, {}, [("pages", "name", '{"a":1}', "no_text")]),
        ({"context": "x"}, {}, [("pages", "context", "x", "no_object")]),
        ({"sentAt": "soon"}, {}, [("pages", "sent_at", "soon", "no_time")]),
        ({"sentAt": 7}, {}, [("pages", "sent_at", "7", "no_time")]),
        (
            {"sentAt": "2026-01-31T13:00:00.123456789+01:00"},
            {"sent_at": "2026-01-31T12:00:00.123Z"},
            [],
        ),
    ],
)
def test_fields_of_a_message_have_columns_of_their_kind(
    fields: dict[str, Any], wanted: dict[str, Scalar], wanted_lost: list[tuple[Scalar, ...]]
) -> None:
    given_message = {"type": "page", "messageId": "m", **fields}
    assert schema.rows(given_message)[0] == Row("pages", {"id": "m", **wanted})
    assert lost(given_message) == wanted_lost


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        pytest.param({"timestamp": STAMP, "receivedAt": DAY_LATER}, STAMP, id="its own"),
        pytest.param(
            {"receivedAt": DAY_LATER, "sentAt": HOUR_LATER, "originalTimestamp": STAMP},
            "2026-02-01T11:00:00.000Z",
            id="by a clock that is a day behind",
        ),
        pytest.param({"originalTimestamp": STAMP, "receivedAt": DAY_LATER}, STAMP, id="unsent"),
        pytest.param({"receivedAt": DAY_LATER}, DAY_LATER, id="received"),
        pytest.param({"timestamp": "soon", "receivedAt": DAY_LATER}, DAY_LATER, id="none"),
        pytest.param({}, None, id="nothing"),
        pytest.param(
            {"receivedAt": STAMP, "sentAt": "9999-12-31", "originalTimestamp": "0001-01-01"},
            STAMP,
            id="beyond all years",
        ),
    ],
)
def test_a_message_without_a_time_gets_one(fields: dict[str, Any], wanted: str | None) -> None:
    row = schema.rows({"type": "page", "messageId": "m", **fields})[0]
    assert row.values.get("timestamp") == wanted


def test_a_key_is_no_longer_than_an_index_takes() -> None:
    long = "x" * 1_500
    found, *others = schema.rows(message("identify", messageId=long, userId=long))
    assert len(str(found.values["id"])) == 64
    assert found.values["user_id"] == long
    assert [row.table for row in others] == ["discards"]
    assert others[0].values["column_value"] == long


def test_an_id_is_no_longer_than_an_index_takes() -> None:
    long = "\u6ce8" * 700
    found, aside = schema.rows(message("identify", userId=long))
    assert "user_id" not in found.values
    assert (aside.table, aside.values["column_value"]) == ("discards", long)


@pytest.mark.parametrize(
    ("table", "column", "wanted"),
    [
        ("pages", "user_id", "varchar"),
        ("pages", "name", "varchar"),
        ("identifies", "name", "timestamp"),
        ("groups", "group_id", "varchar"),
        ("aliases", "previous_id", "varchar"),
        ("tracks", "event_text", "varchar"),
        ("signed_up", "event_text", "varchar"),
        ("signed_up", "group_id", "timestamp"),
        ("identifies", "event", "timestamp"),
        ("users", "id", "varchar"),
        ("users", "received_at", "timestamp"),
        ("discards", "column_value", "varchar"),
        ("discards", "received_at", "timestamp"),
    ],
)
def test_our_columns_have_their_own_types(table: str, column: str, wanted: Kind) -> None:
    """Whatever their first value looks like, such as a user id that could be a day."""
    assert schema.kind_in(table, column, "2026-01-31") == wanted


def test_the_order_of_keys_does_not_choose_the_value() -> None:
    """The same event must not depend on which of two writers sent it."""
    one = schema.rows({"type": "page", "messageId": "m", "properties": {"a": {"b": 1}, "a_b": 2}})
    other = schema.rows({"type": "page", "messageId": "m", "properties": {"a_b": 2, "a": {"b": 1}}})
    assert one == other


def test_depth_is_bounded() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = {"a": deep}
    (row,) = schema.rows({"type": "page", "messageId": "m", "properties": deep})
    assert len(row.values) == 2
    assert json.loads(next(v for k, v in row.values.items() if k != "id" and isinstance(v, str)))


SCALARS: Final = (
    st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=12)
    | st.datetimes().map(lambda moment: moment.isoformat())
)
JSON: Final = st.recursive(
    st.none() | SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=6), inner, max_size=4)
    ),
    max_leaves=10,
)
OBJECTS: Final = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=6), JSON)
MESSAGES: Final = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["identify", "track", "page", "screen", "group", "alias", "dance", None]
        ),
        "messageId": st.just("m") | JSON,
    },
    optional={
        "event": st.text(st.characters(codec="utf-8"), max_size=12) | JSON,
        "userId": st.just("ada") | JSON,
        "groupId": st.just("acme") | JSON,
        "previousId": JSON,
        "name": JSON,
        "context": OBJECTS | JSON,
        "traits": OBJECTS | JSON,
        "properties": OBJECTS | JSON,
        "timestamp": JSON,
    },
)


@given(MESSAGES)
def test_any_json_becomes_rows_of_plain_values(given_message: dict[str, Any]) -> None:
    found = schema.rows(given_message)
    assert found
    for row in found:
        assert re.fullmatch("[a-z_][a-z0-9_]{0,63}", row.table)
        assert isinstance(row.values["id"], str)
        for column, value in row.values.items():
            assert column.removeprefix("_") == ident(column).removeprefix("_")
            assert isinstance(value, str | int | float | bool)
            assert fitted(value, kind_of(value)) is not None
        assert msgspec.json.encode(row.values)
