"""What a response gets, once the app has begun to answer."""

from starlette.types import Message

from segment_identity import (
    acts,
    authority,
    caching,
    cookies,
    minting,
    newcomers,
    pending,
    persist,
    withdrawal,
)
from segment_identity.acts import Sink
from segment_identity.caching import Headers
from segment_identity.entropy import new_nonce
from segment_identity.identity import Identity
from segment_identity.recognition import Recognition
from segment_identity.request_visit import RequestVisit

_FORGOTTEN = (
    "some traits were too large to be remembered in the cookie "
    f"(remember_traits keeps {persist.TRAITS_BUDGET} bytes)"
)
_LEFT_OUT = (
    "calls with browser=True were too large or too many to wait for the next page "
    f"(together {pending.ROOM} bytes); only the server has them"
)
_PERSONAL = (
    "snippet() printed what is for one visitor in a response that shared caches may keep, so it "
    "was made private; such routes should answer without 'public'"
)
_SHARED = (
    "an identity changed in a response that shared caches may keep, so it was not stored; "
    "such routes should answer without 'public'"
)


def with_identity(
    visit: RequestVisit, identity: Identity, sink: Sink | None, start: Message
) -> Message:
    """Return the `http.response.start` message with what the browser must be told."""
    if visit.is_steady() and not visit.settings.listens:
        return start
    status: int = start["status"]
    headers: Headers = start.get("headers", ())
    if visit.settings.listens:
        _finish(visit, identity, sink, status, headers)
    if visit.replayed or visit.personal:
        headers = _personal(visit, headers)
        start = {**start, "headers": headers}
    known = visit.recognition()
    lines = _lines(visit, known, status, headers)
    short_lived = known.found.link
    if lines and short_lived is not None and sink is not None:
        # The browser remembered an older id than this one, so both are the same device.
        acts.link(visit, sink, short_lived)
    if (visit.deferred or visit.replayed) and visit.storage() == "keep":
        lines = [*lines, *_pending(visit, status, headers)]
    if visit.settings.journeys is not None and caching.may_carry_cookies(status, headers):
        lines = [*lines, *visit.keepsakes()]
    if not lines:
        return start
    return {**start, "headers": caching.with_cookies(headers, lines)}


def _finish(
    visit: RequestVisit, identity: Identity, sink: Sink | None, status: int, headers: Headers
) -> None:
    """Let the app's authentication have the last word, and record the page view."""
    occasion = visit.occasion()
    settings = visit.settings
    visit.stores = visit.stores and caching.may_carry_cookies(status, headers)
    if settings.user is not None and (visit.is_touched or occasion.navigation):
        if not visit.stores:
            visit.unsaid = None
        if visit.is_touched:
            authority.follow(visit, sink)
        else:
            authority.look(visit, sink)
        authority.say(visit, sink)
    # Whoever is found to be there from now on is not told to the browser any more.
    visit.stores = False
    if settings.track_pages and not visit.paged:
        kinds = [value for name, value in headers if name.lower() == b"content-type"]
        if minting.is_page_view(occasion, visit.method(), status, b"".join(kinds[:1])):
            identity.page()


def _personal(visit: RequestVisit, headers: Headers) -> Headers:
    """Keep a page that does what one visitor did, or agreed to, out of shared caches."""
    if not caching.may_carry_cookies(200, headers):
        visit.advise("personal", _PERSONAL)
    return caching.personal(headers)


def _pending(visit: RequestVisit, status: int, headers: Headers) -> list[bytes]:
    """Return the Set-Cookie values by which calls wait for the next page, or wait no more."""
    if not caching.may_carry_cookies(status, headers):
        if visit.deferred:
            visit.advise("shared", _SHARED)
        return []
    site, now = visit.site(), visit.now()
    before = None if visit.replayed else visit.pending()
    waits, all_fitted = pending.waiting(before, visit.deferred, visit.visitor, now)
    if not all_fitted:
        visit.advise("pending", _LEFT_OUT)
    if waits is not None:
        value = pending.dumps(waits, visit.settings.pending)
        return [site.pending + b"=" + value + site.attributes.brief(now, pending.LIFE)]
    header = cookies.cookie_header(visit.scope["headers"])
    return site.attributes.delete(site.pending) if cookies.values(header, site.pending) else []


def _lines(visit: RequestVisit, known: Recognition, status: int, headers: Headers) -> list[bytes]:
    """Return the Set-Cookie values this response must carry; mostly none."""
    settings, occasion, changed = visit.settings, visit.occasion(), visit.changed
    keeps = minting.may_mint(occasion, settings.mint, used=visit.used, changed=changed)
    if keeps and occasion.silence is None and _is_newcomer(visit, known):
        if not caching.may_carry_cookies(status, headers):
            return []
        visit.kept = True
        writer = visit.site().newcomers
        return writer.set_cookies(visit.device_id(), visit.now(), new_nonce())
    storage = visit.storage()
    if storage != "keep":
        clears = storage == "clear" and caching.may_carry_cookies(status, headers)
        return parting(visit, known) if clears else []
    if not (keeps or visit.used or occasion.navigation):
        return []
    if not caching.may_carry_cookies(status, headers):
        if changed:
            visit.advise("shared", _SHARED)
        return []
    who = visit.with_id() if keeps else visit.visitor
    current, all_fitted = persist.rememberable(who, settings.remember)
    if not all_fitted:
        visit.advise("traits", _FORGOTTEN)
    if not persist.is_due(known.found, current, keeps=keeps):
        return []
    visit.kept = True
    return persist.set_cookies(
        known.presented,
        known.found,
        current,
        changed=changed,
        signer=settings.signer,
        attributes=visit.site().attributes,
        now=visit.now(),
        nonce=new_nonce(),
        browser=settings.browser,
    )


def _is_newcomer(visit: RequestVisit, known: Recognition) -> bool:
    """Tell, at little cost, that nothing came, and nothing but a UUID can be made of it."""
    if visit.changed or not (visit.lasts and visit.sources.makes_uuids):
        return False
    return newcomers.is_newcomer(known.presented, known.found, visit.visitor)


def parting(visit: RequestVisit, known: Recognition) -> list[bytes]:
    """Return the Set-Cookie values that leave nothing of the visitor in the browser."""
    attributes, seen, now = visit.site().attributes, known.presented, visit.now()
    lines = withdrawal.set_cookies(
        cookies.cookie_header(visit.scope["headers"]),
        seen,
        attributes=attributes,
        now=now,
        # Who comes with an opt-out was told when it was set, or set it in the page.
        tell=visit.settings.browser and not seen.opted_out,
    )
    if visit.opting_out and not seen.opted_out:
        lines += withdrawal.opt_out(attributes, now)
    elif visit.opting_out is False:
        lines += withdrawal.opt_in(attributes)
    return lines
