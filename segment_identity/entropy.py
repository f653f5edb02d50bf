"""Randomness, kept out of the core.

Asking the system for 16 bytes costs as much as asking for hundreds, so ids are made in batches.
Each is handed out once: taking it from a list is a single operation, which two threads cannot
share, and a forked child begins with an empty list.
"""

import os
from typing import Final

_BATCH: Final = 256
# A UUID says in the upper bits of two bytes what it is (RFC 9562 sections 4.1 and 4.2).
_VERSION: Final = bytes(0x40 | byte & 0x0F for byte in range(256))
_VARIANT: Final = bytes(0x80 | byte & 0x3F for byte in range(256))
_FORM: Final = b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx "
_PLACES: Final = tuple(place for place, octet in enumerate(_FORM) if octet == ord("x"))

_uuids: Final[list[str]] = []
_nonces: Final[list[str]] = []


def new_uuid() -> str:
    """Return a random UUID, version 4 (RFC 9562 section 5.4)."""
    try:
        return _uuids.pop()
    except IndexError:
        fresh = _make_uuids()
        _uuids.extend(fresh[1:])
        return fresh[0]


def new_nonce() -> str:
    """Return 64 random bits as text."""
    try:
        return _nonces.pop()
    except IndexError:
        fresh = os.urandom(8 * _BATCH).hex(" ", 8).split()
        _nonces.extend(fresh[1:])
        return fresh[0]


def _make_uuids() -> list[str]:
    drawn = bytearray(os.urandom(16 * _BATCH))
    drawn[6::16] = drawn[6::16].translate(_VERSION)
    drawn[8::16] = drawn[8::16].translate(_VARIANT)
    digits = drawn.hex().encode()
    # One digit of every id at a time, as a slice is moved at once.
    forms = bytearray(_FORM * _BATCH)
    for at, place in enumerate(_PLACES):
        forms[place :: len(_FORM)] = digits[at :: len(_PLACES)]
    return forms.decode().split()


def _forget() -> None:
    """A parent and its children must not hand out the same ids."""
    _uuids.clear()
    _nonces.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
