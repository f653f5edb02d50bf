"""The cookies of a newcomer: a visitor who brought none, and of whom only a new id is known.

`persist.set_cookies` says what they are. They are written more often than all others together, and
but for id, time and nonce they are the same for everybody; so it is asked once, and what it said is
filled in from then on.
"""

from typing import Final, NamedTuple

from segment_identity import persist
from segment_identity.cookies import Attributes
from segment_identity.presented import NOTHING, Presented
from segment_identity.reconcile import STRANGER, Recognised
from segment_identity.signing import Memory, MemorySigner, encoded
from segment_identity.visitor import Visitor, is_untouched

_ID: Final = b"an-id"
_NONCE: Final = b"a-nonce"


class _Form(NamedTuple):
    """What stands around id and nonce in the cookies of one second."""

    second: int
    memory: tuple[bytes, bytes, bytes]
    hidden: bytes
    readable: list[list[bytes]]


def is_newcomer(seen: Presented, found: Recognised, now: Visitor) -> bool:
    """Tell whether nothing came, and nothing but an id was made of it, if anything."""
    nobody = seen is NOTHING and found is STRANGER
    return nobody and not now.owned and is_untouched(now)


class Newcomers:
    """Writes the cookies of newcomers to one site."""

    __slots__ = ("_around", "_attributes", "_form", "_name", "_signer")

    def __init__(self, signer: MemorySigner, attributes: Attributes, *, browser: bool) -> None:
        self._signer = signer
        self._attributes = attributes
        memory, *readable = persist.set_cookies(
            NOTHING,
            STRANGER,
            Visitor(_ID.decode()),
            changed=False,
            signer=signer,
            attributes=attributes,
            now=0,
            nonce=_NONCE.decode(),
            browser=browser,
        )
        ending, _ = attributes.endings(0)
        self._name = memory.partition(b"=")[0] + b"="
        self._around = [line.removesuffix(ending).split(_ID) for line in readable]
        self._form = self._form_of(0)

    def set_cookies(self, device: str, now: float, nonce: str) -> list[bytes]:
        """Return the Set-Cookie values that make a newcomer's browser hold *device*, a UUID."""
        octets = device.encode()
        form, second = self._form, int(now)
        if form.second != second:
            # No lock: of two that come at once, each fills in a form of its own.
            form = self._form = self._form_of(second)
        first, middle, last = form.memory
        token = self._signer.signed(first + octets + middle + nonce.encode() + last)
        return [self._name + token + form.hidden, *map(octets.join, form.readable)]

    def _form_of(self, second: int) -> _Form:
        memory = Memory(_ID.decode(), None, None, second, second, _NONCE.decode())
        first, _, rest = encoded(memory).partition(_ID)
        middle, _, last = rest.partition(_NONCE)
        readable, hidden = self._attributes.endings(second)
        around = [[*parts[:-1], parts[-1] + readable] for parts in self._around]
        return _Form(second, (first, middle, last), hidden, around)
