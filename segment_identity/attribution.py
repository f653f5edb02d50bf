"""Remember how a visitor first came, and how last: by which campaign, link or advertisement.

How this works
--------------
A *touch* is one arrival. The first is kept for good, whatever it was. The last gives way to the
next arrival from somewhere: a visit without campaign and referrer tells nothing new, so it never
hides what brought the visitor before. (Google Analytics calls that "first user source" and "last
non-direct click".)

A redirect keeps the referrer and loses the campaign, and a page may be loaded again; so what
repeats the last arrival within half an hour is not another.

What is known goes on messages as `context.attribution`. On those of a request that says nothing
about it itself, the last touch also stands in `context.campaign` and `context.referrer`, where the
tools look that know Segment's names; unless it is so old that none of them would count it.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segment_identity.messages import instant

COOKIE: Final = b"ajs_attribution"
SALT: Final = b"segment_identity.attribution.v1"
# Segment's names for a sign-up (Spec: B2B SaaS).
SIGN_UPS: Final = frozenset({"Signed Up", "User Signed Up", "Account Created", "Trial Started"})
# How long the last touch stands for the campaign of a request that has none (seconds).
LOOK_BACK: Final = 90 * 86_400

_REPEATED: Final = 1_800
# The cookie of somebody who comes every day, and never by a campaign, must not run out.
_RENEWED: Final = 30 * 86_400


class Touch(msgspec.Struct, frozen=True, gc=False):
    """One arrival: *campaign* as Segment names it, *referrer* and *landing_page* without query.

    *click_type* is the parameter in which an advertiser sent *click_id*, such as `gclid`; *time* is
    in seconds since 1970.
    """

    time: int
    campaign: Mapping[str, str] = {}
    referrer: str | None = None
    landing_page: str | None = None
    click_id: str | None = None
    click_type: str | None = None

    @property
    def is_direct(self) -> bool:
        """Whether nothing tells where the visitor came from."""
        return not (self.campaign or self.referrer or self.click_id)


class Attribution(msgspec.Struct, frozen=True, gc=False):
    """How a visitor first came, and how last; a direct visit is last only if it is first."""

    first: Touch
    last: Touch


class _Arrival(msgspec.Struct, array_like=True, frozen=True):
    time: int
    campaign: dict[str, str]
    referrer: str | None
    landing_page: str | None
    click_id: str | None
    click_type: str | None


class Kept(msgspec.Struct, array_like=True, frozen=True):
    """An attribution in a cookie, put there at *renewed*; without *last* it is the *first*."""

    first: _Arrival
    last: _Arrival | None
    renewed: int


def after(before: Attribution | None, latest: Touch | None) -> Attribution | None:
    """Return what is known of a visitor who arrives by *latest*; None says nobody arrived."""
    if latest is None:
        return before
    if before is None:
        return Attribution(latest, latest)
    if latest.is_direct or _repeats(latest, before.last):
        return before
    return Attribution(before.first, latest)


def kept(known: Attribution, now: float) -> Kept:
    """Return what a cookie written *now* holds."""
    last = None if known.last == known.first else _arrival(known.last)
    return Kept(_arrival(known.first), last, int(now))


def renewed(held: Kept, now: float) -> Kept:
    """Return the same as a cookie written *now* holds it."""
    return Kept(held.first, held.last, int(now))


def opened(held: Kept) -> Attribution:
    """Return what a cookie holds."""
    first = _touch(held.first)
    return Attribution(first, first if held.last is None else _touch(held.last))


def is_due(fresh: Kept, held: Kept) -> bool:
    """Tell whether the browser, which has *held*, should have *fresh* instead."""
    changed = (fresh.first, fresh.last) != (held.first, held.last)
    return changed or fresh.renewed - held.renewed > _RENEWED


def stamp(known: Attribution, context: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return what a message gains whose own *context* may say more of this request."""
    said = told(known)
    last = known.last
    if now - last.time <= LOOK_BACK:
        source = _referrer(last)
        if last.campaign and "campaign" not in context:
            said["campaign"] = dict(last.campaign)
        if source and "referrer" not in context:
            said["referrer"] = source
    return said


def told(known: Attribution) -> dict[str, Any]:
    """Return the part of a message's context that tells how its visitor came."""
    return {"attribution": {"first": _shown(known.first), "last": _shown(known.last)}}


def heard(context: Mapping[str, Any]) -> Attribution | None:
    """Return what the context of a message tells, in the form of `told`."""
    said = context.get("attribution")
    if not isinstance(said, Mapping):
        return None
    first, last = _read(said.get("first")), _read(said.get("last"))
    return None if first is None or last is None else Attribution(first, last)


def host(url: str) -> str:
    """Return the host of a web address, without port, `www.` and the dot at its end."""
    authority = url.partition("://")[2].partition("/")[0].partition("?")[0].lower()
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0].rstrip(".").removeprefix("www.")


def _repeats(latest: Touch, last: Touch) -> bool:
    if last.is_direct or not 0 <= latest.time - last.time < _REPEATED:
        return False
    if latest.campaign or latest.click_id:
        same = (latest.campaign, latest.click_id) == (last.campaign, last.click_id)
        return same and latest.referrer in (None, last.referrer)
    return host(latest.referrer or "") == host(last.referrer or "")


def _arrival(touch: Touch) -> _Arrival:
    return _Arrival(
        touch.time,
        dict(touch.campaign),
        touch.referrer,
        touch.landing_page,
        touch.click_id,
        touch.click_type,
    )


def _touch(arrival: _Arrival) -> Touch:
    return Touch(*msgspec.structs.astuple(arrival))


def _referrer(touch: Touch) -> dict[str, str]:
    """Return Segment's `context.referrer`: whose advertisement, or which page."""
    said = {"id": touch.click_id, "type": touch.click_type, "url": touch.referrer}
    return {name: value for name, value in said.items() if value is not None}


def _shown(touch: Touch) -> dict[str, Any]:
    said: dict[str, Any] = {"timestamp": instant(touch.time)}
    if touch.campaign:
        said["campaign"] = dict(touch.campaign)
    source = _referrer(touch)
    if source:
        said["referrer"] = source
    if touch.landing_page is not None:
        said["landingPage"] = touch.landing_page
    return said


def _read(said: object) -> Touch | None:
    if not isinstance(said, Mapping):
        return None
    try:
        time = int(dt.datetime.fromisoformat(said["timestamp"]).timestamp())
        source = said.get("referrer", {})
        return msgspec.convert(
            {
                "time": time,
                "campaign": said.get("campaign", {}),
                "referrer": source.get("url"),
                "landing_page": said.get("landingPage"),
                "click_id": source.get("id"),
                "click_type": source.get("type"),
            },
            Touch,
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, OSError):
        return None
