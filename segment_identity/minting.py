"""Decide on which requests an identity may be made, kept and counted.

One page load is many requests, and most of them come before the first answer. If each minted an id,
one visitor would be many. So only a navigation stores a new id by itself; what no person asked for
(prefetches, crawlers, HEAD) stores nothing and counts as nothing.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, get_args

import msgspec

Mint = Literal["navigation", "always", "never"]
Refusal = Literal["opted_out", "gpc", "consent", "acting_as"]
Silence = Literal["method", "speculative", "bot", "excluded"] | Refusal

REFUSALS: Final = frozenset(get_args(Refusal))

# Substrings of the user agents of programs that are not a person's browser.
_BOTS: Final = (
    "bot",
    "crawl",
    "spider",
    "slurp",
    "headless",
    "lighthouse",
    "facebookexternalhit",
    "whatsapp/",
    "bingpreview",
    "google-read-aloud",
    "mediapartners",
    "archiver",
    "pingdom",
    "uptime",
    "statuscake",
    "site24x7",
    "kube-probe",
    "healthcheck",
    "health-check",
    "elb-health",
)
_NOT_BOTS: Final = ("cubot",)
_PURPOSES: Final = (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")
_SPECULATIVE: Final = (b"prefetch", b"prerender", b"preview")
_DESTINATIONS: Final = frozenset(
    b"""
    audio audioworklet document embed empty fencedframe font frame iframe image json manifest object
    paintworklet report script serviceworker sharedworker speculationrules style track video
    webidentity worker xslt
    """.split()
)
_MAX_AGENT: Final = 512


class Occasion(msgspec.Struct, frozen=True, gc=False):
    """What kind of request this is; *silence* says why nothing a visitor does is recorded."""

    navigation: bool
    silence: Silence | None = None


# Silences in which the app may still say who somebody is.
_ABOUT_NOBODY: Final = frozenset({None, "method", "speculative", "bot"})
_NAVIGATION: Final = Occasion(navigation=True)
_OTHER: Final = Occasion(navigation=False)


def occasion(
    method: str,
    headers: Mapping[bytes, bytes],
    *,
    refusal: Refusal | None = None,
    excluded: bool = False,
    track_bots: bool = False,
) -> Occasion:
    """Judge a request by its method and its last header of each (lower-case) name."""
    silence: Silence | None = None
    if excluded:
        silence = "excluded"
    elif refusal is not None:
        silence = refusal
    elif method in ("HEAD", "OPTIONS"):
        silence = "method"
    elif not headers.keys().isdisjoint(_PURPOSES) and _is_speculative(headers):
        silence = "speculative"
    elif not track_bots and _is_bot(headers.get(b"user-agent", b"")[:_MAX_AGENT]):
        silence = "bot"
    if silence is not None:
        return Occasion(navigation=False, silence=silence)
    if headers.get(b"sec-fetch-dest") == b"document" or _is_navigation(headers):
        return _NAVIGATION
    return _OTHER


def may_mint(occasion: Occasion, mint: Mint, *, used: bool, changed: bool = False) -> bool:
    """Tell whether an id made in this request may be stored.

    *used* means that a verb was called, *changed* that one said who it is.
    """
    if mint == "never":
        return changed and occasion.silence in _ABOUT_NOBODY
    return used or occasion.navigation or (mint == "always" and occasion.silence is None)


def is_recorded(kind: str, occasion: Occasion) -> bool:
    """Tell whether a message of *kind* is recorded.

    Nobody did anything in a silent request, but what the app says about an identity stays true;
    who refused or is excluded is not spoken of at all.
    """
    if occasion.silence is None:
        return True
    return kind in ("identify", "group", "alias") and occasion.silence in _ABOUT_NOBODY


def is_page_view(occasion: Occasion, method: str, status: int, content_type: bytes) -> bool:
    """Tell whether this response shows a page to a person."""
    return (
        occasion.navigation
        and method == "GET"
        and 200 <= status < 300
        and status not in (204, 205, 206)
        and content_type.partition(b";")[0].strip().lower()
        in (b"text/html", b"application/xhtml+xml")
    )


def is_bot(user_agent: bytes) -> bool:
    """Tell whether a user agent names a known crawler, preview or probe."""
    return _is_bot(user_agent[:_MAX_AGENT])


@lru_cache(maxsize=512)
def _is_bot(user_agent: bytes) -> bool:
    agent = user_agent.decode("latin-1").lower()
    for phone in _NOT_BOTS:
        agent = agent.replace(phone, "")
    return any(name in agent for name in _BOTS)


def _is_speculative(headers: Mapping[bytes, bytes]) -> bool:
    for name in _PURPOSES:
        if name in headers:
            said = headers[name][:256].lower()
            if any(word in said for word in _SPECULATIVE):
                return True
    return False


def _is_navigation(headers: Mapping[bytes, bytes]) -> bool:
    destination = headers.get(b"sec-fetch-dest", b"").strip().lower()
    if destination in _DESTINATIONS:
        return destination == b"document"
    mode = headers.get(b"sec-fetch-mode")
    if mode is not None:
        return mode.strip().lower() == b"navigate"
    if b"sec-fetch-site" in headers:
        return False
    # Plain http, old browsers and programs send no Sec-Fetch headers.
    accept = headers.get(b"accept", b"*/*").lower()
    return b"text/html" in accept or b"*/*" in accept


def is_script_call(headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether a page's script made this request, so that the page is its Referer."""
    return headers.get(b"sec-fetch-dest", b"").strip().lower() == b"empty"
