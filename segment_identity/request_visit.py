"""A visit by a request: everything comes from the ASGI scope, and only when asked for."""

from typing import Final, Literal

from segment_identity import acting, context, cookies, minting, pending, proxies
from segment_identity import consent as consents
from segment_identity.acting import ActingAs
from segment_identity.consent import AGREED, Agreement, Consent
from segment_identity.context import Context
from segment_identity.minting import Occasion, Refusal
from segment_identity.pending import Deferred, Pending
from segment_identity.recognition import NOBODY, Recognition
from segment_identity.reconcile import STRANGER, Reason, Recognised
from segment_identity.request_facts import RequestFacts, is_excluded, site_of
from segment_identity.visitor import NOBODY as NO_VISITOR
from segment_identity.visitor import OnUserChange, Visitor

Storage = Literal["keep", "leave", "clear"]

_SILENT: Final = Occasion(navigation=False, silence="excluded")
_OPTED_OUT: Final = Occasion(navigation=False, silence="opted_out")
_ACTING_AS: Final = Occasion(navigation=False, silence="acting_as")
_TOO_LATE: Final = (
    "opt_out() or opt_in() was called when no cookie could be set any more, "
    "so the browser will not remember it"
)


class RequestVisit(RequestFacts, eq=False, kw_only=True):
    """The visit of one connection."""

    # The response has begun, so cookies are settled; and the new id is among them.
    answered: bool = False
    kept: bool = False
    # Calls of this request that no page has made in the browser yet; and whether one makes the
    # calls that waited.
    deferred: tuple[Deferred, ...] = ()
    replayed: bool = False
    # What the page does depends on what its visitor agreed to.
    personal: bool = False
    _recognition: Recognition | None = None
    _occasion: Occasion | None = None
    _context: Context | None = None

    @property
    def on_user_change(self) -> OnUserChange:
        """What identifying somebody else does."""
        return self.settings.on_user_change

    @property
    def remembers(self) -> bool:
        """Whether traits are kept between requests."""
        return self.settings.remember is not False

    def recognition(self) -> Recognition:
        """Return what the cookies said; an error of ours makes the visitor a stranger."""
        known = self._recognition
        if known is None:
            try:
                header = cookies.cookie_header(self.scope["headers"])
                site = site_of(self.settings, self.scope)
                known = site.recogniser.recognise(header, self.sources.now())
            except Exception as error:
                self.report("recognise", error)
                known = NOBODY
            device = self.named_device() if known.found is STRANGER else None
            if device is not None:
                known = Recognition(known.presented, Recognised(Visitor(device), Reason.HEADER))
                self.stores = False
            self._recognition = known
        return known

    def is_steady(self) -> bool:
        """Tell, at little cost, that the visitor is known and nothing about it changed."""
        known, current = self.recognition(), self._current
        same = current is None or current is known.found.visitor
        return known.steady and same and not self.deferred and not self.replayed

    def outlive(self, device: str) -> None:
        """Begin after the answer, which told the browser of *device* unless that is empty."""
        self.answered = True
        if device:
            self._current, self.kept = Visitor(device), True

    def defer(self, call: Deferred) -> None:
        """Let the page being made, or the next one, make *call* again."""
        if self.answered or not (self.settings.browser and self.lasts) or self.acting:
            super().defer(call)
        else:
            with self.lock:
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

    def occasion(self) -> Occasion:
        """Return what kind of request this is."""
        judged = self._occasion
        if judged is None:
            try:
                judged = minting.occasion(
                    self.scope.get("method", "GET"),
                    self.headers(),
                    refusal=self.refusal(),
                    excluded=is_excluded(self.settings, self.scope),
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

    def refusal(self) -> Refusal | None:
        """Return who refuses that anything is recorded."""
        return "opted_out" if self._is_opted_out() else None

    def agreement(self) -> Agreement:
        """Return what the visitor agreed to, which without `consent=` is what was not refused."""
        if not self.signals_gpc():
            return AGREED
        privacy = self.settings.privacy
        return consents.under_gpc(AGREED, privacy.gpc, privacy.category)

    def consent(self) -> Consent:
        """Return what the visitor agreed to; None if nobody was asked."""
        if self._is_opted_out():
            return False
        agreed = self.agreement()
        if agreed is AGREED and self.settings.privacy.consent is None:
            return None
        return consents.told(agreed)

    def storage(self) -> Storage:
        """Return what becomes of the browser's cookies."""
        silence = self.occasion().silence
        if self.acting or silence == "excluded":
            return "leave"
        if self.found().reason is Reason.HEADER:
            # An app keeps its own id, and has no use for cookies.
            return "leave"
        return "clear" if silence == "opted_out" else "keep"

    def opt(self, *, out: bool) -> None:
        """Stop, or begin again with the next request, to record the visitor."""
        if self.answered:
            self.advise("opt", _TOO_LATE)
        if not (out or self._is_opted_out()):
            return
        self.opting_out = out
        if out:
            self._occasion = _OPTED_OUT
            self._recognition = Recognition(self.recognition().presented, STRANGER)
            self._current = NO_VISITOR
            self.used = self.changed = False
            self.decided = True

    def is_late(self) -> bool:
        """Tell whether the browser cannot be told any more who the visitor is."""
        return self.answered and self.lasts and self.storage() == "keep"

    def act_as(self, said: ActingAs) -> None:
        """Make the visitor whom staff act as, for this request only."""
        self.acting = True
        self._current = Visitor(user_id=str(said.user_id), touched=True)
        if not said.record:
            self._occasion = _ACTING_AS
        self._context = {**self.context(), **acting.mark(str(said.staff_id))}
        self._shared = None

    def equipped(self, who: Visitor) -> Visitor:
        """Return *who* as messages must name them; the device is not that of whom staff act as."""
        return who if self.acting else super().equipped(who)

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

    def keepsakes(self) -> list[bytes]:
        """Return the Set-Cookie values of what is remembered beside who it is."""
        return []

    def _build_context(self) -> Context:
        scope, settings = self.scope, self.settings
        server = scope.get("server")
        secure = self.site() is settings.secure
        built = context.from_request(
            self.headers(),
            scheme="https" if secure else "http",
            server=str(server[0]) if server else "",
            path=scope.get("raw_path") or scope.get("path", "").encode("utf-8", "replace"),
            query=scope.get("query_string", b""),
            script=minting.is_script_call(self.headers()),
            ip=proxies.shown(self.address(), settings.ip),
        )
        built.update(consents.stamp(self.consent()))
        return built

    def _is_opted_out(self) -> bool:
        return self.opting_out is True or self.recognition().presented.opted_out
