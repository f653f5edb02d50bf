"""Read from the page that somebody opened how they came to it.

* A link from the site itself is no arrival, nor one from a domain that the app names, nor the way
  back from a payment page or a log-in, which OAuth marks by a code and a state. Browsers say
  whether a link came from the same site (`Sec-Fetch-Site`), which needs no list; for those that do
  not, the hosts are compared.
* What is read has to fit a cookie, so each value and the whole are bounded, and what matters least
  is left out. A click id that was cut would be worth nothing, so it is whole or absent.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from segment_identity.attribution import Touch, host

# Bytes of JSON that the values of one touch may take, with their names.
ROOM: Final = 500

_MAX_VALUE: Final = 100
_MAX_LINK: Final = 160
_CLICK_ID: Final = re.compile(r"[A-Za-z0-9_.~-]{4,200}")
# Where advertisers put the id of a click.
_CLICKS: Final = frozenset(
    """
    btid dclid epik fbclid gbraid gclid li_fat_id msclkid rdt_cid sccid ttclid twclid urid wbraid
    """.split()
)
_TELLING: Final = re.compile(f"utm_|(?:{'|'.join(_CLICKS)})=".encode(), re.IGNORECASE)
# Of a campaign, what matters most comes first; Segment calls utm_campaign its name.
_FIRST: Final = ("name", "source", "medium")
_THEN: Final = ("id", "term", "content")
_WAY_BACK: Final = frozenset({"code", "state"})
_SAME: Final = (b"same-origin", b"same-site")
# Where people are sent for a moment, to log in or to pay.
_IN_BETWEEN: Final = (
    "accounts.google.com",
    "appleid.apple.com",
    "checkout.stripe.com",
    "login.live.com",
    "login.microsoftonline.com",
    "paypal.com",
)


def may_tell(query: bytes, referer: bytes, site: bytes) -> bool:
    """Tell, at little cost, whether a page may tell where its visitor came from."""
    foreign = bool(referer) and site not in _SAME
    return foreign or (bool(query) and _TELLING.search(query) is not None)


def touch(
    context: Mapping[str, Any],
    *,
    site: bytes,
    own: Collection[str],
    now: float,
    clicks: bool = True,
) -> Touch:
    """Return the arrival by the page in *context*, as `context.from_request` builds it.

    *site* is what Sec-Fetch-Site said, or empty; links from the domains in *own* do not count.
    *clicks* False says that the visitor wants no advertiser to hear of them.
    """
    page = context.get("page") or {}
    url, link, search = (page.get(name, "") for name in ("url", "referrer", "search"))
    foreign = _is_foreign(link, url, site, own) and not _is_way_back(search)
    return _fitting(
        int(now),
        context.get("campaign") or {},
        _click(search) if clicks else {},
        _bare(link) if foreign else None,
        _bare(url),
    )


def _is_foreign(link: str, url: str, site: bytes, own: Collection[str]) -> bool:
    """Tell whether *link* leads from another site to *url*."""
    came_from = host(link)
    if not came_from or site in _SAME:
        return False
    domains = (host(url), *own, *_IN_BETWEEN)
    return not any(_is_within(came_from, domain) for domain in domains)


def _is_way_back(search: str) -> bool:
    """Tell whether a log-in elsewhere sent the visitor back (RFC 6749 section 4.1.2)."""
    if "code=" not in search:
        return False
    return {part.partition("=")[0] for part in search.removeprefix("?").split("&")} >= _WAY_BACK


def _is_within(name: str, domain: str) -> bool:
    return bool(domain) and (name == domain or name.endswith("." + domain))


def _click(search: str) -> dict[str, str]:
    for part in search.removeprefix("?").split("&"):
        name, _, value = part.partition("=")
        lowered = name.lower()
        if lowered in _CLICKS and _CLICK_ID.fullmatch(value):
            return {"click_type": lowered, "click_id": value}
    return {}


def _fitting(
    time: int,
    campaign: Mapping[str, str],
    click: Mapping[str, str],
    referrer: str | None,
    landing_page: str | None,
) -> Touch:
    """Return the touch, with as much as it has room for."""
    room = ROOM
    kept: dict[str, Any] = {}
    told: dict[str, str] = {}
    later = [*_THEN, *sorted(set(campaign) - {*_FIRST, *_THEN})]
    for holder, parts in (
        *((told, _part(campaign, name)) for name in _FIRST if name in campaign),
        (kept, click),
        (kept, {} if referrer is None else {"referrer": referrer}),
        (kept, {} if landing_page is None else {"landing_page": landing_page}),
        *((told, _part(campaign, name)) for name in later if name in campaign),
    ):
        size = len(msgspec.json.encode(parts)) if parts else 0
        if size <= room:
            room -= size
            holder.update(parts)
    return Touch(time, told, **kept)


def _part(campaign: Mapping[str, str], name: str) -> dict[str, str]:
    value = _cut(campaign.get(name, ""), _MAX_VALUE)
    return {name: value} if value else {}


def _bare(url: str) -> str | None:
    """Return a web address without its query, which may say more than where it is."""
    return _cut(url.partition("?")[0].partition("#")[0], _MAX_LINK) or None


def _cut(text: str, limit: int) -> str:
    octets = text.encode("utf-8", "replace")
    return text if len(octets) <= limit else octets[:limit].decode("utf-8", "ignore")
