"""What a request says of who sent it, read from the identity the middleware put there."""

from collections.abc import Iterator

from starlette.types import Scope

from segment_identity import proxies
from segment_identity.answer import parting
from segment_identity.connections import visit_of
from segment_identity.identity import Identity
from segment_identity.ingest.callers import Headers
from segment_identity.ingest.sender import Sender
from segment_identity.messages import Message
from segment_identity.minting import Silence
from segment_identity.proxies import Address
from segment_identity.request_visit import RequestVisit
from segment_identity.visit import NOTHING, Stamp

# So many times the rate of one client may come from one network, which many may share.
_NEIGHBOURS = 10.0
_MAX_AGENT = 512


class Request:
    """One request; without the middleware in front it is nobody's."""

    __slots__ = ("_identity", "_scope", "_visit", "headers")

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        found = scope.get("state", {}).get("identity")
        self._identity = found if isinstance(found, Identity) else None
        visit = None if self._identity is None else visit_of(self._identity)
        self._visit = visit if isinstance(visit, RequestVisit) else None
        shown = dict(scope["headers"]) if self._visit is None else self._visit.headers()
        self.headers: Headers = shown
        if self._visit is not None:
            # What trackers post is no visit of a page, although SDKs ask for `*/*` as browsers did:
            # its answer makes no visitor and carries no cookies of one.
            self._visit.answered, self._visit.stores = True, False

    @property
    def is_followed(self) -> bool:
        """Whether messages gain anything by what is remembered of how the visitor came."""
        return self._visit is not None and self._visit.settings.journeys is not None

    def silence(self) -> Silence | None:
        """Say why nothing in this request is recorded: no consent, a crawler; or None.

        This is the one place that is asked before anything a browser or an app sent is taken.
        """
        visit, identity = self._visit, self._identity
        if visit is None or identity is None:
            return None
        if visit.settings.user is not None and visit.occasion().silence is None:
            # Asking for the person lets the app's own log-in have its say, which may be that staff
            # are there; the page does not know, and must not speak for either.
            _ = identity.user_id
            if visit.acting:
                return "acting_as"
        return visit.occasion().silence

    def sender(self) -> Sender:
        """Return what is known of who sent this."""
        agent = self.headers.get(b"user-agent", b"")[:_MAX_AGENT].decode("latin-1")
        visit, identity = self._visit, self._identity
        if visit is None or identity is None:
            return Sender(ip=proxies.shown(self._address(), "mask"), user_agent=agent)
        # Asking for the person lets the app's own log-in have its say, which may change the device.
        user_id = identity.user_id
        device = visit.visitor.anonymous_id
        if not visit.lasts:
            # Many share the id of the day, so it is tied to nobody.
            device, user_id = visit.new_device_id(), None
        return Sender(
            anonymous_id=device,
            user_id=user_id,
            ip=proxies.shown(self._address(), visit.settings.ip),
            user_agent=agent,
            consent=visit.consent(),
        )

    def stamp(self, message: Message) -> Stamp:
        """Return what the context of a message gains, as one recorded in this request does."""
        if self._visit is None:
            return NOTHING
        return self._visit.stamp(message["type"], message.get("event"))

    def cookies(self) -> list[bytes]:
        """Return the Set-Cookie values by which a session goes on, or by which all is forgotten."""
        visit = self._visit
        if visit is None:
            return []
        if visit.storage() == "clear":
            return parting(visit, visit.recognition())
        return visit.keepsakes()

    def clients(self, rate: float) -> Iterator[tuple[str, float]]:
        """Yield whose requests this one counts as, and how many those may make in a second.

        A visitor has cookies, and may throw them away; then their whole network counts.
        """
        network = proxies.shown(self._address(), "mask") or "?"
        known = None if self._visit is None else self._visit.found().visitor.anonymous_id
        yield known or f"?{network}", rate
        yield f"network {network}", rate * _NEIGHBOURS

    def _address(self) -> Address | None:
        if self._visit is not None:
            return self._visit.address()
        client = self._scope.get("client")
        return proxies.client_address(str(client[0]) if client else None, b"", 0)
