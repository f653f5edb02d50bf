"""The context of a message, from whatever bytes a request has."""

import re
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import context
from segment_identity.context import Context

HOST: Final = {b"host": b"shop.example.com"}
MASK: Final = "[masked]"
LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def build(
    headers: dict[bytes, bytes] | None = None,
    path: bytes = b"/",
    query: bytes = b"",
    *,
    scheme: str = "https",
    server: str = "127.0.0.1",
    script: bool = False,
    ip: str | None = None,
) -> Context:
    return context.from_request(
        {**HOST, **(headers or {})},
        scheme=scheme,
        server=server,
        path=path,
        query=query,
        script=script,
        ip=ip,
    )


def page(**given_headers: Any) -> dict[str, str]:
    found: dict[str, str] = build(**given_headers)["page"]
    return found


def test_a_page_is_the_request_itself() -> None:
    found = build(
        {
            b"referer": b"https://search.example.org/?q=plants",
            b"user-agent": b"Mozilla/5.0",
            b"accept-language": b"de-DE,de;q=0.9,en;q=0.8",
        },
        b"/plants/fern",
        b"size=large",
        ip="203.0.113.0",
    )
    assert found == {
        "library": context.LIBRARY,
        "page": {
            "path": "/plants/fern",
            "referrer": "https://search.example.org/?q=plants",
            "search": "?size=large",
            "title": "",
            "url": "https://shop.example.com/plants/fern?size=large",
        },
        "ip": "203.0.113.0",
        "userAgent": "Mozilla/5.0",
        "locale": "de-DE",
    }


def test_a_scripts_page_is_its_referer() -> None:
    found = page(
        headers={b"referer": b"https://shop.example.com/plants?size=large#top"},
        path=b"/api/cart",
        query=b"x=1",
        script=True,
    )
    assert found == {
        "path": "/plants",
        "referrer": "",
        "search": "?size=large",
        "title": "",
        "url": "https://shop.example.com/plants?size=large",
    }


def test_a_scripts_referer_that_is_no_web_address_tells_no_page() -> None:
    found = page(headers={b"referer": b"about:client"}, path=b"/api/cart", script=True)
    assert found == {"path": "", "referrer": "", "search": "", "title": "", "url": ""}


def test_a_script_without_a_referer_has_only_the_request() -> None:
    assert page(path=b"/api/cart", script=True)["path"] == "/api/cart"


def test_what_is_unknown_is_left_out() -> None:
    assert build().keys() == {"library", "page"}


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        pytest.param(b"shop.example.com", "shop.example.com", id="a name"),
        pytest.param(b"shop.example.com:8443", "shop.example.com:8443", id="a port"),
        pytest.param(b"[2001:db8::1]:80", "[2001:db8::1]:80", id="IPv6"),
        pytest.param(b"", "127.0.0.1", id="empty"),
        pytest.param(b"[::1", "127.0.0.1", id="an open bracket"),
        pytest.param(b"a@b", "127.0.0.1", id="a user"),
        pytest.param(b"evil.com/path", "127.0.0.1", id="a path"),
        pytest.param(b"evil.com\r\nX: y", "127.0.0.1", id="a second header"),
        pytest.param(b"<script>", "127.0.0.1", id="markup"),
        pytest.param(b"\xff\xfe", "127.0.0.1", id="odd bytes"),
        pytest.param(b"a" * 400, "127.0.0.1", id="long"),
    ],
)
def test_only_a_host_name_is_a_host(host: bytes, wanted: str) -> None:
    assert page(headers={b"host": host})["url"] == f"https://{wanted}/"


