"""What trusted proxies say of the client, and how little is told of its address."""

import ipaddress
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import proxies
from segment_identity.errors import ConfigurationError
from segment_identity.proxies import Address, TrustedProxies

NETWORKS: Final = proxies.trusted_proxies(["10.0.0.0/8", "2001:db8::/32"])


def text(address: Address | None) -> str | None:
    return None if address is None else str(address)


@pytest.mark.parametrize(
    ("given_value", "wanted"),
    [
        (0, 0),
        (2, 2),
        ([], ()),
        (["10.0.0.0/8"], (ipaddress.ip_network("10.0.0.0/8"),)),
        (("10.0.0.1/8",), (ipaddress.ip_network("10.0.0.0/8"),)),
        (["::1"], (ipaddress.ip_network("::1/128"),)),
    ],
    ids=repr,
)
def test_the_option_is_hops_or_networks(given_value: object, wanted: TrustedProxies) -> None:
    assert proxies.trusted_proxies(given_value) == wanted


@pytest.mark.parametrize(
    "value",
    [-1, 65, True, False, None, 1.0, "10.0.0.0/8", b"10.0.0.0/8", "*", ["*"], ["proxy"], [None]],
    ids=repr,
)
def test_another_option_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="want the number of proxies"):
        proxies.trusted_proxies(value)


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        (" 203.0.113.9\t", "203.0.113.9"),
        ("203.0.113.9:8080", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ("", None),
        ("unknown", None),
        ("_hidden", None),
        ("[2001:db8::1", None),
        ("203.0.113", None),
        ("203.0.113.09", None),
        ("203.0.113.256", None),
        ('"203.0.113.9"', None),
        ("<script>", None),
        ("203.0.113.9\x00", None),
        ("\u0661.1.1.1", None),
        ("1" * 100, None),
        ("localhost", None),
        ("testclient", None),
    ],
)
def test_an_address_is_read_or_it_is_none(raw: str, wanted: str | None) -> None:
    assert text(proxies.parse(raw)) == wanted


PEER: Final = "10.0.0.9"


@pytest.mark.parametrize(
    ("trusted", "forwarded", "wanted"),
    [
        pytest.param(0, b"6.6.6.6", PEER, id="nobody trusted: the header is ignored"),
        pytest.param(1, b"6.6.6.6, 203.0.113.9", "203.0.113.9", id="one hop: the last"),
        pytest.param(2, b"6.6.6.6, 203.0.113.9, 10.1.1.1", "203.0.113.9", id="two hops"),
        pytest.param(2, b"203.0.113.9", "203.0.113.9", id="fewer hops than said"),
        pytest.param(1, b"", PEER, id="one hop and no header"),
        pytest.param(1, b"6.6.6.6, unknown", None, id="no address, no guess"),
        pytest.param(1, b"6.6.6.6, ", None, id="empty, no guess"),
        pytest.param(1, b"[2001:db8::7]:443", "2001:db8::7", id="brackets and port"),
        pytest.param(1, b"\xff\xfe", None, id="odd bytes"),
        pytest.param(1, b"1.1.1.1," * 2_000, PEER, id="a header too long is ignored"),
        pytest.param(1, b",".join([b"1.1.1.1"] * 900), "1.1.1.1", id="many hops"),
        pytest.param(NETWORKS, b"6.6.6.6, 203.0.113.9", "203.0.113.9", id="the first stranger"),
        pytest.param(
            NETWORKS, b"6.6.6.6, 203.0.113.9, 10.2.2.2, 2001:db8::5", "203.0.113.9", id="several"
        ),
        pytest.param(NETWORKS, b"6.6.6.6, unknown, 10.2.2.2", None, id="a stranger without a name"),
        pytest.param(NETWORKS, b"10.3.3.3, 10.2.2.2", "10.3.3.3", id="all trusted: the first"),
        pytest.param(NETWORKS, b"::ffff:10.2.2.2", "10.2.2.2", id="v4-mapped is in a v4 network"),
    ],
)
def test_the_client_is_the_last_hop_nobody_vouches_for(
    trusted: TrustedProxies, forwarded: bytes, wanted: str | None
) -> None:
    assert text(proxies.client_address(PEER, forwarded, trusted)) == wanted


