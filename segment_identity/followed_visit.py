"""A visit of which more is remembered than who it is: how they came, and in which session."""

from collections.abc import Callable
from typing import TypeVar

from segment_identity import arrivals, cookies
from segment_identity.attribution import Attribution, Touch
from segment_identity.context import Context
from segment_identity.journey import Journey
from segment_identity.request_visit import RequestVisit
from segment_identity.visit import NOTHING, Stamp

T = TypeVar("T")


class FollowedVisit(RequestVisit, eq=False, kw_only=True):
    """The visit of one connection under `attribution=` or `sessions=`."""

    _journey: Journey | None = None

    def is_steady(self) -> bool:
        """Look at every answer, as a session goes on while nothing else changes."""
        return False

    def stamp(self, kind: str, event: object) -> Stamp:
        """Return what the context of a message of *kind* gains that is recorded now."""
        return self._followed(
            lambda each: each.stamp(self.visitor, kind, event, self.context(), self.now()), NOTHING
        )

    def carried_context(self) -> Context:
        """Return the context that a job goes on with."""
        stamp = self._followed(lambda each: each.carried(self.with_id(), self.now()), NOTHING)
        return {**stamp, **self.context()}

    def attribution(self) -> Attribution | None:
        """Return how the visitor came, if that is remembered."""
        return self._followed(lambda each: each.attribution(self.visitor), None)

    def session_id(self) -> int | None:
        """Return the session that this request is part of, if sessions are counted."""
        session = self._followed(lambda each: each.session(self.with_id(), self.now()), None)
        return None if session is None else session.id

    def keepsakes(self) -> list[bytes]:
        """Return the Set-Cookie values that keep how the visitor came and which session this is."""
        opened, who = self.occasion().navigation, self.visitor
        spoke = self._journey is not None and self._journey.spoke
        if not (opened or self.used or spoke):
            return []
        if not self.kept and who.anonymous_id != self.found().visitor.anonymous_id:
            # The browser will not hold this id, so nothing that belongs to it would come back.
            return []
        return self._followed(lambda each: each.set_cookies(who, self.now(), opened=opened), [])

    def _followed(self, ask: Callable[[Journey], T], otherwise: T) -> T:
        """Return what the visitor's journey answers; *otherwise* if nobody may follow it."""
        journeys = self.settings.journeys
        if journeys is None or self.occasion().silence is not None or self.storage() != "keep":
            return otherwise
        try:
            with self.lock:
                if self._journey is None:
                    header = cookies.cookie_header(self.scope["headers"])
                    attributes, found = self.site().attributes, self.found()
                    self._journey = Journey(
                        journeys, header, attributes, found, self._arrival, tells=self._may_tell()
                    )
                return ask(self._journey)
        except Exception as error:
            self.report("journey", error)
            return otherwise

    def _may_tell(self) -> bool:
        query, referer = self.scope.get("query_string", b""), self.headers().get(b"referer", b"")
        return arrivals.may_tell(query, referer, self._fetch_site())

    def _fetch_site(self) -> bytes:
        return self.headers().get(b"sec-fetch-site", b"").strip()

    def _arrival(self) -> Touch | None:
        journeys = self.settings.journeys
        if journeys is None or not self.occasion().navigation or self.method() != "GET":
            return None
        return arrivals.touch(
            self.context(),
            site=self._fetch_site(),
            own=journeys.own,
            now=self.now(),
            clicks=not self.signals_gpc(),
        )
