"""What a response says to a browser that must keep no identity any longer."""

from typing import Final

from segment_identity import attribution, cookies, marker, pending, presented, sessions
from segment_identity.cookies import Attributes
from segment_identity.marker import Marker
from segment_identity.presented import Presented

_HIDDEN: Final = (presented.MEMORY, pending.COOKIE, attribution.COOKIE, sessions.COOKIE)
# What is hidden from scripts in every scheme and scope, and what older Analytics.js wrote.
_NAMES: Final = (
    presented.ANONYMOUS,
    presented.USER,
    presented.GROUP,
    *(prefix + name for name in _HIDDEN for prefix in (b"", b"__Host-", b"__Secure-")),
    presented.RESET,
    b"ajs_user",
)
# Settled, and of nobody: the page's script forgets what localStorage holds, and deletes this.
_FORGOTTEN: Final = presented.SYNC + b"=" + marker.dumps(Marker(settled=True))


def set_cookies(
    header: bytes, seen: Presented, *, attributes: Attributes, now: float, tell: bool
) -> list[bytes]:
    """Return the Set-Cookie values that delete what the Cookie *header* brought of an identity.

    None if it brought nothing, so that nothing is written to who has nothing. What localStorage
    holds, only the page can delete; *tell* says that it must hear of it.
    """
    lines: list[bytes] = []
    for name in _NAMES:
        if cookies.values(header, name):
            lines += attributes.delete(name)
    standing = seen.marker
    told = standing is not None and standing.anonymous_id is None
    if tell and not told and (lines or seen.has_marker):
        readable, _ = attributes.endings(now)
        lines.append(_FORGOTTEN + readable)
    elif seen.has_marker and not told:
        lines += attributes.delete(presented.SYNC)
    return lines


def opt_out(attributes: Attributes, now: float) -> list[bytes]:
    """Return the Set-Cookie value that remembers an opt-out."""
    readable, _ = attributes.endings(now)
    return [presented.OPT_OUT + b"=1" + readable]


def opt_in(attributes: Attributes) -> list[bytes]:
    """Return the Set-Cookie values that take an opt-out back."""
    return attributes.delete(presented.OPT_OUT)
