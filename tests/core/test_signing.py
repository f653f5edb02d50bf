"""The signed memory: what it holds comes back, and nothing else passes."""

import base64
import hashlib
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import BadSignature, Signer
from pydantic import SecretStr
from starlette.datastructures import Secret

from segment_identity.cookies import YEAR
from segment_identity.errors import ConfigurationError
from segment_identity.signing import (
    LEEWAY,
    SALT,
    VERSION,
    Memory,
    MemorySigner,
    Opened,
    is_alive,
    key_bytes,
)

from .samples import ANON, KEY, NOW, OLD_KEY, OTHER, valid_ids

MEMORY: Final = Memory(ANON, "ada", "acme", NOW - 9, NOW, "c0ffee", True, {"plan": "pro"})
SIGNER: Final = MemorySigner([KEY])
TOKEN: Final = SIGNER.dumps(MEMORY)
BODY, SIGNATURE = TOKEN.split(b".")
ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
TRAITS: Final = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), JSON, max_size=4)


def reference(key: bytes = KEY, salt: bytes = SALT, **how: Any) -> Signer:
    """Return itsdangerous' own signer, set up as the wire form says."""
    settings = {"key_derivation": "hmac", "digest_method": hashlib.sha256, **how}
    return Signer(key, salt=salt, **settings)


def base64_of(value: Any) -> bytes:
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).rstrip(b"=")


@given(
    st.builds(
        Memory,
        valid_ids(),
        st.none() | valid_ids(),
        st.none() | valid_ids(),
        st.integers(0, 2**40),
        st.integers(0, 2**40),
        st.text("0123456789abcdef", min_size=16, max_size=16),
        st.booleans(),
        TRAITS,
        TRAITS,
        st.booleans(),
    )
)
def test_a_memory_comes_back_as_it_went(memory: Memory) -> None:
    assert SIGNER.loads(SIGNER.dumps(memory)) == Opened(memory, current=True)


def test_a_token_is_two_parts_of_url_safe_letters() -> None:
    assert set(BODY) <= set(ALPHABET)
    assert set(SIGNATURE) <= set(ALPHABET)
    assert len(SIGNATURE) == 43


def test_a_cookie_of_this_version_stays_legible() -> None:
    """Visitors bring it for a year; another wire form needs another version and both readers."""
    pinned = (
        b"WzEsImJkMDc3YjcwLTgxNmItNDQ4Yi1hZTc5LTJmNWY3ZDg1NjUxMyIsImFkYSIsImFjbWUiLDE3NDk5OTk5OTEs"
        b"MTc1MDAwMDAwMCwiYzBmZmVlIiwxLHsicGxhbiI6InBybyJ9LHt9XQ"
        b".gHrtF8upmuukBnI4Stiq829vUjvLBOHZMgaPWNJTNTY"
    )
    assert SIGNER.loads(pinned) == Opened(MEMORY, current=True)
    assert SIGNER.dumps(MEMORY) == pinned


def test_a_previous_key_verifies_and_the_first_one_signs() -> None:
    rotated = MemorySigner([KEY, OLD_KEY])
    old = MemorySigner([OLD_KEY]).dumps(MEMORY)
    assert rotated.loads(old) == Opened(MEMORY, current=False)
    assert rotated.loads(TOKEN) == Opened(MEMORY, current=True)
    assert rotated.dumps(MEMORY) == TOKEN


def test_a_removed_key_verifies_nothing() -> None:
    assert SIGNER.loads(MemorySigner([OLD_KEY]).dumps(MEMORY)) is None


def test_itsdangerous_itself_verifies_a_token() -> None:
    assert reference().unsign(TOKEN) == BODY


@given(st.binary(min_size=1, max_size=200), valid_ids(), TRAITS)
def test_itsdangerous_signs_the_same_with_any_key(
    key: bytes, anonymous_id: str, traits: dict[str, Any]
) -> None:
    memory = Memory(anonymous_id, None, None, NOW, NOW, "c0ffee", traits=traits)
    token = MemorySigner([key]).dumps(memory)
    assert reference(key).sign(token.rpartition(b".")[0]) == token


def test_a_token_signed_by_itsdangerous_is_read() -> None:
    assert SIGNER.loads(reference().sign(BODY)) == Opened(MEMORY, current=True)


