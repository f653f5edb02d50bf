"""Make of what a client said a message of the Segment Spec, or say why it is none.

How this works
--------------
Who is believed may name anybody. Everybody else is a device, and what they claim is kept beside the
message, in `context.unverified`, where nothing merges by it:

* The anonymousId is the one of the request's identity, so that what a page sends and what the
  server records are one visitor's. Only where there is none (an app, a first visit of which the
  server saw nothing) the claimed one is taken, if it can be one at all.
* The userId is the one this server signed. A claim that says the same or nothing changes nothing;
  any other makes the message anonymous, as it may be about somebody else.
* An alias merges two people, so it is taken only of those two ids.
* `externalIds` and `traits` in the context are merge keys to Segment, and no stranger gives those.
"""

from collections.abc import Callable
from typing import Any, Final, Literal, get_args

import msgspec

from segment_identity import ids
from segment_identity.ingest import clocks, fields
from segment_identity.ingest.cleaning import clean
from segment_identity.ingest.parsing import Item, Posted, Said
from segment_identity.ingest.routes import Route
from segment_identity.ingest.sender import Sender
from segment_identity.messages import Kind, Message, stamp

Refusal = Literal["invalid", "no_id", "untrusted"]

_KINDS: Final = frozenset(get_args(Kind))
_UNVERIFIED: Final = frozenset({"traits", "externalIds", "unverified"})


class Shared(msgspec.Struct, frozen=True):
    """What the messages of one request share: what it says for all, and when it came."""

    context: dict[str, Any]
    integrations: dict[str, Any]
    sent: int | None
    received: int
    received_at: str


def shared(posted: Posted, received: int) -> Shared:
    """Return what *posted*, received at that millisecond, says for all its messages."""
    return Shared(
        fields.mapping(posted.context),
        fields.mapping(posted.integrations),
        clocks.read(posted.sentAt),
        received,
        stamp(received),
    )


def message(
    item: Item, route: Route, whole: Shared, sender: Sender, *, new_id: Callable[[], str]
) -> Message | Refusal:
    """Return the message that *item* of a *whole* request is, or why it is none."""
    if not isinstance(item, Said):
        return "invalid"
    kind = item.type if route == "batch" else route
    if type(kind) is not str or kind not in _KINDS:
        return "invalid"
    context = item.context if type(item.context) is dict else {}
    if whole.context:
        context = {**whole.context, **context}
    own = fields.of_kind(kind, item, context)
    if own is None:
        return "invalid"
    who = _named(item) if sender.believed else _known(item, sender, context)
    if kind == "alias":
        who = _aliased(item, who, own["previousId"], sender)
    if type(who) is str:
        return who
    if not sender.believed:
        clean(kind, own, context, sender)
    moment, original = _times(item, whole, sender)
    integrations = item.integrations or whole.integrations
    result = {
        "type": kind,
        "messageId": fields.message_id(item.messageId, new_id),
        "anonymousId": who[0],
        "userId": who[1],
        **own,
        "timestamp": moment,
        "originalTimestamp": original,
        "receivedAt": whole.received_at,
        "context": context,
        "integrations": integrations if type(integrations) is dict else {},
    }
    if sender.believed and item.channel is not None:
        result["channel"] = fields.text(item.channel)
    return result


Who = tuple[str | None, str | None]


def _named(item: Said) -> Who | Refusal:
    """Return whom somebody believed names."""
    device, user = fields.identifier(item.anonymousId), fields.identifier(item.userId)
    return "no_id" if device is None and user is None else (device, user)


def _known(item: Said, sender: Sender, context: dict[str, Any]) -> Who | Refusal:
    """Return who the sender is known to be; what it claims goes into the context."""
    unverified: dict[str, Any] = {}
    device, user, claimed = sender.anonymous_id, sender.user_id, item.anonymousId
    if device is None or claimed != device:
        valid = type(claimed) is str and ids.is_anonymous_id(claimed)
        if device is None:
            if not valid:
                return "no_id"
            device = claimed
        elif valid:
            unverified["anonymousId"] = claimed
    if item.userId != user:
        other = fields.identifier(item.userId)
        if other is not None and other != user:
            unverified["userId"] = other
            user = None
    if not _UNVERIFIED.isdisjoint(context):
        traits = context.pop("traits", None)
        if traits and type(traits) is dict:
            unverified["traits"] = traits
        context.pop("externalIds", None)
        context.pop("unverified", None)
    if unverified:
        context["unverified"] = unverified
    return device, user


def _aliased(item: Said, who: Who | Refusal, previous: str, sender: Sender) -> Who | Refusal:
    new = fields.identifier(item.userId)
    if new is None or new == previous:
        return "invalid"
    if sender.believed or type(who) is str:
        return who
    return who if new == sender.user_id and previous == sender.anonymous_id else "untrusted"


def _times(item: Said, whole: Shared, sender: Sender) -> tuple[str, str]:
    """Return when it happened by our clock, and by the client's."""
    said = item.originalTimestamp if item.timestamp is None else item.timestamp
    original = clocks.read(said)
    sent = whole.sent if item.sentAt is None else clocks.read(item.sentAt)
    # A server may well hand in the past; a browser that does has a clock that is wrong.
    oldest = 0 if sender.believed else whole.received - clocks.MAX_AGE
    moment = stamp(clocks.corrected(original, sent, whole.received, oldest))
    return moment, said if original is not None and type(said) is str else moment
