"""Messages become rows of Segment's warehouse tables."""

import json
import re
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import schema
from segment_identity.schema import Kind, Row, Scalar

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


def message(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **COMMON, **fields}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Signed Up", "signed_up"),
        ("signedUp", "signed_up"),
        ("signed_up", "signed_up"),
        ("SIGNED UP", "signed_up"),
        ("signed-up!", "signed_up"),
        ("CStringRef", "cstring_ref"),
        ("5TEst", "_5test"),
        ("lk0B@bFmjrLQ_Z6YL", "lk0_b_b_fmjr_lq_z6yl"),
        ("2FA Enabled", "_2fa_enabled"),
        ("___$$Base64Encode", "base64_encode"),
        ("samPLE text", "sam_ple_text"),
        ("\u2022\u00b6\u00a7\u0192\u02dafoo\u2219\u2206\u02da\u00ac", "foo"),
        ("firstName", "first_name"),
        ("user.email", "user_email"),
        ("a  b", "a_b"),
        ("id; DROP TABLE users", "id_drop_table_users"),
        ("\u6ce8\u6587", ""),
        ("!!!", ""),
        ("", ""),
        ("\uff11\u0661", ""),
        ("caf\u00e9 bar", "caf_bar"),
        ("x" * 63, "x" * 63),
    ],
)
def test_names_are_segments(name: str, wanted: str) -> None:
    assert schema.ident(name) == wanted


def test_two_long_names_stay_two() -> None:
    one, other = schema.ident("x" * 100), schema.ident("x" * 101)
    assert one != other
    assert len(one) == len(other) == 63


@given(st.text(max_size=120))
def test_a_name_is_safe_in_any_database(name: str) -> None:
    found = schema.ident(name)
    assert len(found) <= 63
    assert set(found) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")
    assert not found[:1].isdigit()
    assert found == "" or found.strip("_") != ""


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
            Row("users", {"id": "ada", "received_at": STAMP, "timestamp": STAMP, **FLAT}, True),
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
        [Row("tracks", {**COLUMNS, "event": "", "event_text": "\u6ce8\u6587"})],
    ),
    "page": (
        message("page", name="Home", category="Docs", properties={"path": "/", "name": "other"}),
        [Row("pages", {**COLUMNS, "name": "Home", "category": "Docs", "path": "/"})],
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
    assert accounts[0].latest
    assert accounts[0].values["size"] == 9


def test_a_blank_user_is_no_row_of_users() -> None:
    assert [row.table for row in schema.rows(message("identify", userId=""))] == ["identifies"]


def test_a_user_without_traits_is_a_row_of_users() -> None:
    users = schema.rows(message("identify"))[1]
    assert users == Row("users", {"id": "ada", "received_at": STAMP, "timestamp": STAMP}, True)


@pytest.mark.parametrize(
    "given_message",
    [
        pytest.param({}, id="empty"),
        pytest.param({"type": "track"}, id="no id"),
        pytest.param({"type": "track", "messageId": 7, "event": "x"}, id="an id that is no text"),
        pytest.param({"type": "track", "messageId": "m"}, id="a track without an event"),
        pytest.param({"type": "track", "messageId": "m", "event": 7}, id="an event that is none"),
        pytest.param({"type": "dance", "messageId": "m"}, id="another type"),
        pytest.param({"type": ["track"], "messageId": "m"}, id="a type that is none"),
        pytest.param({"messageId": "m"}, id="no type"),
    ],
)
def test_what_is_no_message_becomes_no_row(given_message: dict[str, Any]) -> None:
    assert schema.rows(given_message) == []


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
    found, user = schema.rows(message("identify", traits={"id": "x", "user_id": "x", "sentAt": 1}))
    assert found == Row("identifies", COLUMNS)
    assert user.values == {"id": "ada", "received_at": STAMP, "timestamp": STAMP}


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
    assert table.endswith(schema.ident(event))


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
        pytest.param({"\u6ce8": 1}, {}, id="a name without letters"),
        pytest.param({"firstName": 1, "first_name": 2}, {"first_name": 1}, id="one column"),
        pytest.param({"first_name": 2, "firstName": 1}, {"first_name": 1}, id="in either order"),
    ],
)
def test_properties_are_flattened(properties: dict[str, Any], wanted: dict[str, Scalar]) -> None:
    found = schema.rows({"type": "page", "messageId": "m", "properties": properties})
    assert found == [Row("pages", {"id": "m", **wanted})]


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


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (True, "boolean"),
        (0, "integer"),
        (2**63 - 1, "integer"),
        (-(2**63), "integer"),
        (2**63, "varchar"),
        (-(2**63) - 1, "varchar"),
        (5.0, "integer"),
        (5.5, "float"),
        (1e300, "float"),
        (float(2**63), "float"),
        (-9.3e18, "float"),
        ("a", "varchar"),
        ("7", "varchar"),
        ("2026-01-31", "timestamp"),
        (STAMP, "timestamp"),
        ("2020-04-23T22:38:48.55Z", "timestamp"),
        ("2026-01-31 12:00", "timestamp"),
        ("2026-01-31T12:00:00+02:00", "timestamp"),
        ("2026-13-31", "varchar"),
        ("2026-01-31T", "varchar"),
        ("2026-01-31 noon", "varchar"),
        ("20260131", "varchar"),
        ("+2026-01-31", "varchar"),
        ("\u0662026-01-31", "varchar"),
        ("", "varchar"),
    ],
)
def test_the_first_value_gives_a_column_its_type(value: Scalar, wanted: Kind) -> None:
    assert schema.kind_of(value) == wanted


