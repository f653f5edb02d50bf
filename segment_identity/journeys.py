"""The middleware's options about how visitors came and how long they stay, made ready."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from segment_identity import attribution, options, sessions
from segment_identity.attribution import Kept
from segment_identity.cookies import YEAR
from segment_identity.errors import ConfigurationError
from segment_identity.keepsake_cookie import Keeper
from segment_identity.sessions import Session
from segment_identity.signing import Seal


class Journeys(msgspec.Struct, frozen=True):
    """What is followed of a visitor, beside who it is."""

    # The track events that tell how their visitor came; None if that is not remembered.
    events: frozenset[str] | None
    # Domains from which a link is no referral.
    own: tuple[str, ...]
    # Seconds of idleness that end a session; None if sessions are not counted.
    timeout: float | None
    attributions: Keeper[Kept]
    sessions: Keeper[Session]


def journeys(
    given_attribution: object,
    ignored_referrers: object,
    given_sessions: object,
    *,
    domain: str | None,
    keys: Sequence[bytes],
) -> Journeys | None:
    """Check `attribution`, `ignored_referrers` and `sessions`; None if nothing is followed."""
    events = _events(given_attribution)
    ignored = _domains(ignored_referrers)
    timeout = _timeout(given_sessions)
    if events is None and timeout is None:
        return None
    return Journeys(
        events,
        ignored if domain is None else (domain, *ignored),
        timeout,
        Keeper(attribution.COOKIE, Kept, Seal(keys, attribution.SALT)),
        Keeper(sessions.COOKIE, Session, Seal(keys, sessions.SALT)),
    )


def _events(value: object) -> frozenset[str] | None:
    if isinstance(value, bool):
        return attribution.SIGN_UPS if value else None
    names = _texts(value)
    if names is None or not all(names):
        raise ConfigurationError(
            f"attribution was given {value!r}; want True, False or a list of the events that tell "
            "how their visitor came, such as ['Signed Up']"
        )
    return frozenset(names)


def _domains(value: object) -> tuple[str, ...]:
    names = _texts(value)
    if names is not None:
        domains = [name.lower().removeprefix("www.") for name in names]
        if all(map(options.is_host, domains)):
            return tuple(domains)
    raise ConfigurationError(
        f"ignored_referrers was given {value!r}; want a list of host names such as ['example.com']"
    )


def _timeout(value: object) -> float | None:
    if isinstance(value, bool):
        return sessions.TIMEOUT if value else None
    if isinstance(value, int | float) and 1 <= value <= YEAR:
        return float(value)
    raise ConfigurationError(
        f"sessions was given {value!r}; want True, False or the seconds of idleness that end one"
    )


def _texts(value: Any) -> list[str] | None:
    """Return the texts of a collection, or None if *value* is something else."""
    if isinstance(value, Collection) and not isinstance(value, str | bytes):
        names = list(value)
        if all(isinstance(name, str) for name in names):
            return names
    return None