def test_a_page_without_any_host_is_its_path() -> None:
    assert page(headers={b"host": b""}, server="", path=b"/a", query=b"b=1")["url"] == "/a?b=1"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (b"/a%20b", "/a%20b"),
        (b"/caf\xc3\xa9", "/caf%C3%A9"),
        (b"/\xff", "/%FF"),
        (b'/<b>"', "/%3Cb%3E%22"),
        (b"/a b", "/a%20b"),
        (b"/@user/:id;v=1,2", "/@user/:id;v=1,2"),
        (b"", ""),
    ],
)
def test_a_path_is_shown_in_url_letters(path: bytes, wanted: str) -> None:
    assert page(path=path)["path"] == wanted


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (b"https://example.com/a?b=1#c", "https://example.com/a?b=1"),
        (b"HTTP://Example.com", "http://Example.com"),
        (b"https://ada:secret@example.com/a", "https://example.com/a"),
        (b"https://example.com/?token=abc&a=1", f"https://example.com/?token={MASK}&a=1"),
        (b"https://example.com:8443/", "https://example.com:8443/"),
        (b"https://[2001:db8::1]/", "https://[2001:db8::1]/"),
        (b"android-app://com.example/", ""),
        (b"javascript:alert(1)", ""),
        (b"data:text/html,x", ""),
        (b"//example.com/", ""),
        (b"http://[::1", ""),
        (b"http://", ""),
        (b"http:///a", ""),
        (b"http://exa mple.com/", ""),
        (b"http://example.com\x00.evil.org/", "http://example.com.evil.org/"),
        (b"", ""),
        (b"\xff", ""),
    ],
)
def test_a_referrer_is_a_web_address_without_user_secret_and_fragment(
    raw: bytes, wanted: str
) -> None:
    assert context.link(raw) == wanted


SECRETS: Final = """
    token access_token accessToken id_token refresh-token reset_token csrfToken X-Auth-Token
    password Password passwd pwd passphrase new_password secret client_secret clientSecret apikey
    api_key api-key apiKey key code CODE state auth authorization session session_id sessionid sid
    PHPSESSID sig signature jwt otp ticket SAMLResponse nonce credential accesstoken apisecret
    userpassword user[password]
""".split()


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_in_a_query_is_masked_everywhere(name: str) -> None:
    query = f"a=1&{name}=hunter2&b=2".encode()
    referer = b"https://other.example.com/?" + query
    found = build({b"referer": referer}, query=query)
    assert found["page"]["search"] == f"?a=1&{name}={MASK}&b=2"
    assert found["page"]["url"] == f"https://shop.example.com/?a=1&{name}={MASK}&b=2"
    assert found["page"]["referrer"] == f"https://other.example.com/?a=1&{name}={MASK}&b=2"
    assert "hunter2" not in str(found)
    assert "hunter2" not in str(build({b"referer": referer}, script=True))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        pytest.param(b"token=hunter2", f"?token={MASK}", id="the first"),
        pytest.param(b"%74oken=hunter2", f"?%74oken={MASK}", id="an encoded name"),
        pytest.param(b"next=eyJhbGciOiJIUzI1.x.y", f"?next={MASK}", id="a JWT by its look"),
        pytest.param(b"next=%65yJhbGciOiJIUzI1", f"?next={MASK}", id="an encoded JWT"),
        pytest.param(
            b"next=%2Fnew%3Ftoken%3Dhunter2", f"?next={MASK}", id="a secret in an address"
        ),
        pytest.param(b"a=1;token=hunter2", f"?a={MASK}", id="a secret after a semicolon"),
        pytest.param(b"next=%2Fnew%3Fpage%3D2", "?next=%2Fnew%3Fpage%3D2", id="an address"),
        pytest.param(b"token=", f"?token={MASK}", id="an empty secret"),
        pytest.param(b"token", "?token", id="a mere name"),
        pytest.param(b"token=hunter2&token=hunter3", f"?token={MASK}&token={MASK}", id="twice"),
        pytest.param(b"zipcode=12345", "?zipcode=12345", id="a longer word"),
        pytest.param(b"keyboard=dvorak", "?keyboard=dvorak", id="a longer word with key"),
        pytest.param(b"estate=1&author=ada", "?estate=1&author=ada", id="longer words"),
        pytest.param(b"monkey=1", "?monkey=1", id="a word that ends in key"),
        pytest.param(b"q=token", "?q=token", id="a value"),
        pytest.param(b"", "", id="none"),
    ],
)
def test_what_is_masked_in_a_query(query: bytes, wanted: str) -> None:
    assert page(query=query)["search"] == wanted


