"""`snippet`: what a page needs to run Analytics.js with the identity of this server."""

from collections.abc import Mapping
from importlib import resources
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from segment_identity import options as checked
from segment_identity.browser import markup
from segment_identity.browser.bridge import bridge
from segment_identity.browser.literals import literal
from segment_identity.browser.markup import Markup
from segment_identity.connections import HasScope, get_identity, request_visit
from segment_identity.cookies import YEAR, Attributes
from segment_identity.errors import ConfigurationError
from segment_identity.jsonable import Snapshot
from segment_identity.messages import checked_mapping
from segment_identity.request_visit import RequestVisit

Given = Mapping[str, Any] | None

_LOADER: Final = (resources.files("segment_identity.browser") / "loader.min.js").read_text("ascii")
# What the loader remembers of calls it made; the rest of localStorage is the bridge's.
_FORGET: Final = "try{localStorage.removeItem('ajs_pending')}catch(e){}"
_CDN: Final = "https://cdn.segment.com"
# Requests that may still become a page somebody sees.
_SEEN_LATER: Final = frozenset({None, "method", "speculative"})
_DAY: Final = 86_400


def snippet(
    request: HasScope,
    *,
    write_key: str,
    script: str | None = None,
    cdn_url: str | None = None,
    cdn_settings: Given = None,
    api_host: str = "/v1",
    integrations: Given = None,
    page: bool = True,
    nonce: str | None = None,
) -> Markup:
    """Return the bridge, and what loads Analytics.js after it, for the head of a page.

    *script* is where the site serves the bundle of the npm package (`dist/umd/index.js`); without
    it Segment's, or that of *cdn_url*, is loaded. *cdn_settings* are then the source's settings;
    without them and *cdn_url* there are no destinations but *api_host*: a path of this site, or the
    URL of a Tracking API elsewhere. *page* makes a page call; where `track_pages` records pages
    already, only destinations in the browser get it. *nonce* is that of the page's
    Content-Security-Policy. If nothing of the visitor may be recorded or kept there is only the
    bridge, and nothing with the middleware's `browser=False`. Where that depends on what visitors
    agreed to, the response is kept out of shared caches.
    Raises `NotInstalled` if `IdentityMiddleware` does not stand in front of the app.
    """
    visit = request_visit(request)
    checked.flags(page=page)
    where = _bundle(write_key, script, cdn_url, cdn_settings)
    options = {
        **_identity_options(visit.site().attributes),
        "integrations": _mapping("integrations", integrations),
    }
    told = {"writeKey": write_key, **where, "collector": _collector(api_host), "options": options}
    # The app's own log-in has its say first.
    _ = get_identity(request).user_id
    keeping = bridge(request, nonce=nonce)
    visit.personal |= visit.settings.privacy.guards
    if not _runs_for(visit):
        clears = visit.storage() == "clear"
        return Markup(keeping + markup.script(_FORGET, nonce)) if clears and keeping else keeping
    if page:
        recorded = visit.settings.track_pages
        told["page"] = {"integrations": {"Segment.io": False}} if recorded else {}
    calls = visit.replay()
    if calls:
        told["pending"] = _pending(visit, calls)
    return Markup(keeping + markup.script(f"({_LOADER.rstrip()})({literal(told)})", nonce))


def _runs_for(visit: RequestVisit) -> bool:
    """Tell whether Analytics.js may keep an identity in this visitor's browser."""
    shared = visit.settings.browser and visit.lasts and not visit.acting
    return shared and visit.occasion().silence in _SEEN_LATER


def _identity_options(attributes: Attributes) -> dict[str, Any]:
    """Return the options by which Analytics.js keeps the identity as this server does."""
    cookie = {
        "domain": attributes.domain,
        "maxage": YEAR // _DAY,
        "path": "/",
        "sameSite": "Lax",
        "secure": attributes.secure,
    }
    stores = ["cookie", "localStorage", "memory"]
    return {"cookie": cookie, "storage": {"stores": stores}, "useQueryString": False}


def _bundle(
    write_key: str, script: str | None, cdn_url: str | None, settings: Given
) -> dict[str, Any]:
    """Return where the bundle and the settings of the source come from."""
    if not isinstance(write_key, str) or not write_key.strip():
        shown = "an empty text" if isinstance(write_key, str) else repr(write_key)
        raise ConfigurationError(f"write_key was given {shown}; want that of the source")
    if cdn_url is not None and not _is_web_address(cdn_url):
        raise ConfigurationError(f"cdn_url was given {cdn_url!r}; want an http or https URL")
    if script is None:
        if settings is not None:
            raise ConfigurationError(
                "cdn_settings was given without script; Segment's bundle brings its own settings"
            )
        cdn = (cdn_url or _CDN).rstrip("/")
        path = f"/analytics.js/v1/{quote(write_key, safe='')}/analytics.min.js"
        return {"cdn": cdn, "script": cdn + path}
    if not isinstance(script, str) or not script.strip():
        raise ConfigurationError(f"script was given {script!r}; want the address of a bundle")
    if cdn_url is not None and settings is None:
        return {"cdn": cdn_url.rstrip("/"), "script": script}
    own = {"integrations": {"Segment.io": {"apiKey": write_key}}, "metrics": {"sampleRate": 0}}
    given = own if settings is None else _mapping("cdn_settings", settings)
    return {"script": script, "settings": given}


def _collector(api_host: str) -> str:
    """Return where events go, as a page resolves it: a path, or a URL with its host."""
    if isinstance(api_host, str) and api_host.isprintable() and " " not in api_host:
        shown = api_host if "//" in api_host or api_host[:1] == "/" else f"https://{api_host}"
        is_path = shown[:1] == "/" and shown[:2] != "//"
        if is_path or _is_web_address(shown):
            return shown
    raise ConfigurationError(
        f"api_host was given {api_host!r}; want a path of this site such as '/v1', "
        "or a Tracking API such as 'https://events.example.com/v1'"
    )


def _is_web_address(url: object) -> bool:
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
    except ValueError:
        return False
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.netloc)


def _mapping(name: str, given: Given) -> dict[str, Any]:
    return Snapshot().mapping(checked_mapping("snippet", name, given))


def _pending(visit: RequestVisit, calls: list[bytes]) -> dict[str, Any]:
    said = [msgspec.json.decode(each) for each in calls]
    return {"anonymousId": visit.visitor.anonymous_id, "calls": said}
