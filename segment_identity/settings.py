"""The middleware's options, checked and made ready."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import HTTPConnection

from segment_identity import options, pending
from segment_identity.acting import ActingAs
from segment_identity.cookies import Attributes
from segment_identity.errors import ConfigurationError
from segment_identity.ids import Id
from segment_identity.journeys import Journeys
from segment_identity.minting import Mint
from segment_identity.newcomers import Newcomers
from segment_identity.persist import Remember
from segment_identity.privacy import Privacy
from segment_identity.proxies import IpPolicy, TrustedProxies
from segment_identity.recognition import Recogniser
from segment_identity.signing import MemorySigner, Seal, key_bytes
from segment_identity.visitor import OnUserChange

AppUser = Id | tuple[Id, Mapping[str, Any]] | ActingAs | None
UserCallback = Callable[[HTTPConnection], AppUser]
Exclude = Collection[str] | Callable[[HTTPConnection], bool]


class Site(msgspec.Struct, frozen=True):
    """How identities are read and written for one scheme."""

    attributes: Attributes
    recogniser: Recogniser
    newcomers: Newcomers
    # The name of the cookie of calls that wait for a page.
    pending: bytes


class Settings(msgspec.Struct, frozen=True):
    """Everything a request needs to know."""

    signer: MemorySigner
    pending: Seal
    plain: Site
    secure: Site
    browser: bool
    on_user_change: OnUserChange
    user: UserCallback | None
    mint: Mint
    remember: Remember
    track_pages: bool
    trusted_proxies: TrustedProxies
    ip: IpPolicy
    exclude: Exclude | None
    always_secure: bool | None
    track_bots: bool
    privacy: Privacy
    # None if nothing is followed beside who it is.
    journeys: Journeys | None
    # The name, in lower case, of the header by which apps name their device.
    device_header: bytes | None
    # Even a steady visitor's response gives us something to do.
    listens: bool


def keys(secret_key: object, previous_keys: object) -> list[bytes]:
    """Return the key that signs, and then older ones that only verify."""
    if isinstance(previous_keys, str | bytes) or not isinstance(previous_keys, Sequence):
        raise ConfigurationError(
            f"previous_keys was given {type(previous_keys).__name__}; want a list of keys"
        )
    older = [key_bytes("previous_keys", key) for key in previous_keys]
    return [key_bytes("secret_key", secret_key), *older]


def site(memory_signer: MemorySigner, domain: str | None, *, secure: bool, browser: bool) -> Site:
    """Return how identities are read and written over http or (*secure*) https."""
    attributes = Attributes(domain=domain, secure=secure)
    return Site(
        attributes,
        Recogniser(memory_signer, attributes, browser=browser),
        Newcomers(memory_signer, attributes, browser=browser),
        attributes.prefix + pending.COOKIE,
    )


def remember(value: object) -> Remember:
    """Check `remember_traits`: True, False or the names of the traits to keep."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Collection) and not isinstance(value, str | bytes):
        names = list(value)
        if all(isinstance(name, str) for name in names):
            return frozenset(names)
    raise ConfigurationError(
        f"remember_traits was given {value!r}; want True, False or a list of trait names"
    )


def exclude(value: object) -> Exclude | None:
    """Check `exclude`: a function of the connection, or path prefixes."""
    if value is None or callable(value):
        options.function("exclude", value)
        return value
    if isinstance(value, Collection) and not isinstance(value, str | bytes):
        prefixes = tuple(value)
        if all(isinstance(each, str) and each.startswith("/") for each in prefixes):
            return prefixes
    raise ConfigurationError(
        f"exclude was given {value!r}; want a list of path prefixes such as ['/health'] "
        "or a plain function from the connection to True or False"
    )
