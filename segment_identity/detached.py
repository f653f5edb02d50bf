"""A visit outside any request: in a job, a script, a webhook."""

from typing import Final

from segment_identity import consent as consents
from segment_identity.consent import Consent
from segment_identity.context import Context
from segment_identity.minting import Occasion
from segment_identity.reconcile import Reason, Recognised
from segment_identity.visit import Visit
from segment_identity.visitor import Visitor

_REFUSED: Final = Occasion(navigation=False, silence="consent")


class DetachedVisit(Visit, eq=False, kw_only=True):
    """A visit whose visitor and context are given."""

    who: Visitor
    given: Context
    # False if the person refused; nothing is recorded then.
    allowed: bool = True

    def equipped(self, who: Visitor) -> Visitor:
        """Return *who* as it is if it has any id; a known person needs no new device."""
        return who if who.user_id is not None else super().equipped(who)

    def occasion(self) -> Occasion:
        """Return whether anything is recorded."""
        return _REFUSED if self.opting_out or not self.allowed else super().occasion()

    def consent(self) -> Consent:
        """Return what was said with the visitor."""
        if self.opting_out or not self.allowed:
            return False
        return consents.preferences_in(self.given)

    def found(self) -> Recognised:
        """Return the visitor that was given."""
        return Recognised(self.who, Reason.AGREE)

    def context(self) -> Context:
        """Return the context that was given."""
        return self.given
