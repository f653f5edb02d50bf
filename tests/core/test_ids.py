"""Which texts may name somebody, and how a wrong one is told to the caller."""

import enum
from decimal import Decimal
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import ids
from segment_identity.errors import InvalidCall

from .samples import ANON, valid_ids

# What broken clients send for everybody: the list of the security research, and its relatives.
PLACEHOLDERS: Final = [
    "",
    "0",
    "000000",
    "-",
    "----",
    "00000000-0000-0000-0000-000000000000",
    "0" * 200,
    "-1",
    "null",
    "undefined",
    "none",
    "nil",
    "nan",
    "true",
    "false",
    "anonymous",
    "guest",
    "unknown",
    "[object Object]",
    "id",
    "email",
    "distinct_id",
    "user_id",
    "userId",
    "anonymous_id",
    "anonymousId",
    "not_authenticated",
    "n/a",
]
DRESSED: Final = [
    "NULL",
    "Undefined",
    "NaN",
    "None",
    '"null"',
    "'undefined'",
    " null ",
    "\tnull",
    "(none)",
    "<unknown>",
    "{null}",
    "[object object]",
    '"0"',
    "''",
    '""',
    "{}",
    "[]",
]
BLANKS: Final = [" ", "\t", "   \n", "\u00a0", "\u2003", "\u3000"]


@pytest.mark.parametrize("text", PLACEHOLDERS + DRESSED, ids=repr)
def test_a_placeholder_names_nobody(text: str) -> None:
    assert ids.is_placeholder(text)
    assert not ids.is_anonymous_id(text)
    assert ids.problem(text) is not None
    for name in ("user_id", "anonymous_id", "group_id"):
        with pytest.raises(InvalidCall, match=f"as {name}; want an id"):
            ids.given("identify", name, text)


@pytest.mark.parametrize("text", BLANKS, ids=repr)
def test_a_blank_names_nobody(text: str) -> None:
    with pytest.raises(InvalidCall, match="a blank"):
        ids.given("identify", "user_id", text)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "42",
        "-2",
        "1e5",
        "nullable",
        "anonymous-7",
        "guests",
        "ada@example.com",
        "507f191e810c19729de860ea",
        "00000000-0000-0000-0000-000000000001",
        "auth0|5f7c8ec7",
        "Ad\u00e9la\u00efde Lovelace",
        "\u6f22\u5b57",
        "\U0001f600",
        "a;b,c d=e%20",
        "x" * ids.MAX_ENCODED,
        "\u00e9" * (ids.MAX_ENCODED // 6),
    ],
    ids=lambda text: ascii(text)[:32],
)
def test_these_can_name_a_person(text: str) -> None:
    assert ids.problem(text) is None
    assert ids.given("identify", "user_id", text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("ada\nlovelace", "control characters", id="line feed"),
        pytest.param("ada\r\nSet-Cookie: x=y", "control characters", id="header injection"),
        pytest.param("ada\x00", "control characters", id="NUL"),
        pytest.param("ada\x7f", "control characters", id="DEL"),
        pytest.param("ada\x85", "control characters", id="C1"),
        pytest.param("ada\u2028", "control characters", id="line separator"),
        pytest.param("ada\ud800", "not valid Unicode", id="lone surrogate"),
        pytest.param("ada" * 300, "when percent-encoded", id="long"),
        pytest.param("ada" + "\u6f22" * 100, "when percent-encoded", id="long when encoded"),
    ],
)
def test_a_wrong_id_is_explained_without_being_quoted(text: str, said: str) -> None:
    with pytest.raises(InvalidCall, match=said) as caught:
        ids.given("identify", "user_id", text)
    assert str(caught.value).startswith("identify() was given ")
    assert "ada" not in str(caught.value)


@given(st.text(min_size=1), st.sampled_from("\x00\n\x7f\ud800"))
def test_no_text_of_a_person_is_in_the_error(text: str, spoiler: str) -> None:
    with pytest.raises(InvalidCall) as caught:
        ids.given("identify", "user_id", f"\U0001f511{text}{spoiler}")
    assert "\U0001f511" not in str(caught.value)


