"""Who may post here, and who is believed."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.ingest import callers
from segment_identity.ingest.callers import Keys, Standing

KEYS = Keys(frozenset({b"public-key"}), frozenset({b"secret-key"}))
LISTED = frozenset({b"https://partner.example", b"http://localhost:3000"})
HOST = (b"host", b"shop.example")


def basic(user: bytes) -> bytes:
    return b"Basic " + base64.b64encode(user)


def stands(*headers: tuple[bytes, bytes], query: bytes = b"") -> Standing:
    return callers.standing(dict([HOST, *headers]), query, KEYS, LISTED)


@pytest.mark.parametrize(
    ("site", "origin", "wanted"),
    [
        (b"same-origin", b"https://shop.example", "public"),
        (b"same-origin", None, "public"),
        (b"same-origin", b"https://other-name-behind-a-proxy", "public"),
        (b"same-site", b"https://evil.shop.example", "refused"),
        (b"cross-site", b"https://evil.example", "refused"),
        (b"cross-site", b"https://shop.example", "refused"),
        (b"none", b"https://shop.example", "refused"),
        (b"none", None, "refused"),
        (b"", b"https://shop.example", "refused"),
        (b"cross-site", b"https://partner.example", "public"),
        (b"same-site", b"http://localhost:3000", "public"),
        (b"cross-site", b"http://localhost", "refused"),
        (b"cross-site", b"https://partner.example.evil.example", "refused"),
        (b"cross-site", b"https://evilpartner.example", "refused"),
        (b"cross-site", b"null", "refused"),
        (None, b"https://shop.example", "public"),
        (None, b"http://shop.example", "public"),
        (None, b"https://shop.example:443", "public"),
        (None, b"https://SHOP.example", "public"),
        (None, b"https://shop.example:8443", "refused"),
        (None, b"https://evilshop.example", "refused"),
        (None, b"https://shop.example.evil.example", "refused"),
        (None, b"ftp://shop.example", "refused"),
        (None, b"shop.example", "refused"),
        (None, b"https://", "refused"),
        (None, b"https:///\xff", "refused"),
        (None, b"null", "refused"),
        (None, b"", "refused"),
        (None, b"https://partner.example", "public"),
    ],
)
def test_browsers_post_from_here_and_from_listed_pages(
    site: bytes | None, origin: bytes | None, wanted: Standing
) -> None:
    headers = [(b"sec-fetch-site", site), (b"origin", origin)]
    assert stands(*[(name, value) for name, value in headers if value is not None]) == wanted


def test_a_page_without_a_host_is_not_ours() -> None:
    said = callers.standing({b"origin": b"https://"}, b"", KEYS, LISTED)
    assert said == "refused"


@pytest.mark.parametrize(
    ("authorization", "wanted"),
    [
        (basic(b"secret-key:"), "secret"),
        (basic(b"secret-key"), "secret"),
        (basic(b"secret-key:more"), "secret"),
        (b"basic  " + base64.b64encode(b"secret-key:"), "secret"),
        (b"Bearer secret-key", "secret"),
        (basic(b"public-key:"), "public"),
        (b"Bearer public-key", "public"),
        (basic(b"wrong:"), "unknown"),
        (basic(b":secret-key"), "unknown"),
        (b"Basic secret-key", "unknown"),
        (b"Basic \xff\xfe", "unknown"),
        (b"Basic", "unknown"),
        (b"Digest " + base64.b64encode(b"secret-key:"), "unknown"),
        (b"Basic " + b"A" * 65_536, "unknown"),
        (b"", "unknown"),
    ],
)
def test_keys_stand_for_what_is_no_browser(authorization: bytes, wanted: Standing) -> None:
    assert stands((b"authorization", authorization)) == wanted


def test_node_names_a_mode_and_is_no_browser() -> None:
    key = (b"authorization", basic(b"secret-key:"))
    assert stands((b"sec-fetch-mode", b"cors"), key) == "secret"


@pytest.mark.parametrize("site", [b"same-origin", b"cross-site"])
def test_a_secret_in_a_page_is_none(site: bytes) -> None:
    key = (b"authorization", basic(b"secret-key:"))
    assert stands((b"sec-fetch-site", site), key) != "secret"


def test_a_beacon_has_its_key_in_the_query() -> None:
    assert stands(query=b"a=b&writeKey=public%2Dkey") == "public"
    assert stands(query=b"xwriteKey=public-key") == "unknown"


@given(st.binary(max_size=80), st.binary(max_size=60))
def test_no_bytes_raise(authorization: bytes, query: bytes) -> None:
    assert stands((b"authorization", authorization), query=query) == "unknown"
    assert stands((b"authorization", b"Basic " + authorization)) == "unknown"


@pytest.mark.parametrize("said", [None, 7, ["secret-key"], "", "x" * 257, "\ud800"])
def test_no_other_key_is_in_a_body(said: object) -> None:
    assert KEYS.trust(callers.body_key(said)) is None


def test_a_key_in_a_body_counts() -> None:
    assert KEYS.trust(callers.body_key("public-key")) == "public"


def test_keys_are_never_shown() -> None:
    assert "key" not in repr(KEYS).lower().replace("keys", "")


def test_only_a_listed_page_may_read_the_answer() -> None:
    allowed = dict(callers.cors({b"origin": b"https://partner.example"}, LISTED))
    assert allowed[b"access-control-allow-origin"] == b"https://partner.example"
    assert allowed[b"access-control-allow-credentials"] == b"true"
    assert allowed[b"vary"] == b"Origin"
    for origin in (b"https://evil.example", b"null", b"*"):
        assert dict(callers.cors({b"origin": origin}, LISTED)) == {b"vary": b"Origin"}
    assert callers.cors({b"origin": b"https://evil.example"}, frozenset()) == []


@pytest.mark.parametrize(
    ("asked", "echoed"),
    [
        (b"authorization,content-type", True),
        (b"Content-Type, AnonymousId", True),
        (b"x\r\ny", False),
        (b"x" * 513, False),
        (b"", False),
    ],
)
def test_a_listed_page_may_send_the_headers_it_asks_for(asked: bytes, echoed: bool) -> None:
    headers = {b"origin": b"https://partner.example", b"access-control-request-headers": asked}
    answer = dict(callers.preflight(headers, LISTED))
    assert (answer.get(b"access-control-allow-headers") == asked) is echoed
    assert answer[b"access-control-allow-methods"] == b"POST"
    assert callers.preflight({**headers, b"origin": b"https://evil.example"}, LISTED) == []