def test_a_stranger_cannot_speak_for_others() -> None:
    assert text(proxies.client_address("203.0.113.9", b"6.6.6.6", NETWORKS)) == "203.0.113.9"


@pytest.mark.parametrize("peer", [None, "", "testclient", "/run/app.sock", "<script>"])
def test_a_peer_without_an_address_has_none(peer: str | None) -> None:
    assert proxies.client_address(peer, b"", 0) is None


@given(
    st.ip_addresses(),
    st.lists(st.binary(max_size=20), max_size=5),
    st.ip_addresses(),
    st.integers(1, 4),
)
def test_a_client_cannot_choose_the_hop_that_is_read(
    peer: Address, forged: list[bytes], client: Address, hops: int
) -> None:
    """Whatever it sends comes before what the proxies add."""
    added = [str(client).encode(), *[b"10.0.0.1"] * (hops - 1)]
    forwarded = b",".join([*(each.replace(b",", b"") for each in forged), *added])
    found = proxies.client_address(str(peer), forwarded, hops)
    assert found == proxies.parse(str(client))


@given(st.none() | st.text(max_size=70), st.binary(max_size=120), st.integers(0, 3))
def test_any_header_gives_an_address_or_none(peer: str | None, forwarded: bytes, hops: int) -> None:
    for trusted in (hops, NETWORKS):
        found = proxies.client_address(peer, forwarded, trusted)
        assert found is None or ipaddress.ip_address(str(found)) == found
        assert proxies.is_secure("http", peer, forwarded, trusted) in (True, False)


@pytest.mark.parametrize(
    ("scheme", "peer", "forwarded", "trusted", "wanted"),
    [
        pytest.param("https", PEER, b"", 0, True, id="https"),
        pytest.param("wss", PEER, b"", 0, True, id="wss"),
        pytest.param("http", PEER, b"", 0, False, id="http"),
        pytest.param("http", PEER, b"https", 0, False, id="nobody trusted"),
        pytest.param("http", PEER, b"https", 1, True, id="one proxy"),
        pytest.param("http", PEER, b" HTTPS ", 1, True, id="blanks and capitals"),
        pytest.param("https", PEER, b"http", 1, False, id="one proxy says http"),
        pytest.param("http", PEER, b"https, http", 1, False, id="a forged first word"),
        pytest.param("http", PEER, b"https, http", 2, True, id="two proxies"),
        pytest.param("http", PEER, b"https", 2, True, id="two proxies, one word"),
        pytest.param("https", PEER, b"", 1, True, id="a silent proxy"),
        pytest.param("http", PEER, b"https", NETWORKS, True, id="a trusted peer"),
        pytest.param("http", "203.0.113.9", b"https", NETWORKS, False, id="a stranger"),
        pytest.param("http", None, b"https", NETWORKS, False, id="no peer"),
    ],
)
def test_https_is_believed_of_trusted_proxies_only(
    scheme: str, peer: str | None, forwarded: bytes, trusted: TrustedProxies, wanted: bool
) -> None:
    assert proxies.is_secure(scheme, peer, forwarded, trusted) is wanted


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("203.0.113.9", "203.0.113.0"),
        ("203.0.113.255", "203.0.113.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::1", "::"),
        ("::ffff:203.0.113.9", "203.0.113.0"),
    ],
)
def test_a_masked_address_keeps_its_network(address: str, wanted: str) -> None:
    assert proxies.shown(proxies.parse(address), "mask") == wanted


def test_an_address_can_be_shown_whole_or_not_at_all() -> None:
    address = proxies.parse("203.0.113.9")
    assert proxies.shown(address, "full") == "203.0.113.9"
    assert proxies.shown(address, "none") is None
    assert proxies.shown(None, "full") is None
    assert proxies.shown(None, "mask") is None


@given(st.ip_addresses())
def test_a_mask_tells_no_two_hosts_of_a_network_apart(address: Address) -> None:
    masked = proxies.shown(address, "mask")
    assert masked is not None
    hidden = 8 if address.version == 4 else 80
    assert int(ipaddress.ip_address(masked)) == int(address) >> hidden << hidden


@given(st.ip_addresses(v=4))
def test_a_v4_address_is_masked_the_same_when_it_comes_as_v6(address: Address) -> None:
    mapped = proxies.parse(f"::ffff:{address}")
    assert proxies.shown(mapped, "mask") == proxies.shown(address, "mask")
