"""The middleware's options about what may be kept of whom, checked and made ready."""

from collections.abc import Callable, Collection

import msgspec
from starlette.requests import HTTPConnection

from segment_identity import options
from segment_identity.consent import Consent, Gpc
from segment_identity.cookieless import DailyIds
from segment_identity.errors import ConfigurationError
from segment_identity.signing import key_bytes

ConsentCallback = Callable[[HTTPConnection], Consent]


class Privacy(msgspec.Struct, frozen=True):
    """What decides whether somebody may be recognised, remembered and recorded."""

    consent: ConsentCallback | None
    # The category that recording somebody needs.
    category: str
    gpc: Gpc
    # Makes the ids, if nothing may be stored.
    daily: DailyIds | None

    @property
    def guards(self) -> bool:
        """Whether more than the cookies of a request decides."""
        return self.consent is not None or self.daily is not None or self.gpc is True


def privacy(
    consent: object, category: object, gpc: object, cookieless: object, secret_key: object
) -> Privacy:
    """Check `consent`, `consent_category`, `gpc` and `cookieless`."""
    options.function("consent", consent)
    if not isinstance(category, str) or not category:
        raise ConfigurationError(
            f"consent_category was given {category!r}; want the category that recording needs, "
            "such as 'analytics'"
        )
    options.flags(cookieless=cookieless)
    daily = DailyIds(key_bytes("secret_key", secret_key)) if cookieless else None
    return Privacy(consent, category, _gpc(gpc), daily)  # type: ignore[arg-type]


def _gpc(value: object) -> Gpc:
    if isinstance(value, bool):
        return value
    if isinstance(value, Collection) and not isinstance(value, str | bytes):
        names = frozenset(value)
        if all(isinstance(name, str) and name for name in names):
            return names
    raise ConfigurationError(
        f"gpc was given {value!r}; want the categories it refuses, such as ['advertising'], "
        "True to refuse everything or False for nothing"
    )