@pytest.mark.parametrize(
    ("value", "kind", "wanted"),
    [
        (True, "boolean", True),
        (1, "boolean", None),
        ("true", "boolean", None),
        (7, "integer", 7),
        (7.0, "integer", 7),
        (7.5, "integer", None),
        (2**63, "integer", None),
        (True, "integer", None),
        ("7", "integer", None),
        (7.5, "float", 7.5),
        (7, "float", 7.0),
        (2**53, "float", float(2**53)),
        (2**53 + 1, "float", None),
        (1e18, "float", 1e18),
        (1e300, "float", 1e300),
        (True, "float", None),
        ("7.5", "float", None),
        ("a", "varchar", "a"),
        (7, "varchar", "7"),
        (7.5, "varchar", "7.5"),
        (True, "varchar", "true"),
        (2**70, "varchar", str(2**70)),
        (STAMP, "timestamp", STAMP),
        ("soon", "timestamp", "soon"),
        (7, "timestamp", "7"),
    ],
)
def test_a_value_fits_a_column_without_loss_or_not_at_all(
    value: Scalar, kind: Kind, wanted: Scalar | None
) -> None:
    found = schema.fitted(value, kind)
    assert found == wanted
    assert type(found) is type(wanted)


SCALARS: Final = (
    st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=12)
    | st.datetimes().map(lambda moment: moment.isoformat())
)


@given(SCALARS)
def test_a_value_fits_the_column_it_makes(value: Scalar) -> None:
    fit = schema.fitted(value, schema.kind_of(value))
    assert fit is not None
    assert fit == value or fit == str(value)


@given(SCALARS, st.sampled_from(["boolean", "integer", "float"]))
def test_what_fits_a_number_column_is_the_same_number(value: Scalar, kind: Kind) -> None:
    assert schema.fitted(value, kind) in (None, value)


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
    for row in schema.rows(given_message):
        assert re.fullmatch("[a-z_][a-z0-9_]{0,63}", row.table)
        assert isinstance(row.values["id"], str)
        for column, value in row.values.items():
            assert column == "event" or schema.ident(column) == column
            assert isinstance(value, str | int | float | bool)
            assert schema.fitted(value, schema.kind_of(value)) is not None
        assert msgspec.json.encode(row.values)
