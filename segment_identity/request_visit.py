"""A visit by a request: everything comes from the ASGI scope, and only when asked for."""

from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import Scope

from segment_identity import context, cookies, ids, minting, pending, proxies
from segment_identity.context import Context
from segment_identity.jsonable import Snapshot
from segment_identity.messages import checked_mapping
from segment_identity.minting import Occasion
from segment_identity.pending import Deferred, Pending
from segment_identity.proxies import Address
from segment_identity.recognition import NOBODY, Recognition
from segment_identity.reconcile import Recognised
from segment_identity.settings import Settings, Site
from segment_identity.visit import AppUser, Visit
from segment_identity.visitor import OnUserChange

_SILENT: Final = Occasion(navigation=False, silence="excluded")


class RequestVisit(Visit, eq=False, kw_only=True):
    """The visit of one connection."""

    scope: Scope
    settings: Settings
    # The response has begun, so cookies are settled; and the new id is among them.
    answered: bool = False
    kept: bool = False
    # Calls of this request that no page has made in the browser yet; and whether one makes the
    # calls that waited.
    deferred: tuple[Deferred, ...] = ()
    replayed: bool = False
    _recognition: Recognition | None = None
    _occasion: Occasion | None = None
    _context: Context | None = None
    _headers: dict[bytes, bytes] | None = None

    @property
    def on_user_change(self) -> OnUserChange:
        """What identifying somebody else does."""
        return self.settings.on_user_change

    @property
    def remembers(self) -> bool:
        """Whether traits are kept between requests."""
        return self.settings.remember is not False

    def release(self) -> None:
        """Let go of the scope, which holds the identity, which holds this.

        Without the circle everything is freed when the request ends, and an identity that a task
        still holds goes on from a copy.
        """
        kept = dict(self.scope)
        kept.pop("state", None)
        self.scope = kept

    def recognition(self) -> Recognition:
        """Return what the cookies said; an error of ours makes the visitor a stranger."""
        known = self._recognition
        if known is None:
            try:
                header = cookies.cookie_header(self.scope["headers"])
                known = self.site().recogniser.recognise(header, self.sources.now())
            except Exception as error:
                self.report("recognise", error)
                known = NOBODY
            self._recognition = known
        return known

    def is_steady(self) -> bool:
        """Tell, at little cost, that the visitor is known and nothing about it changed."""
        known, current = self.recognition(), self._current
        same = current is None or current is known.found.visitor
        return known.steady and same and not self.deferred and not self.replayed

    def defer(self, call: Deferred) -> None:
        """Let the page being made, or the next one, make *call* again."""
        if self.answered or not self.settings.browser:
            super().defer(call)
        else:
            self.deferred += (call,)

    def pending(self) -> Pending | None:
        """Return the calls that earlier requests left for a page."""
        header, site = cookies.cookie_header(self.scope["headers"]), self.site()
        return pending.loads(header, site.pending, self.settings.pending, self.now())

    def replay(self) -> list[bytes]:
        """Return the calls that the page being made must make, which it then has.

        A page that nobody opened, or whose cookies are settled already, leaves them to the next.
        """
        if self.answered or not self.occasion().navigation:
            return []
        waited = self.pending()
        calls = pending.due(waited, self.deferred, self.visitor)
        self.deferred = ()
        self.replayed |= waited is not None or bool(calls)
        return calls

    def found(self) -> Recognised:
        """Return who the cookies say it is."""
        return self.recognition().found

    def site(self) -> Site:
        """Return how identities are read and written for this connection's scheme."""
        settings = self.settings
        if settings.always_secure is not None:
            secure = settings.always_secure
        elif not settings.trusted_proxies:
            secure = self.scope.get("scheme") in ("https", "wss")
        else:
            forwarded = self._joined(b"x-forwarded-proto")
            scheme = str(self.scope.get("scheme", "http"))
            secure = proxies.is_secure(scheme, self._peer(), forwarded, settings.trusted_proxies)
        return settings.secure if secure else settings.plain

    def headers(self) -> dict[bytes, bytes]:
        """Return the last header of each name."""
        if self._headers is None:
            self._headers = dict(self.scope["headers"])
        return self._headers

    def method(self) -> str:
        """Return the HTTP method; a websocket's handshake is a GET."""
        return str(self.scope.get("method", "GET"))

    def occasion(self) -> Occasion:
        """Return what kind of request this is."""
        judged = self._occasion
        if judged is None:
            try:
                judged = minting.occasion(
                    self.scope.get("method", "GET"),
                    self.headers(),
                    opted_out=self.recognition().presented.opted_out,
                    excluded=self.settings.exclude is not None and self._is_excluded(),
                    track_bots=self.settings.track_bots,
                )
                if self.scope["type"] == "websocket":
                    judged = Occasion(navigation=False, silence=judged.silence)
            except Exception as error:
                self.report("exclude", error)
                judged = _SILENT
            self._occasion = judged
        return judged

    def hint(self) -> str | None:
        """Return the user the browser claims."""
        found, presented = self.found(), self.recognition().presented
        agreed = presented.user_id == found.visitor.user_id
        return presented.user_id if agreed else found.claimed

    def signals_gpc(self) -> bool:
        """Tell whether the browser sent Global Privacy Control; only the value 1 is a signal."""
        return self.headers().get(b"sec-gpc", b"").strip() == b"1"

    def will_keep(self) -> bool:
        """Tell whether an anonymousId made in this visit will be stored in the browser."""
        if self.answered:
            return self.kept
        return self.may_mint()

    def may_mint(self) -> bool:
        """Tell whether an anonymousId made in this request may be stored."""
        mint = self.settings.mint
        return minting.may_mint(self.occasion(), mint, used=self.used, changed=self.changed)

    def context(self) -> Context:
        """Return the context of this request, built once."""
        if self._context is None:
            try:
                self._context = self._build_context()
            except Exception as error:
                self.report("context", error)
                self._context = {"library": context.LIBRARY}
        return self._context

    def address(self) -> Address | None:
        """Return the address of the client, as far as it is known."""
        forwarded = self._joined(b"x-forwarded-for")
        return proxies.client_address(self._peer(), forwarded, self.settings.trusted_proxies)

    def app_user(self) -> AppUser | None:
        """Ask the `user` option; what it raises or returns wrongly is reported and ignored."""
        ask = self.settings.user
        if ask is None:
            return None
        try:
            said = ask(HTTPConnection(self.scope))
            if said is None:
                return None, {}
            user_id, traits = said if isinstance(said, tuple) else (said, {})
            mapping = checked_mapping("user", "traits", traits)
            return ids.given("user", "the user's id", user_id), Snapshot().mapping(mapping)
        except Exception as error:
            self.report("user", error)
            return None

    def _build_context(self) -> Context:
        scope, settings = self.scope, self.settings
        server = scope.get("server")
        secure = self.site() is settings.secure
        return context.from_request(
            self.headers(),
            scheme="https" if secure else "http",
            server=str(server[0]) if server else "",
            path=scope.get("raw_path") or scope.get("path", "").encode("utf-8", "replace"),
            query=scope.get("query_string", b""),
            script=minting.is_script_call(self.headers()),
            ip=proxies.shown(self.address(), settings.ip),
        )

    def _peer(self) -> str | None:
        client = self.scope.get("client")
        return str(client[0]) if client else None

    def _joined(self, wanted: bytes) -> bytes:
        return b",".join(value for name, value in self.scope["headers"] if name == wanted)

    def _is_excluded(self) -> bool:
        rule = self.settings.exclude
        if rule is None:
            return False
        if callable(rule):
            return bool(rule(HTTPConnection(self.scope)))
        path = self.scope.get("path", "")
        return any(path == each or path.startswith(each.rstrip("/") + "/") for each in rule)
