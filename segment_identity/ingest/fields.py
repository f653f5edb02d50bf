"""Read the fields of a message that a client may have filled with anything."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from segment_identity import ids, messages
from segment_identity.ingest.parsing import Said

_CONSENT_CHANGED: Final = "Segment Consent Preference Updated"


def of_kind(kind: str, said: Said, context: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what only this kind of message has; None if something is missing."""
    if kind == "track":
        event, properties = text(said.event), said.properties
        if event is None or (event == _CONSENT_CHANGED and not _says_consent(context)):
            return None
        return {"event": event, "properties": properties if type(properties) is dict else {}}
    if kind == "identify":
        # RudderStack's SDKs say it in the context.
        traits = context.get("traits") if said.traits is None else said.traits
        return {"traits": mapping(traits)}
    if kind == "group":
        group = identifier(said.groupId)
        return None if group is None else {"groupId": group, "traits": mapping(said.traits)}
    if kind == "alias":
        previous = identifier(said.previousId)
        return None if previous is None else {"previousId": previous}
    named = {"category": text(said.category), "name": text(said.name)}
    present: dict[str, Any] = {key: value for key, value in named.items() if value is not None}
    present["properties"] = mapping(said.properties)
    return present


def is_message_id(said: Any) -> bool:
    """Tell whether a client said a messageId, in whatever form."""
    return type(said) is int or (type(said) is str and bool(said))


def message_id(said: Any, new_id: Callable[[], str]) -> str:
    """Return the messageId; a new one if there is none."""
    if type(said) is str and messages.is_message_id(said):
        return said
    if not is_message_id(said):
        return new_id()
    # The same one for a repeat, and as short as Segment wants it.
    text = str(said)
    if messages.is_message_id(text):
        return text
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def identifier(said: Any) -> str | None:
    """Return the id that *said* is, or None."""
    if type(said) is int:
        said = str(said) if said.bit_length() < 256 else ""
    return said if type(said) is str and ids.problem(said) is None else None


def text(said: Any) -> str | None:
    """Return the name that *said* is, or None; a number is one."""
    if type(said) is str:
        return said if said.strip() else None
    return str(said) if type(said) is int and said.bit_length() < 256 else None


def mapping(said: Any) -> dict[str, Any]:
    """Return *said*, or nothing if it is no object."""
    return said if type(said) is dict else {}


def _says_consent(context: Mapping[str, Any]) -> bool:
    consent = context.get("consent")
    return type(consent) is dict and type(consent.get("categoryPreferences")) is dict
