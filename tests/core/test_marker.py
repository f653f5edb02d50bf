"""The marker, by which server and page tell each other who changed an identity."""

import json
from typing import Final
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import marker
from segment_identity.marker import Marker

from .samples import ANON, OTHER, valid_ids

MARKER: Final = Marker(ANON, "ada", None, settled=True)


def test_the_marker_is_percent_encoded_json() -> None:
    assert marker.dumps(MARKER) == (
        b"{%22anonymousId%22:%22bd077b70-816b-448b-ae79-2f5f7d856513%22%2C%22userId%22:%22ada%22"
        b"%2C%22groupId%22:null%2C%22settled%22:true}"
    )


@given(st.none() | valid_ids(), st.none() | valid_ids(), st.booleans())
def test_a_script_reads_the_ids_from_the_marker(
    user_id: str | None, group_id: str | None, settled: bool
) -> None:
    written = marker.dumps(Marker(ANON, user_id, group_id, settled)).decode("ascii")
    assert not set(written) & set(';, "\\\t\r\n')
    assert json.loads(unquote(written)) == {
        "anonymousId": ANON,
        "userId": user_id,
        "groupId": group_id,
        "settled": settled,
    }


@given(st.none() | valid_ids(), st.none() | valid_ids(), st.booleans())
def test_a_marker_comes_back_as_it_went(
    user_id: str | None, group_id: str | None, settled: bool
) -> None:
    told = Marker(ANON, user_id, group_id, settled)
    assert marker.loads([marker.dumps(told)]) == (told, None)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        pytest.param([], (None, None), id="none"),
        pytest.param([marker.dumps(MARKER)], (MARKER, None), id="ours"),
        pytest.param([b"{}"], (None, None), id="an empty object is no marker"),
        pytest.param(
            [b'{"anonymousId":"%s","more":[1]}' % ANON.encode()],
            (Marker(ANON), None),
            id="unknown parts are ignored",
        ),
        pytest.param([b'{"replaced":"abcdefgh"}'], (None, "abcdefgh"), id="the page's answer"),
        pytest.param(
            [b"{%22replaced%22:%22abcdefgh%22}"], (None, "abcdefgh"), id="an encoded answer"
        ),
        pytest.param(
            [b"oops", marker.dumps(MARKER)], (MARKER, None), id="the first one that is legible"
        ),
        pytest.param(
            [marker.dumps(MARKER), marker.dumps(Marker(OTHER))], (MARKER, None), id="the first"
        ),
        pytest.param([b'{"anonymousId":7}'], (None, None), id="another type"),
        pytest.param([b'{"settled":"yes"}'], (None, None), id="settled is no text"),
        pytest.param([b'{"replaced":7}'], (None, None), id="an answer of another type"),
        pytest.param([b"1", b"null", b"[]", b""], (None, None), id="no objects"),
        pytest.param([b"[" * 4_000], (None, None), id="deep"),
        pytest.param([b'{"anonymousId":"\xff"}'], (None, None), id="not UTF-8"),
        pytest.param([b"{%22anonymousId%22:%22%ff%22}"], (None, None), id="encoded, not UTF-8"),
        pytest.param([b'{"replaced":"%C0%AF"}'], (None, None), id="an overlong answer"),
    ],
)
def test_the_marker_is_read(values: list[bytes], wanted: tuple[Marker | None, str | None]) -> None:
    assert marker.loads(values) == wanted


FIELDS: Final = st.sampled_from((b"anonymousId", b"userId", b"settled", b"replaced", b"else"))
OBJECTS: Final = st.builds(
    lambda name, value: b'{"' + name + b'":"' + value + b'"}', FIELDS, st.binary(max_size=6)
)


@given(st.lists(OBJECTS | st.binary(max_size=40), max_size=3))
def test_any_bytes_can_be_a_marker(values: list[bytes]) -> None:
    standing, replaced = marker.loads(values)
    assert standing is None or replaced is None
