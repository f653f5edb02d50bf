"""How a visitor came, as the page they opened tells it."""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import arrivals, context
from segment_identity.attribution import Touch

from .samples import NOW

HOST: Final = b"www.shop.example"
CROSS: Final = b"cross-site"
SEARCH: Final = "https://search.example/"


def touch(
    query: bytes = b"",
    referer: bytes = b"",
    *,
    site: bytes = CROSS,
    own: tuple[str, ...] = (),
    path: bytes = b"/",
    host: bytes = HOST,
) -> Touch:
    found = context.from_request(
        {b"host": host, b"referer": referer},
        scheme="https",
        server="",
        path=path,
        query=query,
        script=False,
        ip=None,
    )
    return arrivals.touch(found, site=site, own=own, now=NOW)


def test_a_direct_visit_tells_where_it_landed_and_nothing_else() -> None:
    found = touch(path=b"/plants/fern", query=b"size=large&page=2", site=b"none")
    assert found == Touch(NOW, landing_page="https://www.shop.example/plants/fern")
    assert found.is_direct


def test_a_campaign_is_named_as_segment_names_it() -> None:
    found = touch(b"utm_source=news&utm_medium=email&utm_campaign=spring+sale&utm_id=7&utm_x_y=z")
    assert found.campaign == {
        "name": "spring sale",
        "source": "news",
        "medium": "email",
        "id": "7",
        "x_y": "z",
    }
    assert not found.is_direct


def test_a_referrer_is_kept_without_its_query() -> None:
    found = touch(referer=b"https://search.example.org/find?q=a+private+question")
    assert found.referrer == "https://search.example.org/find"
    assert not found.is_direct


@pytest.mark.parametrize("site", [b"", b"cross-site", b"none"])
@pytest.mark.parametrize(
    "referer",
    [
        b"https://www.shop.example/cart",
        b"https://shop.example/cart",
        b"https://www.shop.example:8443/cart",
        b"http://WWW.Shop.Example./",
        b"https://blog.shop.example/",
        b"https://brand.example/",
        b"https://en.brand.example/about",
        b"https://accounts.google.com/",
        b"https://www.paypal.com/checkout",
        b"https://checkout.stripe.com/c/pay",
        b"",
        b"about:blank",
        b"not a link",
    ],
)
def test_a_link_from_here_or_from_a_detour_is_no_referral(referer: bytes, site: bytes) -> None:
    assert touch(referer=referer, site=site, own=("brand.example",)).is_direct


@pytest.mark.parametrize(
    "referer",
    [
        b"https://www.google.com/",
        b"https://shop.example.evil.example/",
        b"https://notshop.example/",
        b"https://example/",
        b"https://mybrand.example/",
        b"https://[2001:db8::1]:8080/",
    ],
)
@pytest.mark.parametrize("site", [b"", b"cross-site"])
def test_a_link_from_elsewhere_is_a_referral(referer: bytes, site: bytes) -> None:
    assert not touch(referer=referer, site=site, own=("brand.example",)).is_direct


@pytest.mark.parametrize(
    ("query", "direct"),
    [
        (b"code=abc&state=xyz", True),
        (b"iss=x&state=xyz&code=abc&scope=openid", True),
        (b"code=SAVE10", False),
        (b"zipcode=1&estate=2", False),
        (b"code=abc&state=xyz&utm_source=partner", False),
    ],
)
def test_the_way_back_from_a_log_in_is_no_referral(query: bytes, direct: bool) -> None:
    assert touch(query, b"https://login.tenant.example/").is_direct is direct


@pytest.mark.parametrize("site", [b"same-origin", b"same-site"])
def test_the_browser_knows_better_than_the_hosts_whose_link_it_was(site: bytes) -> None:
    assert touch(referer=b"https://public.example/", host=b"internal:8000", site=site).is_direct


