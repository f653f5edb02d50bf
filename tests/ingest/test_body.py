"""A body is put together within its bounds, whatever its pieces are."""

import gzip
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.ingest.body import Body, Malformed, is_form, is_gzipped


def put(pieces: list[bytes], *, limit: int = 1_000, gzipped: bool = False) -> bytes:
    body = Body(limit, gzipped=gzipped)
    for piece in pieces:
        body.put(piece)
    return body.whole()


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_a_body_is_its_pieces(pieces: list[bytes]) -> None:
    assert put(pieces) == b"".join(pieces)


@given(st.binary(max_size=900), st.integers(1, 50))
def test_a_packed_body_is_unpacked_wherever_it_is_cut(plain: bytes, size: int) -> None:
    packed = gzip.compress(plain)
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert put(pieces, gzipped=True) == plain


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(octets: bytes) -> None:
    with suppress(Malformed):
        put([octets], gzipped=True)


@pytest.mark.parametrize("gzipped", [False, True])
def test_the_limit_is_the_last_byte_taken(gzipped: bool) -> None:
    pack = gzip.compress if gzipped else bytes
    assert put([pack(b"x" * 1_000)], gzipped=gzipped) == b"x" * 1_000
    with pytest.raises(Malformed):
        put([pack(b"x" * 1_001)], gzipped=gzipped)


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(b"{}")[:-1],
        gzip.compress(b"{}")[:-8],
        gzip.compress(b"{}") + b"rubbish",
        gzip.compress(b"{}") + gzip.compress(b"{}"),
        zlib.compress(b"{}"),
        b"{}",
        b"",
        b"\x1f\x8b",
    ],
    ids=["short", "shorter", "rubbish after", "two members", "zlib", "plain", "empty", "magic"],
)
def test_what_is_not_one_whole_gzip_is_refused(packed: bytes) -> None:
    with pytest.raises(Malformed):
        put([packed], gzipped=True)


@pytest.mark.parametrize("piece", [b"", b"x"])
def test_pieces_come_to_an_end(piece: bytes) -> None:
    body = Body(1_000_000, gzipped=False)
    for _ in range(1_000):
        body.put(piece)
    with pytest.raises(Malformed):
        body.put(piece)


def test_a_bomb_takes_no_room() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            put([bomb], limit=500 * 1_024, gzipped=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("encoding", "wanted"),
    [(b"", False), (b"identity", False), (b"gzip", True), (b" GZIP ", True)],
)
def test_gzip_is_known(encoding: bytes, wanted: bool) -> None:
    assert is_gzipped(encoding) is wanted


@pytest.mark.parametrize("encoding", [b"br", b"deflate", b"gzip, gzip", b"gzip,br", b"x" * 9_999])
def test_another_encoding_is_refused(encoding: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        is_gzipped(encoding)
    assert caught.value.status == 415


@pytest.mark.parametrize(
    ("content_type", "wanted"),
    [
        (b"application/x-www-form-urlencoded", True),
        (b"Multipart/Form-Data; boundary=x", True),
        (b"text/plain;charset=UTF-8", False),
        (b"application/json", False),
        (b"", False),
    ],
)
def test_forms_are_known(content_type: bytes, wanted: bool) -> None:
    assert is_form(content_type) is wanted
