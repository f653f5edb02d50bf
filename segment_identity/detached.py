"""A visit outside any request: in a job, a script, a webhook."""

from segment_identity.context import Context
from segment_identity.reconcile import Reason, Recognised
from segment_identity.sources import Sources
from segment_identity.visit import Visit
from segment_identity.visitor import Visitor


class DetachedVisit(Visit, eq=False, kw_only=True):
    """A visit whose visitor and context are given."""

    who: Visitor
    given: Context
    sources: Sources

    def with_id(self) -> Visitor:
        """Return the visitor as it is if it has any id; a known person needs no new device."""
        return self.visitor if self.visitor.user_id is not None else super().with_id()

    def found(self) -> Recognised:
        """Return the visitor that was given."""
        return Recognised(self.who, Reason.AGREE)

    def now(self) -> float:
        """Return the time, in seconds since 1970."""
        return self.sources.now()

    def new_id(self) -> str:
        """Return a new id."""
        return self.sources.new_id()

    def context(self) -> Context:
        """Return the context that was given."""
        return self.given

    def advise(self, key: str, text: str) -> None:
        """Log a piece of advice, once."""
        self.sources.journal.advise(key, text)

    def report(self, reason: str, error: BaseException) -> None:
        """Count an error that was caught."""
        self.sources.journal.report(reason, error)
