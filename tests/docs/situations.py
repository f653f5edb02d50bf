"""Tell what is kept of a visitor in each situation, by visiting a real site in it."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

from web.support import Site, Sites

from segment_identity import ActingAs, Identity

_ACTS: Final = {"/act": lambda identity: _act(identity)}
_CHOICE: Final = {"analytics": True, "advertising": False}
_BOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1)"
_HEAD: Final = (
    "situation",
    "somebody new",
    "somebody known",
    "events",
    "`context.consent`",
)


class Situation(NamedTuple):
    """Options of the middleware, headers of the browser, and cookies that its page wrote."""

    options: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}
    cookies: Mapping[str, str] = {}


SITUATIONS: Final = {
    "no option at all": Situation(),
    "`consent=`: not asked yet (`None`)": Situation({"consent": lambda _: None}),
    "`consent=`: no (`False`)": Situation({"consent": lambda _: False}),
    "`consent=`: yes (`True`)": Situation({"consent": lambda _: True}),
    "`consent=`: some categories": Situation({"consent": lambda _: _CHOICE}),
    '`consent=`: not `"analytics"`': Situation({"consent": lambda _: {"analytics": False}}),
    "`consent=` fails": Situation({"consent": lambda _: 1 / 0}),
    "`Sec-GPC: 1`": Situation(headers={"Sec-GPC": "1"}),
    "`Sec-GPC: 1`, `gpc=False`": Situation({"gpc": False}, {"Sec-GPC": "1"}),
    "`Sec-GPC: 1`, `gpc=True`": Situation({"gpc": True}, {"Sec-GPC": "1"}),
    "`opt_out()`, and after it": Situation(cookies={"ajs_optout": "1"}),
    "`cookieless=True`": Situation({"cookieless": True}),
    "`browser=False`": Situation({"browser": False}),
    "`ActingAs(…)`": Situation({"user": lambda _: ActingAs("u-1", "staff-7")}),
    "`ActingAs(…, record=True)`": Situation({"user": lambda _: ActingAs("u-1", "staff-7", True)}),
    "a path in `exclude=`": Situation({"exclude": ["/act"]}),
    "a crawler": Situation(headers={"User-Agent": _BOT}),
    "a prefetch": Situation(headers={"Sec-Purpose": "prefetch"}),
}


def _act(identity: Identity) -> None:
    identity.track("Seen")


def table() -> str:
    """Return what happens in each situation, in Markdown."""
    rows = [_HEAD, ("---",) * len(_HEAD)]
    for name, situation in SITUATIONS.items():
        with ExitStack() as stack:
            rows.append((name, *_visited(Sites(stack), situation)))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _visited(open_site: Sites, situation: Situation) -> tuple[str, str, str, str]:
    before = open_site(_ACTS)
    before.go("/act")
    before.drop("ajs_sync")
    held = set(before.client.cookies)
    known = open_site(_ACTS, cookies=before.client.cookies, **situation.options)
    new = open_site(_ACTS, **situation.options)
    for site in (known, new):
        site.write(**situation.cookies)
        site.go("/act", **situation.headers)
    return (
        _stored(set(new.client.cookies) - set(situation.cookies)),
        _fate(held, set(known.client.cookies)),
        _recorded(new),
        _told(new),
    )


def _stored(names: set[str]) -> str:
    if not names:
        return "no cookie"
    return "the signed cookie" if names == {"ajs_identity"} else "cookies"


def _fate(before: set[str], left: set[str]) -> str:
    if before <= left:
        return "cookies stay"
    return "cookies are deleted" if not before & left else "some cookies are deleted"


def _recorded(site: Site) -> str:
    events, dropped = site.events(), site.dropped()
    if dropped:
        (reason,) = dropped
        return f"dropped, as `{reason}`"
    (event,) = events
    device = event["anonymousId"]
    if device is None:
        return "recorded, without anonymousId"
    if device.startswith("d-"):
        return "recorded, by the id of the day"
    return "recorded"


def _told(site: Site) -> str:
    for event in site.events():
        consent = event["context"].get("consent")
        return "" if consent is None else f"`{json.dumps(consent['categoryPreferences'])}`"
    return ""