CAMPAIGN: Final = (
    b"utm_source=News%20letter&utm_medium=email&utm_campaign=Spring+Sale&utm_term=fern"
    b"&utm_content=top&utm_id=7"
)


def test_a_campaign_is_told_in_segments_words() -> None:
    assert build(query=CAMPAIGN)["campaign"] == {
        "source": "News letter",
        "medium": "email",
        "name": "Spring Sale",
        "term": "fern",
        "content": "top",
        "id": "7",
    }


def test_a_scripts_campaign_is_its_pages() -> None:
    found = build({b"referer": b"https://shop.example.com/?" + CAMPAIGN}, script=True)
    assert found["campaign"]["name"] == "Spring Sale"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        pytest.param(b"utm_source=a&utm_source=b", {"source": "a"}, id="the first of two"),
        pytest.param(b"utm_source=", {"source": ""}, id="an empty one"),
        pytest.param(b"utm_source", {"source": ""}, id="a mere name"),
        pytest.param(b"UTM_SOURCE=a", None, id="capitals"),
        pytest.param(b"utm_=a&utm_1=b&utm_a%62=c", None, id="odd names"),
        pytest.param(b"xutm_source=a", None, id="a longer name"),
        pytest.param(b"utm_source=%ff%00x", {"source": "\ufffdx"}, id="odd bytes"),
        pytest.param(b"utm_source=" + b"x" * 900, {"source": "x" * 256}, id="a long one"),
        pytest.param(b"utm_source=eyJhbGciOiJIUzI1", {"source": MASK}, id="a JWT"),
        pytest.param(b"utm_token=hunter2", {"token": MASK}, id="a secret by its name"),
        pytest.param(b"a=utm_source", None, id="a value"),
    ],
)
def test_what_makes_a_campaign(query: bytes, wanted: dict[str, str] | None) -> None:
    assert build(query=query).get("campaign") == wanted


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (b"btid=123", {"id": "123", "type": "dataxu"}),
        (b"urid=456", {"id": "456", "type": "millennial-media"}),
        (b"btid=1&urid=2", {"id": "1", "type": "dataxu"}),
        (b"id=1", None),
        (b"", None),
    ],
)
def test_the_click_ids_analytics_js_knows_are_the_referrer(
    query: bytes, wanted: dict[str, str] | None
) -> None:
    assert build(query=query).get("referrer") == wanted


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (b"en-US,en;q=0.9", "en-US"),
        (b"en;q=0.5, de;q=0.9", "de"),
        (b"de, en", "de"),
        (b"en ; q=0.1 , fr-CH ;q=0.7", "fr-CH"),
        (b"zh-Hant-TW", "zh-Hant-TW"),
        (b"*", None),
        (b"*, en;q=0.5", "en"),
        (b"en;q=0", None),
        (b"en;q=x, de;q=0.1", "de"),
        (b"en;q=1e999, de;q=0.1", "de"),
        (b"<script>", None),
        (b"\xff", None),
        (b"", None),
        (b"x," * 500 + b"en", "x"),
    ],
)
def test_the_locale_is_the_preferred_language(header: bytes, wanted: str | None) -> None:
    assert build({b"accept-language": header}).get("locale") == wanted


BRANDS: Final = b'"Chromium";v="126", "Not/A)Brand";v="8"'


def test_client_hints_become_user_agent_data() -> None:
    found = build(
        {b"sec-ch-ua": BRANDS, b"sec-ch-ua-mobile": b"?1", b"sec-ch-ua-platform": b'"Android"'}
    )
    assert found["userAgentData"] == {
        "brands": [
            {"brand": "Chromium", "version": "126"},
            {"brand": "Not/A)Brand", "version": "8"},
        ],
        "mobile": True,
        "platform": "Android",
    }


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        pytest.param({b"sec-ch-ua-mobile": b"?1"}, None, id="no brands"),
        pytest.param({b"sec-ch-ua": b"oops"}, None, id="illegible brands"),
        pytest.param(
            {b"sec-ch-ua": b'"A";v="1"'},
            {"brands": [{"brand": "A", "version": "1"}], "mobile": False, "platform": ""},
            id="brands alone",
        ),
        pytest.param(
            {b"sec-ch-ua": b'"A\x85";v="1\x00"', b"sec-ch-ua-platform": b'"\xff\x1b["'},
            {"brands": [{"brand": "A", "version": "1"}], "mobile": False, "platform": "\ufffd["},
            id="odd bytes",
        ),
    ],
)
def test_client_hints_are_taken_with_care(
    headers: dict[bytes, bytes], wanted: Context | None
) -> None:
    assert build(headers).get("userAgentData") == wanted


