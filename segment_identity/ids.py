"""Which strings may name a visitor, a user or a group."""

import re
from typing import Final
from uuid import UUID

from segment_identity.errors import InvalidCall

# What may be given as an id; a UUID becomes the text that `str` makes of it.
Id = str | int | UUID

# The percent-encoded length, so that all cookies of one visitor stay under 4 KB together.
MAX_ENCODED: Final = 350

# `fullmatch` on ASCII letters: no lookalike digit, blank or newline can make a second id.
_ANONYMOUS: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_ZEROS: Final = re.compile(r"[0-]*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,350}")
_PLACEHOLDERS: Final = frozenset(
    """
    null undefined none nil nan true false anonymous guest unknown id email distinct_id distinctid
    user_id userid anonymous_id anonymousid not_authenticated n/a -1 objectobject
    """.split()
)
_WRAPPING: Final = " \t\"'()[]{}<>"


def is_placeholder(text: str) -> bool:
    """Tell whether *text* is what broken clients send for everybody, such as `null` or `0000`."""
    if len(text) > 32:
        return _ZEROS.fullmatch(text) is not None
    bare = text.strip(_WRAPPING).lower()
    return _ZEROS.fullmatch(bare) is not None or bare.replace(" ", "") in _PLACEHOLDERS


def is_anonymous_id(text: str) -> bool:
    """Tell whether a browser may claim *text* as its anonymousId."""
    return _ANONYMOUS.fullmatch(text) is not None and not is_placeholder(text)


def problem(text: str) -> str | None:
    """Say what keeps *text* from being an id, or None; never quotes the id of a person."""
    if not text or text.isspace():
        return "a blank"
    if is_placeholder(text):
        return f"the placeholder {text[:32]!r}"
    if _WORD.fullmatch(text):
        return None
    if _CONTROL.search(text):
        return "a text with control characters"
    try:
        octets = text.encode()
    except UnicodeEncodeError:
        return "a text that is not valid Unicode"
    encoded = sum(1 if chr(octet).isalnum() and octet < 128 else 3 for octet in octets)
    if encoded > MAX_ENCODED:
        return f"a text longer than {MAX_ENCODED} bytes when percent-encoded"
    return None


def _number(value: int | UUID) -> int | UUID:
    return int(value) if isinstance(value, int) else value


def given(verb: str, name: str, value: object) -> str:
    """Return *value*, an argument called *name*, as an id; integers and UUIDs become text.

    Raises `InvalidCall` for other kinds and for texts that cannot be an id.
    """
    if not isinstance(value, Id) or isinstance(value, bool):
        raise InvalidCall(
            f"{verb}() was given {type(value).__name__} as {name}; "
            "want a str, an int or a UUID that stays the same for one person"
        )
    try:
        # Not str(value): an enum of texts or numbers would give its name.
        text = str.__str__(value) if isinstance(value, str) else str(_number(value))
    except ValueError as error:
        raise InvalidCall(f"{verb}() was given an endless integer as {name}") from error
    wrong = problem(text)
    if wrong is not None:
        raise InvalidCall(
            f"{verb}() was given {wrong} as {name}; want an id that belongs to one person only"
        )
    return text