TAMPERED: Final = {
    "nothing": b"",
    "a dot": b".",
    "dots": b"...",
    "the body alone": BODY,
    "the body and a dot": BODY + b".",
    "the signature alone": b"." + SIGNATURE,
    "the parts swapped": SIGNATURE + b"." + BODY,
    "one part twice": BODY + b"." + BODY + b"." + SIGNATURE,
    "a dot too many": BODY + b".." + SIGNATURE,
    "padding of the signature": TOKEN + b"=",
    "more padding": TOKEN + b"==",
    "padding of the body": BODY + b"=." + SIGNATURE,
    "a blank at the end": TOKEN + b" ",
    "a line feed at the end": TOKEN + b"\n",
    "a blank at the start": b" " + TOKEN,
    "quotes": b'"' + TOKEN + b'"',
    "junk in the signature": BODY + b"." + SIGNATURE[:9] + b"!!" + SIGNATURE[9:],
    "junk in the body": BODY[:9] + b"!!" + BODY[9:] + b"." + SIGNATURE,
    "signature cut": TOKEN[:-1],
    "body cut": BODY[:-1] + b"." + SIGNATURE,
    "signature of the other alphabet": BODY + b"." + b"+/" * 21 + b"A",
    "small letters": TOKEN.lower(),
    "not ASCII": BODY + b"." + SIGNATURE[:-1] + b"\xff",
    "percent-encoded dot": BODY + b"%2E" + SIGNATURE,
    "another visitor's signature": BODY
    + b"."
    + SIGNER.dumps(Memory(OTHER, "bob", None, 0, 0, "")).partition(b".")[2],
    "another key": MemorySigner([OLD_KEY]).dumps(MEMORY),
    "another salt": reference(salt=b"itsdangerous.Signer").sign(BODY),
    "another derivation": reference(key_derivation="django-concat").sign(BODY),
    "another digest": reference(digest_method=hashlib.sha1).sign(BODY),
    "an empty key": reference(key=b"").sign(BODY),
    "compressed": reference(key=OLD_KEY).sign(b".eJxTYAAAAEEAIQ"),
}


