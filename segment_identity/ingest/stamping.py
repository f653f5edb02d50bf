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
from segment_identity.ingest import clocks, contexts, fields
from segment_identity.ingest.cleaning import mask
from segment_identity.ingest.contexts import Context
from segment_identity.ingest.parsing import Item, Posted, Said
from segment_identity.ingest.routes import Route
from segment_identity.ingest.sender import Sender
from segment_identity.jsonable import encoded
from segment_identity.messages import Kind, Message, stamp

Refusal = Literal["invalid", "no_id", "untrusted"]

_KINDS: Final = frozenset(get_args(Kind))


class Stamping:
    """Stamps what *posted* said, received from *sender* at that millisecond."""

    def __init__(
        self,
        posted: Posted,
        route: Route,
        sender: Sender,
        received: int,
        new_id: Callable[[], str],
    ) -> None:
        self._route = route
        self.sender = sender
        self._shared = fields.mapping(posted.context)
        # The last context that was said, what was made of it, and that encoded.
        self._said: Any = None
        self._context: Context | None = None
        self._encoded: msgspec.Raw | None = None
        self._is_alone = len(posted.batch) == 1
        self._integrations = fields.mapping(posted.integrations)
        self._sent = clocks.read(posted.sentAt)
        self._received = received
        self._received_at = stamp(received)
        self._new_id = new_id

    def message(self, item: Item) -> Message | Refusal:
        """Return the message that *item* is, or why it is none."""
        if not isinstance(item, Said):
            return "invalid"
        kind = item.type if self._route == "batch" else self._route
        if type(kind) is not str or kind not in _KINDS:
            return "invalid"
        context = self._context
        if context is None or item.context is not self._said:
            context = self._read(item.context)
        own = fields.of_kind(kind, item, context.said)
        if own is None:
            return "invalid"
        sender, claims = self.sender, {**context.claims} if context.claims else {}
        who = _named(item) if sender.believed else _known(item, sender, claims)
        if kind == "alias":
            who = _aliased(item, who, own["previousId"], sender)
        if type(who) is str:
            return who
        if kind == "page" and not sender.believed:
            mask(own["properties"])
        moment, original = self._times(item)
        integrations = item.integrations or self._integrations
        result = {
            "type": kind,
            "messageId": fields.message_id(item.messageId, self._new_id),
            "anonymousId": who[0],
            "userId": who[1],
            **own,
            "timestamp": moment,
            "originalTimestamp": original,
            "receivedAt": self._received_at,
            "context": {**context.kept, "unverified": claims} if claims else context.kept,
            "integrations": integrations if type(integrations) is dict else {},
        }
        if sender.believed and item.channel is not None:
            result["channel"] = fields.text(item.channel)
        return result

    def encoded(self, message: Message) -> bytes:
        """Return *message*, the last one, as JSON."""
        context = self._context
        if not self._is_alone and context is not None and message["context"] is context.kept:
            if self._encoded is None:
                self._encoded = msgspec.Raw(encoded(context.kept))
            message = {**message, "context": self._encoded}
        return encoded(message)

    def _read(self, said: Any) -> Context:
        """Read a context; that of the next message is often the same."""
        own = fields.mapping(said)
        whole = {**self._shared, **own} if self._shared else own
        self._said, self._encoded = said, None
        self._context = contexts.read(whole, self.sender)
        return self._context

    def _times(self, item: Said) -> tuple[str, str]:
        """Return when it happened by our clock, and by the client's."""
        said = item.originalTimestamp if item.timestamp is None else item.timestamp
        original = clocks.read(said)
        sent = self._sent if item.sentAt is None else clocks.read(item.sentAt)
        # A server may well hand in the past; a browser that does has a clock that is wrong.
        oldest = 0 if self.sender.believed else self._received - clocks.MAX_AGE
        moment = stamp(clocks.corrected(original, sent, self._received, oldest))
        return moment, said if original is not None and type(said) is str else moment


Who = tuple[str | None, str | None]


def _named(item: Said) -> Who | Refusal:
    """Return whom somebody believed names."""
    device, user = fields.identifier(item.anonymousId), fields.identifier(item.userId)
    return "no_id" if device is None and user is None else (device, user)


def _known(item: Said, sender: Sender, claims: dict[str, Any]) -> Who | Refusal:
    """Return who the sender is known to be; whom else it names goes to its *claims*."""
    device, user, named = sender.anonymous_id, sender.user_id, item.anonymousId
    if device is None or named != device:
        valid = type(named) is str and ids.is_anonymous_id(named)
        if device is None:
            if not valid:
                return "no_id"
            device = named
        elif valid:
            claims["anonymousId"] = named
    if item.userId != user:
        other = fields.identifier(item.userId)
        if other is not None and other != user:
            claims["userId"] = other
            user = None
    return device, user


def _aliased(item: Said, who: Who | Refusal, previous: str, sender: Sender) -> Who | Refusal:
    new = fields.identifier(item.userId)
    if new is None or new == previous:
        return "invalid"
    if sender.believed or type(who) is str:
        return who
    return who if new == sender.user_id and previous == sender.anonymous_id else "untrusted"
