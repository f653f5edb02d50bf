"""Keys, flaws and offsets of Kafka records."""

import json
from typing import Any

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


@pytest.mark.parametrize(
    ("done", "offsets"),
    [
        ([], {}),
        ([(0, 5, True), (0, 6, True)], {0: 7}),
        ([(0, 5, True), (0, 6, False), (0, 7, True)], {0: 6}),
        ([(0, 5, False), (0, 6, True)], {}),
        ([(0, 5, False), (3, 9, True), (3, 12, True)], {3: 13}),
    ],
)
def test_an_offset_moves_up_to_the_first_record_still_to_be_done(
    done: list[tuple[int, int, bool]], offsets: dict[int, int]
) -> None:
    assert records.committable(done) == offsets


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans())))
def test_no_record_is_passed_over(marks: list[tuple[int, bool]]) -> None:
    rows: list[Any] = [(where, at, done) for at, (where, done) in enumerate(marks)]
    offsets = records.committable(rows)
    assert all(done or at >= offsets.get(where, 0) for where, at, done in rows)
