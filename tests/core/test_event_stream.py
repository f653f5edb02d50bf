"""What is read from an inspector's stream."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.event_stream import Heard, heard

STREAM: Final = b"""retry: 2000

id: 7
data: {"n": 1}

: up to date

: still here

id: 8
data: {"n": 2}

"""


def lines(text: bytes) -> list[bytes]:
    return text.splitlines(keepends=True)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_events_have_numbers_and_what_was_kept_has_an_end(ending: bytes) -> None:
    assert list(heard(lines(STREAM.replace(b"\n", ending)))) == [
        Heard(7, b'{"n": 1}'),
        Heard(7, None),
        Heard(8, b'{"n": 2}'),
    ]


def test_an_event_that_is_cut_off_is_none() -> None:
    assert list(heard(lines(STREAM.rstrip(b"\n")))) == list(heard(lines(STREAM)))[:2]


def test_what_another_server_may_say_is_read_as_the_standard_has_it() -> None:
    text = b'event: x\nid: later\nid:3\ndata:{"n":\ndata: 1}\n\ndata\n\nid: 1\n\n'
    assert list(heard(lines(text))) == [Heard(3, b'{"n":\n1}')]


@given(st.binary())
def test_any_stream_is_read(text: bytes) -> None:
    for each in heard(lines(text)):
        assert each.data is None or each.data
        assert each.number >= 0
