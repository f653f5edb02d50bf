"""What trusted proxies say: the client's IP address, masked, and the scheme it used."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal

from segment_identity.errors import ConfigurationError

IpPolicy = Literal["mask", "full", "none"]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# How many proxies stand in front, or which networks they are in.
TrustedProxies = int | tuple[Network, ...]

_MAX_HEADER: Final = 8_192
_MAX_HOPS: Final = 64


def trusted_proxies(value: object) -> TrustedProxies:
    """Check the option of that name: a number of hops, or networks such as `"10.0.0.0/8"`."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_HOPS:
        return value
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        try:
            return tuple(ipaddress.ip_network(each, strict=False) for each in value)
        except (TypeError, ValueError):
            pass
    raise ConfigurationError(
        f"trusted_proxies was given {value!r}; want the number of proxies in front of the app "
        "or a list of networks such as ['10.0.0.0/8']"
    )


def client_address(peer: str | None, forwarded: bytes, trusted: TrustedProxies) -> Address | None:
    """Return the address of the client: the last hop that no trusted proxy vouches for.

    *forwarded* is all X-Forwarded-For lines joined with commas; it is ignored unless a proxy is
    trusted. What is not an address is None, never a guess.
    """
    own = parse(peer or "")
    if not trusted or len(forwarded) > _MAX_HEADER:
        return own
    hops = [parse(each) for each in forwarded.decode("latin-1").split(",")[-_MAX_HOPS:]]
    chain: list[Address | None] = [*(hops if forwarded else []), own]
    if isinstance(trusted, int):
        return chain[max(-len(chain), -1 - trusted)]
    for address in reversed(chain):
        if address is None or not any(address in network for network in trusted):
            return address
    return chain[0]


def is_secure(scheme: str, peer: str | None, forwarded: bytes, trusted: TrustedProxies) -> bool:
    """Tell whether the browser used https; X-Forwarded-Proto counts only from a trusted proxy."""
    if trusted and forwarded:
        said = [each.strip().lower() for each in forwarded[:_MAX_HEADER].split(b",")]
        own = parse(peer or "")
        if isinstance(trusted, int):
            return said[max(-len(said), -trusted)] == b"https"
        if own is not None and any(own in network for network in trusted):
            return said[-1] == b"https"
    return scheme in ("https", "wss")


@lru_cache(maxsize=1_024)
def parse(text: str) -> Address | None:
    """Return the address in *text*, without port, brackets and zone; v4-mapped becomes v4."""
    text = text.strip(" \t")
    if not text or len(text) > 64 or not text.isascii():
        return None
    if text.startswith("["):
        text, closed, _ = text[1:].partition("]")
        if not closed:
            return None
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=1_024)
def shown(address: Address | None, policy: IpPolicy) -> str | None:
    """Return what an event may say of *address*: /24 and /48 when masked."""
    if address is None or policy == "none":
        return None
    if policy == "full":
        return str(address)
    kept = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, kept), strict=False).network_address)
