"""Collect what the panel shows: who the visitor is, which cookies came, what is on record."""

from dataclasses import dataclass

from starlette.requests import Request

from example_app.timeline import Event, latest_events
from segment_identity import Identity, get_identity

# Cookies that Analytics.js reads too, and those that are signed and out of any script's reach.
_READABLE = ("ajs_anonymous_id", "ajs_user_id", "ajs_group_id", "ajs_sync", "ajs_reset")
_SIGNED = (
    "ajs_identity",
    "__Host-ajs_identity",
    "ajs_pending",
    "__Host-ajs_pending",
    "shop_session",
)


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie of the shop; the value of a signed one is left out."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Panel:
    """One look at the visitor."""

    anonymous_id: str | None
    user_id: str | None
    claimed_user_id: str | None
    words: list[str]
    cookies: list[Cookie]
    events: list[Event]


def panel_of(request: Request) -> Panel:
    """Look at the visitor of a request, changing nothing."""
    identity = get_identity(request)
    # Reading the anonymous id makes one; a fetch that came without would show one of its own.
    anonymous_id = None if identity.is_provisional else identity.anonymous_id
    hint = identity.user_id_hint
    return Panel(
        anonymous_id=anonymous_id,
        user_id=identity.user_id,
        claimed_user_id=hint if hint != identity.user_id else None,
        words=_in_words(identity),
        cookies=[
            Cookie(name, value if name in _READABLE else None)
            for name, value in request.cookies.items()
            if name in _READABLE + _SIGNED
        ],
        events=latest_events(request.app.state.engine, anonymous_id, identity.user_id),
    )


def short(value: str, length: int = 20) -> str:
    """Return the beginning of a long value and, if there is room for it, its end."""
    if len(value) <= length:
        return value
    end = value[-6:] if length > 12 else ""
    return f"{value[: length - len(end) - 1]}…{end}"


def _in_words(identity: Identity) -> list[str]:
    words = ["known user" if identity.user_id else "anonymous visitor"]
    if identity.consent is False:
        words.append("not recorded: you have not agreed")
    elif identity.is_provisional:
        words.append("provisional: not kept unless something happens")
    elif identity.is_new:
        words.append("new: this request made the id")
    else:
        words.append("returning: the browser brought the id")
    if identity.is_ambiguous:
        words.append("ambiguous: several ids came")
    return words
