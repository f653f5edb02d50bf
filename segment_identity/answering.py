"""What becomes of an answer as it begins, at little cost where nobody looked at the identity.

How this works: who looked has made a visit, and `answer` says what its browser must be told. Most
requests make none. If who it is then decides alone, two kinds of visitor are told from the headers:
one of whom nothing is due, whose answer stays as it is, and one who opens a page with nothing, who
gets a newcomer's cookies. For everybody else a visit is made after all.
"""

from typing import Final

from starlette.types import Message

from segment_identity import caching, minting
from segment_identity.answer import with_identity
from segment_identity.cookies import cookie_header
from segment_identity.entropy import new_nonce
from segment_identity.newcomers import Newcomers
from segment_identity.recognition import NOBODY
from segment_identity.request_facts import is_excluded, site_of
from segment_identity.request_identity import SETTLED, RequestIdentity

_READABLE: Final = (list, tuple)


def answered(identity: RequestIdentity, start: Message) -> Message:
    """Return the `http.response.start` message with what the browser must be told.

    It is the app's own if ours fail, as it must be served, and for a provisional status.
    """
    if start.get("status", 0) < 200:
        return start
    if type(start.get("headers", ())) not in _READABLE:
        # An iterator can be read only once, and the app's headers must survive our errors.
        start = {**start, "headers": list(start["headers"])}
    visits, claims = identity._visits, identity._claims
    try:
        if not claims and visits.knows:
            scope = identity._scope
            site = visits.sites.get(scope.get("scheme")) or site_of(visits.settings, scope)
            header = cookie_header(scope["headers"])
            known = site.recogniser.recognise(header, visits.sources.now())
            if known.steady:
                claims.append(SETTLED)
                if claims[0] is SETTLED:
                    return start
            elif known is NOBODY and visits.greets:
                welcome = _welcome(identity, site.newcomers, start)
                if welcome is not None:
                    return welcome
        visit = identity._begin()
        if visit.answered:
            return start
        visit.answered = True
        return with_identity(visit, identity, visits.sink, start)
    except Exception as error:
        visits.sources.journal.report("answer", error)
        return start


def _welcome(identity: RequestIdentity, newcomers: Newcomers, start: Message) -> Message | None:
    """Return the answer to who opens a page; None if it is none, or if somebody asks just now."""
    settings, scope = identity._visits.settings, identity._scope
    occasion = minting.occasion(
        scope.get("method", "GET"),
        dict(scope["headers"]),
        excluded=settings.exclude is not None and is_excluded(settings, scope),
        track_bots=settings.track_bots,
    )
    if not occasion.navigation:
        return None
    status, headers = start["status"], start.get("headers", ())
    plain = status == 200 and caching.is_plain(headers)
    if not plain and not caching.may_carry_cookies(status, headers):
        return None
    sources = identity._visits.sources
    device = sources.new_id()
    lines = newcomers.set_cookies(device, sources.now(), new_nonce())
    answer = {**start, "headers": caching.with_cookies(headers, lines, plain=plain)}
    identity._claims.append(device)
    return answer if identity._claims[0] is device else None
