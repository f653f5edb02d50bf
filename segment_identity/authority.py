"""What the app's own authentication makes of a visit, whenever somebody looks at it.

What it implies is recorded once an answer can keep it: whoever forgets that it was said would say
it with every request. So an identify waits for the answer to begin, or for a verb that says
somebody else is there.
"""

from segment_identity import acts, calls, visitor
from segment_identity.acting import ActingAs, Unsaid
from segment_identity.acts import Sink
from segment_identity.visit import Visit
from segment_identity.visitor import Traits, Visitor


def look(visit: Visit, sink: Sink | None) -> Visitor:
    """Return who it is; at the first look the app's own authentication has its say."""
    with visit.lock:
        if not visit.is_touched:
            _ = visit.visitor
            follow(visit, sink)
        return visit.visitor


def follow(visit: Visit, sink: Sink | None) -> None:
    """Make the visitor whom the app says is signed in, unless a verb already said so."""
    said = None if visit.acting else visit.app_user()
    if isinstance(said, ActingAs):
        # Whatever the app says besides, it says while staff only look.
        return visit.act_as(said)
    if said is None or visit.decided:
        return None
    user_id, traits = said
    verb = visitor.app_says(visit.visitor, user_id)
    if verb is not None:
        say(visit, sink)
    if verb == "reset":
        acts.forget(visit, keep_device=False)
    elif verb == "identify" and not visit.lasts:
        # Nobody can know that it was said before, so it would be said with every request.
        visit.become(visitor.named(visit.visitor, user_id))
    elif verb == "identify":
        _imply(visit, user_id, traits)
    if verb is not None and visit.occasion().silence is None:
        visit.used = True
    return None


def say(visit: Visit, sink: Sink | None) -> None:
    """Record the identify that was implied, if there is one."""
    unsaid, visit.unsaid = visit.unsaid, None
    if unsaid is not None:
        fields = {"traits": unsaid.traits}
        acts.record(visit, sink, "identify", fields, unsaid.call, who=unsaid.who)


def _imply(visit: Visit, user_id: str | None, traits: Traits) -> None:
    """Tie the person to the visitor; it is said once the answer keeps it, if this one may."""
    policy = visitor.authoritative(visit.on_user_change)
    after = acts.tie(visit, user_id, traits, policy)
    if after is not None and visit.stores:
        call = calls.bare(visit.now(), visit.new_id())
        visit.unsaid = Unsaid(visit.with_id(), acts.told(visit, after, traits), call)
