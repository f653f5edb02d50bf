"""The identity of a connection, whose visit is made when somebody first asks.

How this works: most requests never look at their identity, so all they make is this handle. Whoever
looks makes the visit; an answer that begins before leaves what it told the browser, for a visit
made later. Answer and app may do so in several threads at once: all append to one list, and what
came first is what counts. So nobody needs a lock, which a fork could leave held for good.
"""

from typing import Any, Final

import msgspec
from starlette.types import Scope

from segment_identity.acts import Sink
from segment_identity.identity import Identity
from segment_identity.request_visit import RequestVisit
from segment_identity.visits import Visits

# The claim of an answer that told of no new id.
SETTLED: Final = ""


class RequestIdentity(Identity, msgspec.Struct, eq=False):
    """The handle that a connection carries as `request.state.identity`."""

    # None of these is for apps, who see this in their requests.
    _visits: Visits
    _scope: Scope
    # The first is a visit if somebody asked before the answer, else the id it told of.
    _claims: list[str | RequestVisit] = []
    _begun: RequestVisit | None = None

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []

    @property
    def _sink(self) -> Sink | None:
        return self._visits.sink

    @property
    def _visit(self) -> RequestVisit:
        begun = self._begun
        return self._begin() if begun is None else begun

    def _begin(self) -> RequestVisit:
        """Return the visit, made now if nobody asked before."""
        claims = self._claims
        if not claims:
            claims.append(self._visits.visit(self._scope))
        visit = claims[0]
        if isinstance(visit, str):
            claims.append(self._visits.visit(self._scope, after=visit))
            # One that was made just before the answer came first is nobody's.
            visit = next(each for each in claims if not isinstance(each, str) and each.answered)
        self._begun = visit
        return visit

    def _release(self) -> None:
        """Let go of the scope, which holds this.

        Without the circle everything is freed when the request ends, and an identity that a task
        still holds goes on from a copy.
        """
        kept = {**self._scope}
        kept.pop("state", None)
        self._scope = kept
        if self._begun is not None:
            self._begun.scope = kept
