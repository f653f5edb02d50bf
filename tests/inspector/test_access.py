"""Who may look."""

import pytest

from segment_identity.inspector.access import is_local, is_token


@pytest.mark.parametrize(
    ("peer", "host", "more", "wanted"),
    [
        ("127.0.0.1", b"localhost:8000", {}, True),
        ("127.0.0.1", b"127.0.0.1", {}, True),
        ("::1", b"[::1]:8000", {}, True),
        ("::1", b"[::1]", {}, True),
        ("127.8.9.1", b"LOCALHOST", {}, True),
        ("10.0.0.5", b"localhost", {}, False),
        (None, b"localhost", {}, False),
        ("testclient", b"localhost", {}, False),
        ("127.0.0.1", b"evil.example", {}, False),
        ("127.0.0.1", b"localhost.evil.example", {}, False),
        ("127.0.0.1", b"127.0.0.1.evil.example:80", {}, False),
        ("127.0.0.1", b"", {}, False),
        ("127.0.0.1", b"localhost", {b"x-forwarded-for": b"127.0.0.1"}, False),
        ("127.0.0.1", b"localhost", {b"forwarded": b"for=127.0.0.1"}, False),
        ("127.0.0.1", b"localhost", {b"via": b"1.1 proxy"}, False),
    ],
)
def test_only_what_was_asked_here_and_for_here_is_local(
    peer: str | None, host: bytes, more: dict[bytes, bytes], wanted: bool
) -> None:
    assert is_local(peer, {b"host": host, **more}) is wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("t0ken-of-16-chars", True), ("t0ken-of-16-char", False), ("", False), (None, False)],
)
def test_only_the_whole_token_is_the_token(given: str | None, wanted: bool) -> None:
    assert is_token(given, "t0ken-of-16-chars") is wanted
