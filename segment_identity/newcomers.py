"""The cookies of a newcomer: a visitor who brought none, and of whom only a new id is known.

`persist.set_cookies` says what they are. They are written more often than all others together, and
but for id, time and nonce they are the same for everybody; so it is asked once, and what it said is
filled in from then on.
"""

from typing import Final, NamedTuple

from segment_identity import cookies, persist
from segment_identity.cookies import Attributes
from segment_identity.presented import NOTHING
from segment_identity.reconcile import STRANGER, Recognised
from segment_identity.signing import Memory, MemorySigner, encoded
from segment_identity.visitor import Visitor, is_untouched

_ID: Final = "an-id"
_NONCE: Final = "a-nonce"


class _Form(NamedTuple):
    """What stands around id and nonce in the cookies of one second."""

    second: int
    memory: tuple[str, str, str]
    hidden: bytes
    readable: list[tuple[str, str]]


def is_newcomer(found: Recognised, now: Visitor, *, changed: bool) -> bool:
    """Tell whether nothing came, and nothing but an id that needs no encoding was made of it."""
    if changed or found is not STRANGER or now.owned or not is_untouched(now):
        return False
    device = now.anonymous_id
    return device is not None and cookies.encode(device) == device.encode()


class Newcomers:
    """Writes the cookies of newcomers to one site."""

    __slots__ = ("_around", "_attributes", "_form", "_name", "_signer")

    def __init__(self, signer: MemorySigner, attributes: Attributes, *, browser: bool) -> None:
        self._signer = signer
        self._attributes = attributes
        memory, *readable = persist.set_cookies(
            NOTHING,
            STRANGER,
            Visitor(_ID),
            changed=False,
            signer=signer,
            attributes=attributes,
            now=0,
            nonce=_NONCE,
            browser=browser,
        )
        ending, _ = attributes.endings(0)
        self._name = memory.partition(b"=")[0] + b"="
        self._around = [line.removesuffix(ending).decode().split(_ID) for line in readable]
        self._form = self._form_of(0)

    def set_cookies(self, visitor: Visitor, *, now: float, nonce: str) -> list[bytes]:
        """Return the Set-Cookie values that make a newcomer's browser hold *visitor*."""
        device = visitor.anonymous_id
        form, second = self._form, int(now)
        if form.second != second:
            # No lock: of two that come at once, each fills in a form of its own.
            form = self._form = self._form_of(second)
        first, middle, last = form.memory
        token = self._signer.signed(f"{first}{device}{middle}{nonce}{last}".encode())
        lines = [self._name + token + form.hidden]
        for before, after in form.readable:
            lines.append(f"{before}{device}{after}".encode())
        return lines

    def _form_of(self, second: int) -> _Form:
        memory = encoded(Memory(_ID, None, None, second, second, _NONCE)).decode()
        first, _, rest = memory.partition(_ID)
        middle, _, last = rest.partition(_NONCE)
        readable, hidden = self._attributes.endings(second)
        around = [(before, after + readable.decode()) for before, after in self._around]
        return _Form(second, (first, middle, last), hidden, around)
