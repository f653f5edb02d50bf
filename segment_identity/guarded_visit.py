"""A visit of which the app or the law must first allow that it is more than an answer."""

from typing import Final

import msgspec
from starlette.requests import HTTPConnection

from segment_identity import consent as consents
from segment_identity.consent import AGREED, UNASKED, Agreement
from segment_identity.followed_visit import FollowedVisit
from segment_identity.minting import Refusal
from segment_identity.recognition import Recognition
from segment_identity.reconcile import STRANGER
from segment_identity.request_visit import Storage
from segment_identity.visitor import Visitor

_UNNAMED: Final = (
    "consent= said nothing about the category that recording somebody needs, so nobody is recorded;"
    " name it in consent_category="
)


class GuardedVisit(FollowedVisit, eq=False, kw_only=True):
    """The visit of one connection under `consent=`, `gpc=True` or `cookieless=True`."""

    _agreed: Agreement | None = None
    _daily: str | None = None

    @property
    def lasts(self) -> bool:
        """Whether anybody may be remembered from one request to the next."""
        return self.settings.privacy.daily is None

    def is_steady(self) -> bool:
        """Ask the visitor's consent for every answer, as a withdrawal leaves work to do."""
        return False

    def agreement(self) -> Agreement:
        """Return what the visitor agreed to; what the option raises or mistakes is no consent."""
        with self.lock:
            agreed = self._agreed
            if agreed is None:
                # Stands while the app is asked, whose function may look at the identity itself.
                self._agreed = UNASKED
                agreed = self._agreed = self._asked()
                self._recognition, self._occasion = None, None
                self._context, self._current = None, None
            return agreed

    def recognition(self) -> Recognition:
        """Return what the cookies said, as far as they may be read."""
        known = self._recognition
        if known is None:
            allowed = self.agreement().allows
            known = super().recognition()
            if not (allowed and self.lasts):
                known = Recognition(known.presented, STRANGER)
            self._recognition = known
        return known

    def refusal(self) -> Refusal | None:
        """Return who refuses that anything is recorded."""
        refused = super().refusal()
        if refused is not None or self.agreement().allows:
            return refused
        return "gpc" if self.settings.privacy.gpc is True and self.signals_gpc() else "consent"

    def storage(self) -> Storage:
        """Return what becomes of the browser's cookies."""
        usual = super().storage()
        if usual != "keep":
            return usual
        agreed = self.agreement()
        if self.lasts and agreed.allows:
            return "keep"
        return "clear" if agreed.asked else "leave"

    def may_mint(self) -> bool:
        """Tell whether an anonymousId made in this request may be stored."""
        return self.lasts and super().may_mint()

    def new_device_id(self) -> str:
        """Return a new anonymousId; without cookies, the one of this day."""
        daily = self.settings.privacy.daily
        if daily is None:
            return super().new_device_id()
        if self._daily is None:
            headers = self.headers()
            self._daily = daily.of(
                self.now(),
                site=headers.get(b"host", b""),
                address=str(self.address() or ""),
                agent=headers.get(b"user-agent", b""),
            )
        return self._daily

    def equipped(self, who: Visitor) -> Visitor:
        """Return *who* as messages must name them: nobody is tied to an id that many share."""
        return who if not self.lasts and who.user_id is not None else super().equipped(who)

    def become(self, after: Visitor) -> None:
        """Make the visitor *after*; one with a name leaves the id that many share."""
        super().become(after)
        if after.user_id is not None and after.anonymous_id == self._daily:
            self._current = msgspec.structs.replace(after, anonymous_id=None)

    def device_id(self) -> str:
        """Return the anonymousId; the one of this day is given to nobody with a name."""
        if not self.lasts and self.visitor.anonymous_id is None:
            return self.new_device_id()
        return super().device_id()

    def _asked(self) -> Agreement:
        privacy = self.settings.privacy
        try:
            agreed = AGREED
            if privacy.consent is not None:
                agreed = consents.read(
                    privacy.consent(HTTPConnection(self.scope)), privacy.category
                )
                said = agreed.preferences
                if said is not None and privacy.category not in said:
                    self.advise("consent_category", _UNNAMED)
            if self.signals_gpc():
                agreed = consents.under_gpc(agreed, privacy.gpc, privacy.category)
            return agreed
        except Exception as error:
            self.report("consent", error)
            return UNASKED
