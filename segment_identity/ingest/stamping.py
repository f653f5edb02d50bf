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

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, get_args

import msgspec

from segment_identity import consent as consents
from segment_identity import context as contexts
from segment_identity import ids
from segment_identity.consent import Consent
from segment_identity.ingest import clocks
from segment_identity.ingest.parsing import Item, Posted, Said
from segment_identity.ingest.routes import Route
from segment_identity.messages import Kind, Message, is_message_id, stamp

Refusal = Literal["invalid", "no_id", "untrusted"]

_KINDS: Final = frozenset(get_args(Kind))
_CONSENT_CHANGED: Final = "Segment Consent Preference Updated"
_NO_IP: Final = "0.0.0.0"
_MAX_NAME: Final = 256
_URLS: Final = ("url", "search", "referrer")


class Sender(msgspec.Struct, frozen=True, gc=False):
    """What is known of who sent a message, without asking them.

    Somebody *believed* is a server, which has neither device nor address worth noting.
    """

    believed: bool = False
    anonymous_id: str | None = None
    user_id: str | None = None
    ip: str | None = None
    user_agent: str = ""
    consent: Consent = None


BELIEVED: Final = Sender(believed=True)


def scope(message: Message, sender: Sender) -> str:
    """Return among whose messages this messageId is unique; no anonymousId has a blank."""
    return "a server" if sender.believed else str(message["anonymousId"])


def message(
    item: Item,
    route: Route,
    posted: Posted,
    sender: Sender,
    *,
    received: int,
    new_id: Callable[[], str],
) -> Message | Refusal:
    """Return the message that *item* is, received at that millisecond, or why it is none."""
    if type(item) is not Said:
        return "invalid"
    kind = item.type if route == "batch" else route
    if type(kind) is not str or kind not in _KINDS:
        return "invalid"
    context = _mapping(item.context)
    if posted.context is not None:
        context = {**_mapping(posted.context), **context}
    fields = _fields(item, kind, context)
    if fields is None:
        return "invalid"
    who = _named(item) if sender.believed else _known(item, sender, context)
    if kind == "alias":
        who = _aliased(item, who, fields, sender)
    if type(who) is str:
        return who
    if not sender.believed:
        _clean(kind, fields, context, sender)
    result = {
        "type": kind,
        "messageId": _message_id(item.messageId, new_id),
        "anonymousId": who[0],
        "userId": who[1],
        **fields,
        **_times(item, posted, received, believed=sender.believed),
        "context": context,
        "integrations": _mapping(item.integrations or posted.integrations),
    }
    if sender.believed and item.channel is not None:
        result["channel"] = _text(item.channel)
    return result


Who = tuple[str | None, str | None]


def _named(item: Said) -> Who | Refusal:
    """Return whom somebody believed names."""
    device, user = _id(item.anonymousId), _id(item.userId)
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
        other = _id(item.userId)
        if other is not None and other != user:
            unverified["userId"] = other
            user = None
    traits = context.pop("traits", None)
    if type(traits) is dict and traits:
        unverified["traits"] = traits
    context.pop("externalIds", None)
    context.pop("unverified", None)
    if unverified:
        context["unverified"] = unverified
    return device, user


def _aliased(
    item: Said, who: Who | Refusal, fields: dict[str, Any], sender: Sender
) -> Who | Refusal:
    previous, new = fields["previousId"], _id(item.userId)
    if new is None or new == previous:
        return "invalid"
    if sender.believed or type(who) is str:
        return who
    return who if new == sender.user_id and previous == sender.anonymous_id else "untrusted"


def _fields(item: Said, kind: str, context: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what only this kind of message has; None if something is missing."""
    if kind == "track":
        event = _text(item.event)
        if event is None or (event == _CONSENT_CHANGED and not _says_consent(context)):
            return None
        return {"event": event, "properties": _mapping(item.properties)}
    if kind == "identify":
        # RudderStack's SDKs say it in the context.
        traits = context.get("traits") if item.traits is None else item.traits
        return {"traits": _mapping(traits)}
    if kind == "group":
        group = _id(item.groupId)
        return None if group is None else {"groupId": group, "traits": _mapping(item.traits)}
    if kind == "alias":
        previous = _id(item.previousId)
        return None if previous is None else {"previousId": previous}
    named = {"category": _text(item.category), "name": _text(item.name)}
    present: dict[str, Any] = {key: value for key, value in named.items() if value is not None}
    present["properties"] = _mapping(item.properties)
    return present


def _times(item: Said, posted: Posted, received: int, *, believed: bool) -> dict[str, str]:
    said = item.originalTimestamp if item.timestamp is None else item.timestamp
    original = clocks.read(said)
    sent = clocks.read(posted.sentAt if item.sentAt is None else item.sentAt)
    # A server may well hand in the past; a browser that does has a clock that is wrong.
    oldest = 0 if believed else received - clocks.MAX_AGE
    moment = stamp(clocks.corrected(original, sent, received, oldest=oldest))
    return {
        "timestamp": moment,
        "originalTimestamp": said if type(said) is str and original is not None else moment,
        "receivedAt": stamp(received),
    }


def _clean(kind: str, fields: Mapping[str, Any], context: dict[str, Any], sender: Sender) -> None:
    """Correct what the request knows better, and take out what a stranger may not leave here."""
    if sender.ip is None:
        context.pop("ip", None)
    elif context.get("ip") != _NO_IP:
        context["ip"] = sender.ip
    if type(context.get("userAgent")) is not str and sender.user_agent:
        context["userAgent"] = sender.user_agent
    context.update(consents.stamp(consents.narrowed(sender.consent, context)))
    library = context.get("library")
    if library is not None:
        context["library"] = {
            key: value[:_MAX_NAME]
            for key, value in _mapping(library).items()
            if key in ("name", "version") and type(value) is str
        }
    pages = [context.get("page")]
    if kind == "page":
        pages.append(fields["properties"])
    for page in pages:
        if type(page) is dict:
            for key in _URLS:
                url = page.get(key)
                if type(url) is str and "=" in url:
                    page[key] = contexts.without_secrets(url)


def _message_id(said: Any, new_id: Callable[[], str]) -> str:
    if type(said) is int:
        said = str(said)
    if type(said) is not str or not said:
        return new_id()
    if is_message_id(said):
        return said
    # The same one for a repeat, and as short as Segment wants it.
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()


def _id(said: Any) -> str | None:
    if type(said) is int:
        said = str(said) if said.bit_length() < 256 else ""
    return said if type(said) is str and ids.problem(said) is None else None


def _text(said: Any) -> str | None:
    if type(said) is int:
        return str(said) if said.bit_length() < 256 else None
    return said if type(said) is str and said.strip() else None


def _mapping(said: Any) -> dict[str, Any]:
    return said if type(said) is dict else {}


def _says_consent(context: Mapping[str, Any]) -> bool:
    consent = context.get("consent")
    return type(consent) is dict and type(consent.get("categoryPreferences")) is dict