@pytest.mark.parametrize(
    ("agent", "wanted"),
    [
        (b"Mozilla/5.0", "Mozilla/5.0"),
        (b"\x1b[31mred\r\n", "[31mred"),
        (b"\xff", "\ufffd"),
        (b"x" * 9_000, "x" * 512),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
        (b"", None),
    ],
)
def test_a_user_agent_is_clean_and_short(agent: bytes, wanted: str | None) -> None:
    assert build({b"user-agent": agent}).get("userAgent") == wanted


@pytest.mark.parametrize(
    ("given_context", "wanted"),
    [
        pytest.param({}, {"ip": "1.1.1.0", "page": {"path": "/", "url": "u"}}, id="nothing"),
        pytest.param(
            {"page": {"title": "Home"}},
            {"ip": "1.1.1.0", "page": {"path": "/", "url": "u", "title": "Home"}},
            id="part of an object",
        ),
        pytest.param(
            {"page": None, "ip": "2.2.2.2"}, {"ip": "2.2.2.2", "page": None}, id="no object"
        ),
        pytest.param(
            {"app": {"name": "x"}},
            {"ip": "1.1.1.0", "page": {"path": "/", "url": "u"}, "app": {"name": "x"}},
            id="something new",
        ),
    ],
)
def test_what_a_call_says_lies_over_the_requests_context(
    given_context: Context, wanted: Context
) -> None:
    base = {"ip": "1.1.1.0", "page": {"path": "/", "url": "u"}}
    assert context.merged(base, given_context) == wanted
    assert base == {"ip": "1.1.1.0", "page": {"path": "/", "url": "u"}}


FIELDS: Final = st.sampled_from(
    [
        b"host",
        b"referer",
        b"user-agent",
        b"accept-language",
        b"sec-ch-ua",
        b"sec-ch-ua-mobile",
        b"sec-ch-ua-platform",
    ]
)
PIECES: Final = st.sampled_from(
    [
        b"https://",
        b"[::1",
        b"@",
        b"?",
        b"&utm_source=",
        b"btid=",
        b"%ff",
        b"token=",
        b'"A";v="',
        b'"',
    ]
)
BYTES: Final = st.binary(max_size=40) | st.lists(PIECES | st.binary(max_size=4), max_size=10).map(
    b"".join
)


@given(st.dictionaries(FIELDS, BYTES), BYTES, BYTES, st.booleans())
def test_any_bytes_make_a_context_of_clean_text(
    headers: dict[bytes, bytes], path: bytes, query: bytes, script: bool
) -> None:
    found = context.from_request(
        headers, scheme="http", server="", path=path, query=query, script=script, ip=None
    )
    encoded = msgspec.json.encode(found)
    assert msgspec.json.decode(encoded) == found
    for text in texts(found):
        assert not LONE_SURROGATE.search(text)
        assert not context.CONTROL.search(text)


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("size", [3_000, 100_000, 1_000_000])
@pytest.mark.parametrize(
    "piece", [b"a", b"%", b"?", b"&a=b", b"utm_source=x&", b'"A";v="1",', b","]
)
def test_a_context_stays_small(piece: bytes, size: int) -> None:
    long = piece * (size // len(piece))
    headers = {
        b"host": long,
        b"referer": b"http://x/" + long,
        b"user-agent": long,
        b"accept-language": long,
        b"sec-ch-ua": long,
        b"sec-ch-ua-platform": long,
    }
    assert len(msgspec.json.encode(build(headers, long, long))) < 16_384
