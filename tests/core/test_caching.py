"""One visitor's cookies stay out of everybody's cache."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import caching
from segment_identity.caching import Headers

TYPE: Final = (b"content-type", b"text/html")


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        (100, False),
        (101, False),
        (103, False),
        (200, True),
        (201, True),
        (204, True),
        (206, False),
        (301, True),
        (303, True),
        (304, False),
        (404, True),
        (500, True),
    ],
)
def test_some_statuses_carry_no_cookies(status: int, wanted: bool) -> None:
    assert caching.may_carry_cookies(status, [TYPE]) is wanted


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        pytest.param([], True, id="none"),
        pytest.param([(b"cache-control", b"no-store")], True, id="no-store"),
        pytest.param([(b"cache-control", b"private, max-age=60")], True, id="private"),
        pytest.param([(b"cache-control", b"max-age=60")], True, id="max-age"),
        pytest.param([(b"cache-control", b"no-cache")], True, id="no-cache"),
        pytest.param([(b"cache-control", b"public")], False, id="public"),
        pytest.param([(b"cache-control", b"public, max-age=60")], False, id="public first"),
        pytest.param([(b"cache-control", b"max-age=60 ,\tPUBLIC")], False, id="public last"),
        pytest.param([(b"Cache-Control", b"public")], False, id="a name in capitals"),
        pytest.param([(b"cache-control", b"s-maxage=60")], False, id="s-maxage"),
        pytest.param([(b"cache-control", b"s-maxage = 60")], False, id="s-maxage with blanks"),
        pytest.param([(b"cache-control", b"max-age=9, immutable")], False, id="immutable"),
        pytest.param(
            [(b"cache-control", b"max-age=60"), (b"cache-control", b"public")],
            False,
            id="in the second line",
        ),
        pytest.param([(b"cdn-cache-control", b"max-age=60")], False, id="CDN-Cache-Control"),
        pytest.param([(b"surrogate-control", b"max-age=60")], False, id="Surrogate-Control"),
        pytest.param([(b"cloudflare-cdn-cache-control", b"x")], False, id="Cloudflare's own"),
        pytest.param([(b"cache-control", b"publicity=1")], True, id="a longer word"),
        pytest.param([(b"x-cache-control", b"public")], True, id="another header"),
        pytest.param([(b"cache-control", b"")], True, id="empty"),
        pytest.param([(b"cache-control", b"\xff, public")], False, id="with odd bytes"),
    ],
)
def test_what_shared_caches_may_keep_carries_no_cookies(headers: Headers, wanted: bool) -> None:
    assert caching.may_carry_cookies(200, [TYPE, *headers]) is wanted


def joined(headers: Headers, wanted: bytes) -> bytes:
    return b" | ".join(value for name, value in headers if name.lower() == wanted)


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        pytest.param([], b"private", id="none"),
        pytest.param([b""], b"private", id="empty"),
        pytest.param([b"max-age=60"], b"max-age=60, private", id="max-age"),
        pytest.param([b"no-cache"], b"no-cache, private", id="no-cache"),
        pytest.param([b"private, max-age=60"], b"private, max-age=60", id="private already"),
        pytest.param([b"PRIVATE"], b"PRIVATE", id="in capitals"),
        pytest.param([b"no-store"], b"no-store", id="no-store is stricter"),
        pytest.param([b"max-age=60", b"no-cache"], b"max-age=60, no-cache, private", id="lines"),
        pytest.param(
            [b'private="x-user"'],
            b'private="x-user", private',
            id="private for one field keeps nothing else out (RFC 9111 section 5.2.2.7)",
        ),
    ],
)
def test_private_is_added_once(before: list[bytes], wanted: bytes) -> None:
    headers = [TYPE, *((b"cache-control", value) for value in before)]
    assert joined(caching.keep_private(headers), b"cache-control") == wanted


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        pytest.param([], b"Cookie", id="none"),
        pytest.param([b"Accept-Encoding"], b"Accept-Encoding, Cookie", id="another"),
        pytest.param([b"cookie"], b"cookie", id="cookie already"),
        pytest.param([b"Accept,Cookie"], b"Accept,Cookie", id="among others"),
        pytest.param([b"*"], b"*", id="everything"),
        pytest.param([b"Accept", b"Origin"], b"Accept, Origin, Cookie", id="lines"),
        pytest.param([b"X-Cookie"], b"X-Cookie, Cookie", id="a longer name"),
    ],
)
def test_vary_names_the_cookie_once(before: list[bytes], wanted: bytes) -> None:
    headers = [TYPE, *((b"vary", value) for value in before)]
    assert joined(caching.keep_private(headers), b"vary") == wanted


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([TYPE, (b"content-length", b"2")], id="plain"),
        pytest.param([TYPE, (b"x-own", b"1"), (b"X-Own", b"2")], id="others"),
        pytest.param([(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")], id="cookies"),
        pytest.param([], id="none"),
    ],
)
def test_the_apps_other_headers_stay_as_they_are(headers: Headers) -> None:
    before = list(headers)
    after = caching.keep_private(headers)
    assert headers == before
    assert after == [*before, (b"cache-control", b"private"), (b"vary", b"Cookie")]


TOKENS: Final = st.sampled_from(
    [b"max-age=60", b"no-cache", b"private", b"no-store", b"Cookie", b"Accept", b"*", b""]
)
HEADERS: Final = st.lists(
    st.tuples(
        st.sampled_from([b"cache-control", b"vary", b"etag", b"Cache-Control", b"content-type"]),
        st.lists(TOKENS, max_size=3).map(b", ".join) | st.binary(max_size=8),
    ),
    max_size=6,
)


@given(HEADERS)
def test_keeping_private_twice_changes_nothing_more(headers: Headers) -> None:
    once = caching.keep_private(headers)
    assert caching.keep_private(once) == once
    assert sum(name.lower() == b"cache-control" for name, _ in once) == 1
    assert sum(name.lower() == b"vary" for name, _ in once) == 1


LINES: Final = [b"ajs_anonymous_id=a; Path=/", b"ajs_user_id=; Max-Age=0", b"ajs_user_id=b; Path=/"]


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        pytest.param([], LINES, id="none"),
        pytest.param([(b"set-cookie", b"session=1")], LINES, id="another"),
        pytest.param([(b"set-cookie", b"ajs_user_id=mine; Path=/")], LINES[:1], id="one of ours"),
        pytest.param([(b"Set-Cookie", b" ajs_anonymous_id =x")], LINES[1:], id="with blanks"),
        pytest.param([(b"set-cookie", b"ajs_user_id_2=x")], LINES, id="a longer name"),
    ],
)
def test_a_cookie_the_app_sets_itself_is_left_to_it(headers: Headers, wanted: list[bytes]) -> None:
    assert caching.without_those_set(LINES, headers) == wanted


@given(HEADERS | st.lists(st.tuples(st.sampled_from([b"content-type", b"location"]), st.binary())))
def test_cookies_come_after_the_headers_of_the_app(headers: Headers) -> None:
    after = caching.with_cookies(headers, LINES)
    assert after[:-3] == caching.keep_private(headers)
    assert after[-3:] == [(b"set-cookie", line) for line in LINES]


def test_a_cookie_the_app_sets_itself_is_set_once() -> None:
    after = caching.with_cookies([TYPE, (b"set-cookie", b"ajs_user_id=mine")], LINES)
    assert [value for name, value in after if name == b"set-cookie"] == [
        b"ajs_user_id=mine",
        LINES[0],
    ]
