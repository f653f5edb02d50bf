"""What verbs do to a visit, and how they are recorded."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec

from segment_identity import calls, messages, pending, visitor
from segment_identity import context as contexts
from segment_identity.calls import Call, Common
from segment_identity.jsonable import Snapshot, is_plain
from segment_identity.messages import Kind, Message
from segment_identity.minting import is_recorded
from segment_identity.visit import Visit
from segment_identity.visitor import OnUserChange, Traits, Visitor

_NOWHERE: Final = (
    "a verb was called, but IdentityMiddleware has no analytics=, so the event goes nowhere"
)
_EMAIL: Final = (
    "an e-mail address is used as a user id; people change those, "
    "so prefer an id of your database and send the address as a trait"
)
_REFUSED: Final = "identify() with another user was refused (on_user_change='refuse')"
_TOO_LATE: Final = (
    "{}() said who somebody is when the response had begun (or on a websocket), where no cookie "
    "can be set: events are right, but the browser keeps its old identity and comes with that "
    "again; call it before the response begins, such as in a dependency, or before a "
    "StreamingResponse is returned"
)


class Sink(Protocol):
    """Where messages go; `Analytics` is one."""

    def emit(self, message: Message) -> bytes | None:
        """Send a message; return it as it is sent, None if it is not."""

    def drop(self, reason: str) -> None:
        """Count a message that is not sent."""


def prepare(
    visit: Visit,
    verb: str,
    name: str,
    given: object,
    common: Common,
    *,
    kept: bool = False,
) -> tuple[dict[str, Any], Call]:
    """Check the arguments of one call; *given*, called *name*, is its mapping.

    Unless it is *kept*, what comes back may be what was given, and is good until the call returns.
    """
    sources = visit.sources
    if not (common or kept) and is_plain(given):
        # Nearly always; the rest of this would come to the same.
        return given, calls.bare(sources.now(), sources.new_id())
    snapshot = Snapshot()
    checked = messages.checked_mapping(verb, name, given)
    call = calls.checked(verb, common, snapshot, sources.now(), sources.new_id)
    plain = snapshot.mapping(checked, kept=kept)
    if snapshot.replaced:
        visit.report("json", TypeError())
    return plain, call


def identify(
    visit: Visit,
    sink: Sink | None,
    user_id: str | None,
    traits: Traits,
    call: Call,
    policy: OnUserChange,
) -> None:
    """Tie a person, or traits, to the visitor, and record it."""
    before = visit.visitor
    after = tie(visit, user_id, traits, policy)
    mind(visit, "identify", before)
    if after is not None:
        record(visit, sink, "identify", {"traits": told(visit, after, traits)}, call)
    elif sink is not None:
        sink.drop("refused")


def told(visit: Visit, after: Visitor, traits: Traits) -> Traits:
    """Return the traits that an identify says: those given, or with older ones that are kept."""
    return after.traits if visit.remembers else traits


def tie(visit: Visit, user_id: str | None, traits: Traits, policy: OnUserChange) -> Visitor | None:
    """Return the visitor with this person or these traits; None if the policy refused."""
    if user_id is not None and visitor.looks_like_email(user_id):
        visit.advise("email", _EMAIL)
    found = visit.found()
    with visit.lock:
        after = visitor.identify(
            visit.visitor,
            user_id,
            traits,
            new_id=visit.new_device_id,
            on_user_change=policy,
            claimed=found.claimed,
            ambiguous=found.ambiguous and not visit.changed,
        )
        if after is not None:
            visit.become(after)
            return after
    visit.advise("refused", _REFUSED)
    return None


def forget(visit: Visit, *, keep_device: bool) -> None:
    """Make the visitor a stranger."""
    claimed = visit.found().claimed
    with visit.lock:
        visit.become(
            visitor.reset(
                visit.visitor, new_id=visit.new_device_id, keep_device=keep_device, claimed=claimed
            )
        )


def replace_device(visit: Visit, anonymous_id: str) -> None:
    """Give the visitor an anonymousId that the app chose."""
    with visit.lock:
        after = visitor.set_anonymous_id(visit.visitor, anonymous_id)
        if after is not visit.visitor:
            visit.become(after)
            visit.changed = True


def use(visit: Visit, kind: str) -> bool:
    """Note that a verb was called, so that the identity is worth storing; False if in silence."""
    if not is_recorded(kind, visit.occasion()):
        return False
    visit.used = True
    return True


def use_if_changed(visit: Visit, verb: str, before: Visitor) -> None:
    """Note a *verb* that records nothing, if it changed anything."""
    mind(visit, verb, before)
    if visit.changed:
        use(visit, "identify")


def mind(visit: Visit, verb: str, before: Visitor) -> None:
    """Advise against a *verb* that changed who it is when the browser cannot be told any more."""
    if visit.is_late() and visitor.has_changed(before, visit.visitor):
        visit.advise("late", _TOO_LATE.format(verb))


def record(
    visit: Visit,
    sink: Sink | None,
    kind: Kind,
    fields: Mapping[str, Any],
    call: Call,
    context: Mapping[str, Any] | None = None,
    who: Visitor | None = None,
) -> None:
    """Send one message, or count why not; *context* replaces the one of the visit and the call.

    It is about *who*, or else about who is there now.
    """
    if call.anonymous_id is not None:
        replace_device(visit, call.anonymous_id)
    if not use(visit, kind):
        if sink is not None:
            sink.drop(visit.occasion().silence or "excluded")
        return
    if sink is None:
        visit.advise("nowhere", _NOWHERE)
        return
    try:
        who = who or visit.with_id()
        stamp = visit.stamp(kind, fields.get("event"))
        said: Mapping[str, Any] | msgspec.Raw
        if context is None and not call.context:
            said = visit.shared_context(who.group_id, stamp)
        else:
            base = contexts.merged(visit.context(), call.context) if context is None else context
            said = messages.in_group({**stamp, **base}, who.group_id)
        sent = sink.emit(
            messages.build(
                kind,
                who,
                fields,
                context=said,
                integrations=call.integrations,
                message_id=call.message_id,
                timestamp=call.timestamp,
            )
        )
    except Exception as error:
        visit.report("record", error)
        sink.drop("failed")
        return
    if call.browser and sent is not None:
        _defer(visit, kind, who, sent, call)


def _defer(visit: Visit, kind: Kind, who: Visitor, sent: bytes, call: Call) -> None:
    """Have the next page make a call as it was *sent*, of which the app may have taken parts."""
    try:
        visit.defer(pending.deferred(kind, who, msgspec.json.decode(sent), call))
    except Exception as error:
        # Only a message to which `before_send` did odd things.
        visit.report("browser", error)


def link(visit: Visit, sink: Sink, short_lived: str) -> None:
    """Record that *short_lived*, an id made just before, is this device too."""
    call = calls.bare(visit.now(), visit.new_id())
    fields = {"userId": visit.device_id(), "previousId": short_lived}
    record(visit, sink, "alias", fields, call)
