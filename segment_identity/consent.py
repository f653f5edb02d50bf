"""What a visitor agreed to, and who may therefore have an event (Segment: Consent Management).

How this works
--------------
* A visitor who was not asked yet is not recorded, and nothing is stored or looked at. One who says
  no, or no longer, is forgotten besides. Only True is agreement; whatever is missing is refused.
* Preferences go into every message as `context.consent.categoryPreferences`. A destination that
  has categories gets an event only if all of them are true there.
* An event without a consent object goes everywhere, because nobody was asked about it. An empty
  consent object counts as none, unless there is an integrations object; then it refuses, as
  preferences that are empty always do. Both are Segment's own rules; integrations only narrow
  what consent allows, and are left to Segment.
* Global Privacy Control refuses the categories that sell or share, whatever else was agreed.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from segment_identity.errors import InvalidCall

Preferences = Mapping[str, bool]
Consent = bool | Preferences | None
# True: Global Privacy Control refuses everything; False: nothing; else the categories it refuses.
Gpc = bool | Collection[str]


class Agreement(msgspec.Struct, frozen=True):
    """Whether somebody may be recorded; *asked* False leaves what is stored as it is."""

    allows: bool
    asked: bool = True
    preferences: Preferences | None = None


AGREED: Final = Agreement(allows=True)
REFUSED: Final = Agreement(allows=False)
UNASKED: Final = Agreement(allows=False, asked=False)


def read(answer: object, category: str) -> Agreement:
    """Return what *answer* means where recording somebody needs *category*.

    Raises `TypeError` for what is neither None, a bool nor a mapping of names to bools.
    """
    if answer is None:
        return UNASKED
    if isinstance(answer, bool):
        return AGREED if answer else REFUSED
    if not isinstance(answer, Mapping):
        raise TypeError("want None, a bool or a mapping of categories to bools")
    preferences = dict(answer)
    for name, value in preferences.items():
        if not isinstance(name, str) or not isinstance(value, bool):
            raise TypeError("want categories that are texts, and bools for them")
    return Agreement(preferences.get(category, False), preferences=preferences)


def given(verb: str, consent: Consent) -> Consent:
    """Return the *consent* that a call to *verb* was given; raises `InvalidCall`."""
    try:
        agreed = read(consent, "")
        return consent if agreed.preferences is None else agreed.preferences
    except TypeError:
        raise InvalidCall(
            f"{verb}() was given {type(consent).__name__} as consent; "
            "want None, a bool or a mapping of categories to bools"
        ) from None


def under_gpc(agreement: Agreement, gpc: Gpc, category: str) -> Agreement:
    """Return what is left of an agreement under Global Privacy Control."""
    if gpc is True:
        return REFUSED if agreement.asked else agreement
    if gpc is False or not gpc or not agreement.allows:
        return agreement
    preferences = agreement.preferences
    agreed = {category: True} if preferences is None else preferences
    less = {**agreed, **dict.fromkeys(gpc, False)}
    return Agreement(less.get(category, False), preferences=less)


def told(agreement: Agreement) -> Consent:
    """Return an agreement as people write it."""
    if not agreement.asked:
        return None
    if agreement.preferences is None or not agreement.allows:
        return agreement.allows
    return dict(agreement.preferences)


def stamp(consent: Consent) -> dict[str, Any]:
    """Return what a context gains; a plain yes names no category, so it says nothing."""
    if not isinstance(consent, Mapping):
        return {}
    return {"consent": {"categoryPreferences": dict(consent)}}


def preferences_in(context: Mapping[str, Any]) -> Preferences | None:
    """Return the preferences in a message's context."""
    consent = context.get("consent")
    found = consent.get("categoryPreferences") if isinstance(consent, Mapping) else None
    if not isinstance(found, Mapping):
        return None
    return {name: said is True for name, said in found.items()}


def narrowed(consent: Consent, context: Mapping[str, Any]) -> Consent:
    """Return what is agreed to if a page, by its *context*, and the server both have a say.

    Each may refuse what the other does not; where only one names a category, it decides.
    """
    if not isinstance(consent, Mapping):
        return None
    claimed = preferences_in(context) or {}
    names = {**consent, **claimed}
    return {name: consent.get(name, True) and claimed.get(name, True) for name in names}


class _Context(msgspec.Struct, frozen=True):
    consent: Any = msgspec.UNSET


class _Event(msgspec.Struct, frozen=True):
    context: _Context = _Context()
    integrations: Any = None


_decoder: Final = msgspec.json.Decoder(_Event)
_NOTHING: Final[frozenset[str]] = frozenset()


def granted(event: bytes) -> frozenset[str] | None:
    """Return the categories an encoded message agrees to; None if it goes everywhere.

    What cannot be read agrees to nothing.
    """
    try:
        read = _decoder.decode(event)
    except (msgspec.DecodeError, RecursionError):
        return _NOTHING
    consent = read.context.consent
    if consent is msgspec.UNSET:
        return None
    if not consent and isinstance(consent, dict) and not read.integrations:
        return None
    found = consent.get("categoryPreferences") if isinstance(consent, dict) else None
    if not isinstance(found, dict):
        return _NOTHING
    return frozenset(name for name, said in found.items() if said is True)


def closed_to(event: bytes, categories: Mapping[str, frozenset[str]]) -> Collection[str]:
    """Return the destinations that may not have an encoded message, by what each needs."""
    agreed = granted(event)
    if agreed is None:
        return ()
    return [name for name, needed in categories.items() if not needed <= agreed]
