"""A visit outside any request: in a job, a script, a webhook."""

from segment_identity.context import Context
from segment_identity.reconcile import Reason, Recognised
from segment_identity.visit import Visit
from segment_identity.visitor import Visitor


class DetachedVisit(Visit, eq=False, kw_only=True):
    """A visit whose visitor and context are given."""

    who: Visitor
    given: Context

    def with_id(self) -> Visitor:
        """Return the visitor as it is if it has any id; a known person needs no new device."""
        return self.visitor if self.visitor.user_id is not None else super().with_id()

    def found(self) -> Recognised:
        """Return the visitor that was given."""
        return Recognised(self.who, Reason.AGREE)

    def context(self) -> Context:
        """Return the context that was given."""
        return self.given
