"""What the visits of one middleware are made of."""

from collections.abc import Mapping

import msgspec
from starlette.types import Scope

from segment_identity.acts import Sink
from segment_identity.followed_visit import FollowedVisit
from segment_identity.guarded_visit import GuardedVisit
from segment_identity.request_facts import site_of
from segment_identity.request_visit import RequestVisit
from segment_identity.settings import Settings, Site
from segment_identity.sources import Sources


class Visits(msgspec.Struct, frozen=True):
    """Makes visits of connections; those nobody asks for are never made."""

    settings: Settings
    sources: Sources
    sink: Sink | None
    kind: type[RequestVisit]
    # Those of a scheme, where nothing else decides.
    sites: Mapping[object, Site]
    # While nobody asks who it is, who is known gets nothing; and who opens a page with nothing is
    # a newcomer.
    knows: bool
    greets: bool

    def visit(self, scope: Scope, after: str | None = None) -> RequestVisit:
        """Return the visit of a connection, or one *after* an answer that told of this new id."""
        visit = self.kind(scope=scope, settings=self.settings, sources=self.sources)
        if scope["type"] == "websocket":
            # Its handshake sets no cookie: an identity can be read there and not stored.
            visit.answered, visit.stores = True, False
        elif after is not None:
            visit.outlive(after)
        return visit


def visits(settings: Settings, sources: Sources, sink: Sink | None) -> Visits:
    """Return how visits are made; most apps need the simplest."""
    guarded, followed = settings.privacy.guards, settings.journeys is not None
    kind = GuardedVisit if guarded else FollowedVisit if followed else RequestVisit
    knows = kind is RequestVisit and not settings.listens
    greets = (
        knows
        and sources.makes_uuids
        and settings.mint != "never"
        and settings.device_header is None
        # What a function of the app raises is reported by a visit.
        and not callable(settings.exclude)
    )
    return Visits(settings, sources, sink, kind, _sites(settings), knows, greets)


def _sites(settings: Settings) -> Mapping[object, Site]:
    if settings.trusted_proxies:
        return {}
    return {each: site_of(settings, {"scheme": each}) for each in ("http", "https")}
