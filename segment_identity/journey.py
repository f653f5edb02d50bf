"""How one visitor came and which session it is, as far as one request knows and changes them."""

from collections.abc import Callable, Mapping
from typing import Any

from segment_identity import attribution, keepsakes, sessions
from segment_identity.attribution import Attribution, Kept, Touch
from segment_identity.cookies import Attributes
from segment_identity.journeys import Journeys
from segment_identity.keepsake_cookie import KeepsakeCookie
from segment_identity.reconcile import Recognised
from segment_identity.sessions import Session
from segment_identity.visit import NOTHING, Stamp
from segment_identity.visitor import Visitor


class Journey:
    """Follows a visitor through one request, in which who it is may change.

    *arrival* tells how this page was come to, if it was. It is asked only if that is news: at the
    first page, or if the page (*tells*) may say more than that somebody came.
    """

    __slots__ = ("_arrival", "_found", "_known", "_options", "_said", "_session", "_tells", "spoke")

    def __init__(
        self,
        options: Journeys,
        header: bytes,
        attributes: Attributes,
        found: Recognised,
        arrival: Callable[[], Touch | None],
        *,
        tells: bool,
    ) -> None:
        self._options = options
        self._found = found
        self._arrival = arrival
        self._tells = tells
        # Something was recorded, by a verb or because a page sent it.
        self.spoke = False
        self._session = KeepsakeCookie(options.sessions, header, attributes, found.link)
        self._known = KeepsakeCookie(options.attributions, header, attributes, found.link)
        # What most messages of the session say of it, as one object.
        self._said: Stamp = NOTHING

    def session(self, who: Visitor, now: float) -> Session | None:
        """Return the session of *who*, who is there *now*; it may begin by that."""
        timeout = self._options.timeout
        if timeout is None or who.anonymous_id is None:
            return None
        current = self._session.of(who)
        if current is not None and sessions.goes_on(current, now, timeout):
            current = sessions.seen(current, now)
        else:
            last = self._session.last()
            before = None if last is None else last.content
            current = sessions.begun(who.anonymous_id, before, now, timeout)
        self._session.keep(who, current)
        return current

    def attribution(self, who: Visitor) -> Attribution | None:
        """Return how *who* came, this time included."""
        if self._options.events is None:
            return None
        held = self._known.of(who)
        before = None if held is None else attribution.opened(held)
        return attribution.after(before, self._arrived(who, held))

    def stamp(
        self, who: Visitor, kind: str, event: object, context: Mapping[str, Any], now: float
    ) -> Stamp:
        """Return what the context of a message gains; *event* is the name of a track event."""
        self.spoke = True
        said = self._marked(who, now)
        events = self._options.events
        if events is None or not (kind == "identify" or event in events):
            return said
        known = self.attribution(who)
        return said if known is None else {**said, **attribution.stamp(known, context, now)}

    def carried(self, who: Visitor, now: float) -> Stamp:
        """Return what the context of a job gains."""
        session, known = self.session(who, now), self.attribution(who)
        said = {} if session is None else {"sessionId": session.id}
        return said if known is None else {**said, **attribution.told(known)}

    def set_cookies(self, who: Visitor, now: float, *, opened: bool) -> list[bytes]:
        """Return the Set-Cookie values by which the browser keeps this for *who*; mostly none.

        *opened* says that a person opened a page, which is activity even if nothing is recorded.
        """
        lines: list[bytes] = []
        timeout = self._options.timeout
        if timeout is not None:
            if opened and self._came(who):
                self.session(who, now)
            self._end_of_others(who)
            lines += self._session.set_cookies(
                who, now, lambda fresh, held: sessions.is_due(fresh, held, timeout)
            )
        if self._options.events is not None:
            self._keep_attribution(who, now)
            lines += self._known.set_cookies(who, now, attribution.is_due)
        return lines

    def _end_of_others(self, who: Visitor) -> None:
        """Keep the id of the session that another person had on the device of *who*.

        Forgotten, it would be the next one's again: an id follows from the device and from what was
        before.
        """
        last = self._session.last()
        if last is None or last.anonymous_id != who.anonymous_id or last.belongs_to(who):
            return
        self._session.keep(who, sessions.ended(last.content))

    def _keep_attribution(self, who: Visitor, now: float) -> None:
        if who.anonymous_id is None:
            return
        held = self._known.of(who)
        if held is not None and self._arrived(who, held) is None:
            self._known.keep(who, attribution.renewed(held, now))
            return
        known = self.attribution(who)
        if known is not None:
            self._known.keep(who, attribution.kept(known, now))

    def _arrived(self, who: Visitor, held: Kept | None) -> Touch | None:
        """Return how *who* came to this page, unless that is no news."""
        if held is not None and not self._tells:
            return None
        arrived = self._arrival()
        if arrived is not None and arrived.is_direct and not self._came(who):
            # Somebody else opened this page, and nothing says how this one came.
            return None
        return arrived

    def _marked(self, who: Visitor, now: float) -> Stamp:
        """Return what a message says of its session; the first one marks the beginning."""
        session = self.session(who, now)
        if session is None:
            return NOTHING
        if not session.told:
            self._session.keep(who, sessions.told(session))
            return {"sessionId": session.id, "sessionStart": True}
        if self._said.get("sessionId") != session.id:
            self._said = {"sessionId": session.id}
        return self._said

    def _came(self, who: Visitor) -> bool:
        """Tell whether *who* is the visitor that made this request."""
        return keepsakes.is_same(self._found.visitor, who)
