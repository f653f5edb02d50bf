"""Count what a visitor does without a long pause as one session.

How this works
--------------
A session begins when somebody opens a page or does something that is recorded, and goes on until
they pause for longer than the timeout: 30 minutes, as Google Analytics, RudderStack and Snowplow
count. Neither midnight nor another campaign ends it, as in Google Analytics 4: a person who comes
back by an e-mail five minutes later is still on the same errand.

* A browser sends several requests at once, and each must say the same session. So an id is not
  drawn: it follows from the visitor and the session before, which all of them carry. Without one
  before, it follows from the time, taken so coarsely that parallel requests agree.
* It is a whole number of 16 digits, which is exact in JavaScript, because RudderStack's are whole
  numbers and a column takes one type. Nobody can be found by it.
* The cookie tells when the visitor was last there only to a fifteenth of the timeout, so that it
  is not written with every response. A session may end earlier by so much.
* `told` says that a message has already marked the session's beginning, which one should.
"""

import hashlib
import math
from typing import Final

import msgspec

from segment_identity.signing import LEEWAY

COOKIE: Final = b"ajs_session"
SALT: Final = b"segment_identity.session.v1"
# Seconds of idleness that end a session, unless the app says otherwise.
TIMEOUT: Final = 1_800.0

_PARTS: Final = 15
# Between these, a number has 16 digits and is exact as a float.
_LEAST: Final = 2**52


class Session(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A session, and when (seconds since 1970) its visitor was last seen."""

    id: int
    seen: int
    told: bool = False


def goes_on(session: Session, now: float, timeout: float) -> bool:
    """Tell whether what happens *now* is still part of *session*."""
    return -LEEWAY <= now - session.seen <= timeout


def begun(anonymous_id: str, before: Session | None, now: float, timeout: float) -> Session:
    """Return the session of a visitor that follows the one *before*."""
    seed = before.id if before is not None else math.floor(now / timeout)
    digest = hashlib.blake2b(f"{seed} {anonymous_id}".encode(), digest_size=8).digest()
    return Session(_LEAST + int.from_bytes(digest) % _LEAST, int(now))


def seen(session: Session, now: float) -> Session:
    """Return *session* with its visitor there *now*; hosts whose clocks differ only move it on."""
    latest = max(session.seen, int(now))
    return Session(session.id, latest, session.told)


def told(session: Session) -> Session:
    """Return *session* with its beginning marked."""
    return Session(session.id, session.seen, told=True)


def ended(session: Session) -> Session:
    """Return what is left of *session* when somebody else takes over the device: what was last."""
    return Session(session.id, 0, told=True)


def is_due(session: Session, kept: Session, timeout: float) -> bool:
    """Tell whether the browser, which holds *kept*, should hold *session* instead."""
    changed = (session.id, session.told) != (kept.id, kept.told)
    return changed or session.seen - kept.seen >= timeout / _PARTS