@pytest.mark.parametrize("extra", ["@", "\u00e9", "\u6f22", ";"], ids=ascii)
def test_the_limit_counts_what_a_cookie_needs(extra: str) -> None:
    """Three bytes for each octet that is no ASCII letter or digit, one for the others."""
    room = ids.MAX_ENCODED - 3 * len(extra.encode())
    assert ids.problem("x" * room + extra) is None
    assert ids.problem("x" * (room + 1) + extra) is not None


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        pytest.param(7, "7", id="int"),
        pytest.param(-2, "-2", id="negative int"),
        pytest.param(12345678901234567890, "12345678901234567890", id="large int"),
        pytest.param(UUID(ANON), ANON, id="UUID"),
        pytest.param("u-1", "u-1", id="str"),
    ],
)
def test_integers_and_uuids_become_text(value: object, wanted: str) -> None:
    assert ids.given("identify", "user_id", value) == wanted


class Plan(str, enum.Enum):  # noqa: UP042 - StrEnum would hide what str() does to this one
    PRO = "plan-pro"


def test_a_kind_of_text_keeps_its_characters() -> None:
    assert ids.given("group", "group_id", Plan.PRO) == "plan-pro"


@pytest.mark.parametrize("value", [0, -1], ids=repr)
def test_the_integers_of_nobody_are_refused(value: int) -> None:
    with pytest.raises(InvalidCall, match="placeholder"):
        ids.given("identify", "user_id", value)


def test_an_endless_integer_is_an_invalid_call() -> None:
    """Python itself refuses to print it, with an error that is not ours."""
    with pytest.raises(InvalidCall):
        ids.given("identify", "user_id", 10**5_000)


@pytest.mark.parametrize(
    "value",
    [True, False, None, 1.5, float("nan"), b"ada", Decimal(7), ["ada"], {"id": "ada"}, object()],
    ids=lambda value: type(value).__name__,
)
def test_other_kinds_are_refused_by_name(value: object) -> None:
    kind = type(value).__name__
    with pytest.raises(InvalidCall, match=f"was given {kind} as user_id; want a str") as caught:
        ids.given("identify", "user_id", value)
    assert "ada" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param(ANON, True, id="UUID"),
        pytest.param(ANON.upper(), True, id="UUID in capitals"),
        pytest.param("abcdefgh", True, id="8 characters"),
        pytest.param("x" * 64, True, id="64 characters"),
        pytest.param("A_b-9zzz", True, id="every kind of character"),
        pytest.param("abcdefg", False, id="7 characters"),
        pytest.param("x" * 65, False, id="65 characters"),
        pytest.param("", False, id="empty"),
        pytest.param("abcd efgh", False, id="blank inside"),
        pytest.param("abcdefgh\n", False, id="newline at the end"),
        pytest.param("\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18", False, id="wide digits"),
        pytest.param("\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", False, id="Arabic digits"),
        pytest.param("\u0430bcdefgh", False, id="Cyrillic a"),
        pytest.param("abcd\u200befgh", False, id="zero-width space"),
        pytest.param(f"{{{ANON}}}", False, id="braces"),
        pytest.param(f"urn:uuid:{ANON}", False, id="urn"),
        pytest.param("abc.defgh", False, id="dot"),
        pytest.param("abc%20defgh", False, id="percent"),
        pytest.param("00000000-0000-0000-0000-000000000000", False, id="nil UUID"),
        pytest.param("undefined", False, id="placeholder"),
        pytest.param("<script>alert(1)</script>", False, id="markup"),
    ],
)
def test_a_browser_may_claim_only_a_plain_anonymous_id(text: str, wanted: bool) -> None:
    assert ids.is_anonymous_id(text) is wanted


@given(st.text() | st.integers() | st.uuids())
def test_what_is_taken_is_an_id_and_the_rest_is_an_invalid_call(value: str | int | UUID) -> None:
    try:
        taken = ids.given("identify", "user_id", value)
    except InvalidCall:
        assert ids.problem(str(value)) is not None
    else:
        assert taken == str(value)
        assert ids.problem(taken) is None


@given(valid_ids())
def test_an_id_is_printable_and_short_enough_to_travel(text: str) -> None:
    assert len(text.encode()) <= ids.MAX_ENCODED
    assert not any(ord(letter) < 32 for letter in text)
