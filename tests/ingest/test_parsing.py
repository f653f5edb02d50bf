"""Bodies become messages, or are refused as a whole."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.ingest.body import Malformed
from segment_identity.ingest.parsing import Said, parse

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)


def nested(depth: int, opening: str = '{"a":', closing: str = "}") -> bytes:
    inner = opening * depth + "1" + closing * depth
    return f'{{"event":"E","properties":{{"x":{inner}}}}}'.encode()


@given(st.dictionaries(st.sampled_from(["event", "properties", "userId", "more"]), JSON))
def test_what_was_said_is_read(said: dict[str, Any]) -> None:
    # Larger numbers than any client has are the one thing that JSON can say and this cannot.
    posted = parse(json.dumps(said).encode(), "track")
    (only,) = posted.batch
    assert isinstance(only, Said)
    assert {name: getattr(only, name) for name in said if name != "more"} == {
        name: value for name, value in said.items() if name != "more"
    }


@given(st.binary(max_size=200), st.sampled_from(["track", "batch"]))
def test_no_bytes_raise_anything_else(octets: bytes, route: Any) -> None:
    for body in (octets, b'{"batch":[' + octets + b"]}", b'{"event":"' + octets + b'"}'):
        with suppress(Malformed):
            parse(body, route)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b'"x"', b"[]", b"7", b'{"event":"E"', b'{/**/"event":"E"}', b"{}{}",
        b"{}\n{}", b")]}',\n{}", b'{"x":NaN}', b'{"x":-Infinity}',
        b'{"x":1e999}', b'\xef\xbb\xbf{}',
        '{"event":"E"}'.encode("utf-16"), b'{"event":"\xc0\xaf"}', b'{"x":' + b"9" * 4_301 + b"}",
        nested(63), nested(999), nested(100_000), nested(500, "[", "]"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(body.replace(b'"x":', b'"event":'), "track")


def test_sixty_four_levels_are_enough() -> None:
    assert parse(nested(62), "track")
    with pytest.raises(Malformed):
        parse(nested(63), "track")


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"batch":{}}', b'{"batch":null}', b'{"batch":[' + b"{}," * 2_500 + b"{}]}"],
    ids=["none", "an object", "null", "too many"],
)
def test_what_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(body, "batch")


def test_what_is_no_message_costs_the_others_of_its_batch_nothing() -> None:
    body = '{"batch":[null,1,"x",[],true,1.5,{"event":"E"}],"sentAt":"now"}'
    posted = parse(body.encode(), "batch")
    assert [isinstance(each, Said) for each in posted.batch] == [False] * 6 + [True]
    assert posted.sentAt == "now"


@pytest.mark.parametrize(
    ("escaped", "wanted"),
    [
        (r"cut \ud83d", "cut \ufffd"),
        (r"\ude00 cut", "\ufffd cut"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\ud83d\ude00 and \ud83d", "\U0001f600 and \ufffd"),
        (r"\\ud83d \ud83d", "\\ud83d \ufffd"),
        (r"\uD83D\n\u00e9", "\ufffd\n\xe9"),
    ],
)
def test_half_a_character_costs_only_itself(escaped: str, wanted: str) -> None:
    posted = parse(f'{{"event":"{escaped}"}}'.encode(), "track")
    (only,) = posted.batch
    assert isinstance(only, Said)
    assert only.event == wanted


def test_a_context_is_read_once_where_messages_say_the_same() -> None:
    same, other = '{"a":{"b":1}}', '{"a":{"b":true}}'
    items = ",".join(f'{{"context":{each}}}' for each in (same, same, other, same))
    first, second, third, last = parse(f'{{"batch":[{items},{{}}]}}'.encode(), "batch").batch[:4]
    contexts = [each.context for each in (first, second, third, last) if isinstance(each, Said)]
    assert contexts == [{"a": {"b": 1}}] * 2 + [{"a": {"b": True}}, {"a": {"b": 1}}]
    assert contexts[0] is contexts[1]
    assert type(contexts[2]["a"]["b"]) is bool


@pytest.mark.parametrize("context", ['{"a":"\xff"}', '{"a":1e999}', '{"a":[1,]}', "{]}", "[" * 999])
def test_a_context_that_is_no_json_spoils_its_batch(context: str) -> None:
    with pytest.raises(Malformed):
        parse(f'{{"batch":[{{}},{{"context":{context}}}]}}'.encode("latin-1"), "batch")


def test_a_context_that_is_too_deep_costs_the_other_messages_nothing() -> None:
    deep = '{"a":' * 70 + "1" + "}" * 70
    posted = parse(f'{{"batch":[{{"context":{deep}}},{{"context":{{}}}}]}}'.encode(), "batch")
    assert posted.batch[0] is None
    assert isinstance(posted.batch[1], Said)
