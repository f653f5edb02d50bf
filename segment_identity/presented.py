"""What a browser presented: the cookies of one request, read but not yet believed."""

from typing import Final

import msgspec

from segment_identity import cookies, ids, marker
from segment_identity.marker import Marker

ANONYMOUS: Final = b"ajs_anonymous_id"
USER: Final = b"ajs_user_id"
GROUP: Final = b"ajs_group_id"
SYNC: Final = b"ajs_sync"
RESET: Final = b"ajs_reset"
OPT_OUT: Final = b"ajs_optout"
MEMORY: Final = b"ajs_identity"

_NAMES: Final = ("ajs_anonymous_id", "ajs_user_id", "ajs_group_id")


class Presented(msgspec.Struct, frozen=True, gc=False):
    """The cookies of one visitor; texts are decoded, ids not yet judged against the memory."""

    anonymous_ids: tuple[str, ...] = ()
    user_ids: tuple[str, ...] = ()
    group_id: str | None = None
    has_anonymous: bool = False
    has_user: bool = False
    has_group: bool = False
    has_duplicates: bool = False
    has_marker: bool = False
    marker: Marker | None = None
    replaced: str | None = None
    reset: bool = False
    opted_out: bool = False
    encoded_name: bool = False
    tokens: tuple[bytes, ...] = ()

    @property
    def user_id(self) -> str | None:
        """The first user claimed, which is the one that js-cookie reads."""
        return self.user_ids[0] if self.user_ids else None


NOTHING: Final = Presented()


def read(header: bytes, memory_name: bytes, *, browser: bool = True) -> Presented:
    """Read our cookies from a joined Cookie *header*; *browser* False reads the memory alone."""
    tokens = tuple(dict.fromkeys(_unquoted(cookies.values(header, memory_name))))
    opted_out = any(cookies.values(header, OPT_OUT))
    if not browser:
        return Presented(tokens=tokens, opted_out=opted_out)
    anonymous = cookies.values(header, ANONYMOUS)
    users = cookies.values(header, USER)
    groups = cookies.values(header, GROUP)
    markers = cookies.values(header, SYNC)
    standing, replaced = marker.loads(markers) if markers else (None, None)
    return Presented(
        anonymous_ids=tuple(dict.fromkeys(filter(None, map(cookies.decode, anonymous)))),
        user_ids=_ids(users),
        group_id=next(iter(_ids(groups)), None),
        has_anonymous=bool(anonymous),
        has_user=bool(users),
        has_group=bool(groups),
        has_duplicates=len(anonymous) > 1 or len(users) > 1 or len(groups) > 1,
        has_marker=bool(markers),
        marker=standing,
        replaced=replaced,
        reset=any(cookies.values(header, RESET)),
        opted_out=opted_out,
        encoded_name=cookies.has_encoded_name(header, _NAMES),
        tokens=tokens,
    )


def _ids(values: list[bytes]) -> tuple[str, ...]:
    """Return the values that can be ids."""
    texts = (cookies.decode(raw) for raw in values)
    return tuple(text for text in texts if text is not None and ids.problem(text) is None)


def _unquoted(values: list[bytes]) -> list[bytes]:
    return [raw[1:-1] if raw[:1] == b'"' else raw for raw in values]