@pytest.mark.parametrize(
    ("query", "click"),
    [
        (b"gclid=Cj0KCQ-abc_def", ("gclid", "Cj0KCQ-abc_def")),
        (b"a=b&fbclid=IwAR0.x~y", ("fbclid", "IwAR0.x~y")),
        (b"ScCid=1234-5678", ("sccid", "1234-5678")),
        (b"msclkid=aaaa&gclid=bbbb", ("msclkid", "aaaa")),
        (b"urid=abcd1234", ("urid", "abcd1234")),
        (b"gclid=", (None, None)),
        (b"gclid=abc", (None, None)),
        (b"gclid=%3Cscript%3E", (None, None)),
        (b"gclid=" + b"a" * 201, (None, None)),
        (b"pid=12345678", (None, None)),
        (b"mygclid=12345678", (None, None)),
    ],
)
def test_the_click_on_an_advertisement_is_kept_whole_or_not_at_all(
    query: bytes, click: tuple[str | None, str | None]
) -> None:
    found = touch(query)
    assert (found.click_type, found.click_id) == click
    assert found.is_direct is (click == (None, None))


@given(
    st.sampled_from(["utm_source", "GCLID", "ScCid", "q", *sorted(arrivals._CLICKS)]),
    st.sampled_from(["", "https://www.shop.example/", SEARCH]),
    st.sampled_from([b"", b"same-origin", b"same-site", b"cross-site", b"none"]),
)
def test_what_may_tell_nothing_is_direct(name: str, link: str, site: bytes) -> None:
    query, referer = f"a=b&{name}=abcdefgh".encode(), link.encode()
    assert arrivals.may_tell(query, referer, site) or touch(query, referer, site=site).is_direct


@pytest.mark.parametrize("query", [b"", b"id=7&page=2", b"q=utm"])
def test_most_pages_tell_nothing(query: bytes) -> None:
    assert not arrivals.may_tell(query, b"https://www.shop.example/", b"same-origin")
    assert not arrivals.may_tell(query, b"", b"none")


def test_a_click_is_left_out_for_who_wants_no_advertiser_to_hear_of_it() -> None:
    found = arrivals.touch(
        {"page": {"search": "?gclid=abcdefgh", "url": "", "referrer": ""}},
        site=CROSS,
        own=(),
        now=NOW,
        clicks=False,
    )
    assert found == Touch(NOW)


def test_what_matters_most_is_kept_when_there_is_too_much() -> None:
    long = b"x" * 300
    fields = (b"source", b"medium", b"campaign", b"term", b"content", b"id", b"zzz")
    query = b"&".join(b"utm_" + name + b"=" + long for name in fields)
    found = touch(b"gclid=" + b"a" * 90 + b"&" + query, b"https://away.example/" + long)
    assert set(found.campaign) >= {"name", "source", "medium"}
    assert all(value == "x" * 100 for value in found.campaign.values())
    assert found.click_id == "a" * 90
    assert len(msgspec.json.encode(found)) < arrivals.ROOM + 150


def test_a_cut_never_leaves_half_a_letter() -> None:
    found = touch(b"utm_source=" + b"%C3%A9" * 99)
    assert found.campaign == {"source": "é" * 50}


def test_a_secret_of_a_url_is_not_kept() -> None:
    found = touch(
        b"utm_token=verysecret&token=verysecret&utm_source=a", b"https://u:p@away.example/"
    )
    assert b"verysecret" not in msgspec.json.encode(found)
    assert found.referrer == "https://away.example/"


@given(st.binary(max_size=600), st.binary(max_size=300), st.binary(max_size=40), st.binary())
def test_no_request_makes_it_raise_or_outgrow_a_cookie(
    query: bytes, referer: bytes, host: bytes, path: bytes
) -> None:
    found = touch(query, referer, host=host, path=path, site=b"")
    encoded = msgspec.json.encode(found)
    assert len(encoded) < arrivals.ROOM + 150
    assert msgspec.json.decode(encoded, type=Touch) == found


utm: Final = st.dictionaries(
    st.sampled_from(["source", "medium", "campaign", "id", "q", "zz"]), st.text()
)


@given(utm, st.text(max_size=400), st.text(max_size=400))
def test_any_text_fits(campaign: dict[str, str], url: str, link: str) -> None:
    page: dict[str, Any] = {"page": {"url": url, "referrer": link, "search": url}}
    found = arrivals.touch({**page, "campaign": campaign}, site=b"", own=(), now=NOW)
    assert len(msgspec.json.encode(found)) < arrivals.ROOM + 150


@pytest.mark.parametrize("said", [{}, {"page": {}}, {"library": {}}])
def test_a_context_without_a_page_is_a_direct_visit(said: dict[str, Any]) -> None:
    assert arrivals.touch(said, site=b"", own=(), now=NOW) == Touch(NOW)