@pytest.mark.parametrize("token", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_tampered_token_is_refused(token: bytes) -> None:
    assert token != TOKEN
    assert SIGNER.loads(token) is None


def test_no_single_letter_can_be_another() -> None:
    for position, letter in enumerate(TOKEN):
        other = ALPHABET[(ALPHABET.find(letter) + 1) % len(ALPHABET)]
        flipped = TOKEN[:position] + bytes([other]) + TOKEN[position + 1 :]
        assert SIGNER.loads(flipped) is None, position


def test_no_beginning_of_a_token_passes() -> None:
    assert [n for n in range(len(TOKEN)) if SIGNER.loads(TOKEN[:n]) is not None] == []


def test_only_one_spelling_of_the_last_letter_passes() -> None:
    """Its last two bits belong to no byte, so a lenient decoder takes four letters for one."""
    lenient = [TOKEN[:-1] + bytes([letter]) for letter in ALPHABET]
    assert [token for token in lenient if SIGNER.loads(token) is not None] == [TOKEN]
    assert sum(map(_itsdangerous_takes, lenient)) == 4


def _itsdangerous_takes(token: bytes) -> bool:
    try:
        reference().unsign(token)
    except BadSignature:
        return False
    return True


@given(st.binary(max_size=300))
def test_any_bytes_can_be_tried(token: bytes) -> None:
    assert SIGNER.loads(token) is None


WIRE: Final = [VERSION, ANON, "ada", None, 1, 2, "n", 0, {}, {}]
UNREADABLE: Final = {
    "a later version": base64_of([VERSION + 1, *WIRE[1:]]),
    "no version": base64_of(WIRE[1:]),
    "too short": base64_of(WIRE[:5]),
    "an object": base64_of({"anonymous_id": ANON}),
    "another type": base64_of([VERSION, 7, *WIRE[2:]]),
    "no JSON": b"bm90IEpTT04",
    "no base64": b"%%%%",
    "one letter too many": b"AAAAA",
    "nothing": b"",
    "deep": base64_of(msgspec.Raw(b"[" * 3_000 + b"]" * 3_000)),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_signed_body_of_another_shape_counts_as_absent(body: bytes) -> None:
    assert SIGNER.loads(reference().sign(body)) is None


def test_a_signed_body_that_is_not_utf_8_counts_as_absent() -> None:
    raw = msgspec.json.encode(WIRE).replace(b"ada", b"\xff\xfe")
    body = base64.urlsafe_b64encode(raw).rstrip(b"=")
    assert SIGNER.loads(reference().sign(body)) is None


@pytest.mark.parametrize(
    ("age", "wanted"),
    [
        pytest.param(0, True, id="made now"),
        pytest.param(-LEEWAY, True, id="made by a clock 300 s ahead"),
        pytest.param(-LEEWAY - 1, False, id="made by a clock further ahead"),
        pytest.param(86_400, True, id="a day old"),
        pytest.param(YEAR, True, id="a year old"),
        pytest.param(YEAR + LEEWAY, True, id="a year and the leeway old"),
        pytest.param(YEAR + LEEWAY + 1, False, id="older"),
    ],
)
def test_a_memory_lives_a_year_whatever_the_clocks_say(age: int, wanted: bool) -> None:
    assert is_alive(MEMORY, NOW + age) is wanted


def test_no_key_is_shown() -> None:
    shown = repr(MemorySigner([KEY, OLD_KEY]))
    assert shown == "MemorySigner(2 keys)"
    assert KEY.decode() not in shown


class LikeSecretStr:
    """What pydantic's `SecretStr` looks like, here of bytes."""

    def get_secret_value(self) -> bytes:
        return KEY


@pytest.mark.parametrize(
    "key",
    [KEY, KEY.decode(), Secret(KEY.decode()), SecretStr(KEY.decode()), LikeSecretStr()],
    ids=lambda key: type(key).__name__,
)
def test_a_key_comes_in_many_wrappings(key: object) -> None:
    assert key_bytes("secret_key", key) == KEY


def test_a_key_may_hold_any_letters() -> None:
    assert key_bytes("secret_key", "\u6f22\u5b57-\ud800-zufall-9Rk2mZ") is not None


@pytest.mark.parametrize(
    "key",
    [None, 12345678901234567890, 1.5, True, ["x" * 40], {"key": "x" * 40}, object(), bytearray(40)],
    ids=lambda key: type(key).__name__,
)
def test_a_key_of_another_kind_is_refused(key: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        key_bytes("secret_key", key)
    kind = type(key).__name__
    assert str(caught.value) == f"secret_key was given {kind}; want a str or bytes of random text"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "an empty one"),
        (b"", "an empty one"),
        ("hunter2", "one of 7 characters"),
        ("k9Rq-2mZx-7vTw3", "one of 15 characters"),
        (Secret(""), "an empty one"),
        (SecretStr("hunter2"), "one of 7 characters"),
    ],
    ids=repr,
)
def test_a_short_key_is_refused_with_the_remedy(key: object, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        key_bytes("previous_keys", key)
    message = str(caught.value)
    assert message.startswith(f"previous_keys was given {said}; want at least 16 random characters")
    assert "secrets.token_urlsafe(32)" in message


GUESSABLE: Final = [
    "a" * 40,
    "abababababababababab",
    "aaaaaaaabbbbbbbb",
    "                    ",
    "changeme-changeme",
    "CHANGE_ME_PLEASE_NOW",
    "your-secret-key-here",
    "supersecretkey123",
    "secretsecretsecret",
    "password12345678",
    "thisisasecretkey",
    "this-is-not-a-secret",
    "my_super_secret_key_for_development",
    "django-insecure-secret-key",
    "0123456789012345",
    "1234567890123456",
    "9876543210987654",
    "0123456789abcdef",
    "0123456789ABCDEF0123456789abcdef",
    "abcdefghijklmnop",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "qwertyuiopasdfgh",
]


@pytest.mark.parametrize("key", GUESSABLE)
def test_a_well_known_key_is_refused_without_being_quoted(key: str) -> None:
    with pytest.raises(ConfigurationError, match="a value anyone could guess") as caught:
        key_bytes("secret_key", key)
    assert "secrets.token_urlsafe(32)" in str(caught.value)
    assert key not in str(caught.value)


def refusal(key: bytes | str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        key_bytes("secret_key", key)
    return str(caught.value)


@given(st.binary(max_size=15) | st.text(max_size=15))
def test_of_a_short_key_only_its_length_is_told(key: bytes | str) -> None:
    assert refusal(key) == refusal("x" * len(key))


@given(st.binary(min_size=32, max_size=32))
def test_what_the_error_tells_to_run_makes_a_good_key(entropy: bytes) -> None:
    if len(set(entropy)) > 20:
        made = base64.urlsafe_b64encode(entropy).rstrip(b"=")
        assert key_bytes("secret_key", made.decode()) == made
