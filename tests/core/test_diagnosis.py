"""What a doctor says of what was seen; tests/doctor shows it on real apps."""

from collections.abc import Iterable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.diagnosis import findings
from segment_identity.seen import Answer, Layer, Seen, SetCookie, covers, parsed

SIGNED: Final = "__Host-ajs_identity=a.b; Secure; Path=/; HttpOnly"
DEVICE: Final = "ajs_anonymous_id=7e57; Secure; Path=/"
URL: Final = "https://www.shop.example/"
TEXT: Final = st.text(max_size=40)


def answer(*cookies: str, **headers: str) -> Answer:
    """Return an answer that sets cookies; the names of headers have underscores."""
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Answer(URL, 200, (*pairs, *(("set-cookie", each) for each in cookies)))


def newcomer(number: int = 1) -> Answer:
    """Return what a healthy app gives a newcomer."""
    return answer(SIGNED.replace("a.b", f"a.{number}"), DEVICE.replace("7e57", f"7e57-{number}"))


def codes(seen: Seen) -> list[str]:
    """Return the codes of what is found."""
    return [each.code for each in findings(seen)]


def test_a_healthy_app_gives_no_finding() -> None:
    steady = tuple(answer() for _ in range(8))
    layers = (Layer("GZipMiddleware"), Layer("IdentityMiddleware", ours=True))
    seen = Seen((newcomer(1), newcomer(2)), steady, newcomer(3), layers, ("1.84.10",))
    assert codes(seen) == ["host_only"]
    wide = [
        answer(
            *(
                f"{line}{each}; Secure; Domain=shop.example"
                for line in ("ajs_identity=a.", "ajs_anonymous_id=7e57")
            )
        )
        for each in ("1", "2")
    ]
    assert codes(Seen(tuple(wide), steady, scripts=("2.0.0", "1.84.3"))) == []


@pytest.mark.parametrize(
    ("pretender", "wanted"),
    [
        (answer("ajs_identity=a.b", "ajs_anonymous_id=7e57"), ["trusts_anybody"]),
        (answer(SIGNED, DEVICE), []),
        (answer(), []),
        (None, []),
    ],
)
def test_only_cookies_that_change_with_the_claim_show_trust(
    pretender: Answer | None, wanted: list[str]
) -> None:
    assert codes(Seen((newcomer(1), newcomer(2)), (), pretender)) == wanted


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({"cache_control": "private"}, []),
        ({"cache_control": "public"}, ["cached_cookie"]),
        ({"cache_control": "s-maxage=60"}, ["cached_cookie"]),
        ({"cache_control": "private, s-maxage=60"}, []),
        ({"x_cache": "Hit from cloudfront"}, ["cached_cookie"]),
        ({"x_cache": "Miss from cloudfront"}, []),
        ({"cf_cache_status": "HIT"}, ["cached_cookie"]),
        ({"cf_cache_status": "DYNAMIC"}, []),
    ],
)
def test_a_cookie_on_what_caches_keep_is_found(headers: dict[str, str], wanted: list[str]) -> None:
    assert codes(Seen((answer(SIGNED, DEVICE, **headers),))) == wanted


def test_one_cookie_of_each_kind_lost_on_the_way_is_found() -> None:
    for left in ([DEVICE], ["ajs_sync=x; Secure"], [f"{SIGNED}, {DEVICE}"]):
        layers = (Layer("Merging"), Layer("IdentityMiddleware", ours=True))
        (found,) = findings(Seen((answer(*left),), layers=layers))
        assert found.code == "lost_cookies"
        assert "Merging" in found.what


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("a=b", SetCookie("a", "b")),
        ("a=b=c ; DOMAIN=.Shop.Example; secure", SetCookie("a", "b=c", "shop.example", True)),
        ("a=; Max-Age=0", SetCookie("a", "", deletes=True)),
        ("", SetCookie("", "")),
    ],
)
def test_cookies_are_read_as_browsers_do(line: str, wanted: SetCookie) -> None:
    assert parsed(line) == wanted


@pytest.mark.parametrize(
    ("domain", "host", "wanted"),
    [
        ("", "shop.example", True),
        ("shop.example", "shop.example", True),
        ("shop.example", "www.shop.example", True),
        ("shop.example", "myshop.example", False),
        ("www.shop.example", "shop.example", False),
    ],
)
def test_a_domain_covers_its_subdomains(domain: str, host: str, wanted: bool) -> None:
    assert covers(domain, host) is wanted


@given(st.lists(st.tuples(st.sampled_from(["set-cookie", "cache-control", "age"]), TEXT)), TEXT)
def test_no_answer_is_too_odd_to_judge(headers: Iterable[tuple[str, str]], body: str) -> None:
    odd = Answer("http://[::1]:80/", 599, tuple(headers), body)
    assert isinstance(codes(Seen((odd, odd), (odd, odd), odd)), list)
