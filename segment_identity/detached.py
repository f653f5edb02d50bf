"""A visit outside any request: in a job, a script, a webhook."""

from collections.abc import Mapping
from typing import Any, Final

from segment_identity import consent as consents
from segment_identity import context as contexts
from segment_identity import ids
from segment_identity.acts import Sink
from segment_identity.consent import Consent
from segment_identity.context import Context
from segment_identity.identity import Identity
from segment_identity.ids import Id
from segment_identity.jsonable import Snapshot
from segment_identity.messages import checked_mapping
from segment_identity.minting import Occasion
from segment_identity.reconcile import Reason, Recognised
from segment_identity.sources import Sources
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


class DetachedIdentity(Identity):
    """The handle of a job."""

    __slots__ = ("_sink", "_visit")
    _sink: Sink
    _visit: DetachedVisit

    def __init__(self, visit: DetachedVisit, sink: Sink) -> None:
        self._visit = visit
        self._sink = sink


def visit(
    sources: Sources,
    *,
    user_id: Id | None,
    anonymous_id: Id | None,
    group_id: Id | None,
    traits: Mapping[str, Any] | None,
    group_traits: Mapping[str, Any] | None,
    context: Mapping[str, Any] | None,
    consent: Consent,
) -> DetachedVisit:
    """Return a visit of whom `Analytics.identity` was given; raises `InvalidCall`."""
    snapshot = Snapshot()
    who = Visitor(
        None if anonymous_id is None else ids.given("identity", "anonymous_id", anonymous_id),
        None if user_id is None else ids.given("identity", "user_id", user_id),
        None if group_id is None else ids.given("identity", "group_id", group_id),
        snapshot.mapping(checked_mapping("identity", "traits", traits)),
        snapshot.mapping(checked_mapping("identity", "group_traits", group_traits)),
        touched=True,
    )
    given = snapshot.mapping(checked_mapping("identity", "context", context))
    agreed = consents.given("identity", consent)
    return DetachedVisit(
        who=who,
        given={"library": contexts.LIBRARY, **given, **consents.stamp(agreed)},
        allowed=agreed is not False,
        sources=sources,
    )
