"""The keys and the flaws of Kafka records."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import records


@pytest.mark.parametrize(
    ("event", "key"),
    [
        ({"anonymousId": "a-1", "userId": "u-1", "messageId": "m-1"}, b"a-1"),
        ({"anonymousId": None, "userId": "u-1", "messageId": "m-1"}, b"u-1"),
        ({"anonymousId": "", "userId": "ü", "messageId": "m-1"}, "ü".encode()),
        ({"anonymousId": 7, "messageId": "m-1"}, b"m-1"),
        ({"messageId": {}}, None),
        ({}, None),
        ([], None),
    ],
)
def test_the_key_is_who_it_is_about(event: object, key: bytes | None) -> None:
    assert records.key(json.dumps(event).encode()) == key


@given(st.binary())
def test_any_bytes_have_a_key_or_none(event: bytes) -> None:
    records.key(event)
    records.flaw(event)


@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        (b'{"type":"track","messageId":"m-1"}', None),
        (b'{"type":"alias","messageId":"m-1","more":[1,2]}', None),
        (None, "empty"),
        (b"", "empty"),
        (b"{", "not_json"),
        (b'{"type":"track","messageId":"\xff"}', "not_json"),
        (b"\x00\x00\x00\x00\x07avro", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"type":"track","messageId":"m-1"}{}', "not_json"),
        (b"[]", "not_an_object"),
        (b'"track"', "not_an_object"),
        (b'{"messageId":"m-1"}', "unknown_type"),
        (b'{"type":"order","messageId":"m-1"}', "unknown_type"),
        (b'{"type":["track"],"messageId":"m-1"}', "unknown_type"),
        (b'{"type":"track"}', "no_message_id"),
        (b'{"type":"track","messageId":""}', "no_message_id"),
        (b'{"type":"track","messageId":7}', "no_message_id"),
    ],
)
def test_what_is_no_message_is_told_why(value: bytes | None, flaw: str | None) -> None:
    assert records.flaw(value) == flaw
