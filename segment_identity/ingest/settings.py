"""Check what `TrackingAPI` is given."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from segment_identity.errors import ConfigurationError
from segment_identity.ingest.callers import Keys
from segment_identity.signing import key_bytes

_WRITE_KEY: Final = re.compile(r"[\x21-\x7e]{1,256}")
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9._\[\]:-]{1,260}")


def keys(write_keys: object, secret_keys: object) -> Keys:
    """Check `write_keys` and `secret_keys`; never quotes one."""
    public = set()
    for key in _listed("write_keys", "keys", write_keys):
        if not isinstance(key, str) or not _WRITE_KEY.fullmatch(key) or ":" in key:
            raise ConfigurationError(
                f"write_keys was given {_shown(key)}; want texts without blanks and colons"
            )
        public.add(key.encode())
    secret = {key_bytes("secret_keys", key) for key in _listed("secret_keys", "keys", secret_keys)}
    if public & secret:
        raise ConfigurationError(
            "write_keys and secret_keys share a key; what browsers and apps hold is no secret"
        )
    return Keys(frozenset(public), frozenset(secret))


def origins(given: object) -> frozenset[bytes]:
    """Check `origins`; returns them as a browser sends them."""
    checked = set()
    for origin in _listed("origins", "origins such as 'https://www.example.com'", given):
        if not isinstance(origin, str) or not _ORIGIN.fullmatch(origin.lower()):
            raise ConfigurationError(
                f"origins was given {origin!r}; want scheme, host and perhaps port, "
                "such as 'https://www.example.com', and nothing after them"
            )
        lowered = origin.lower()
        usual = {"https": ":443", "http": ":80"}.get(lowered.partition("://")[0], "")
        checked.add((lowered.removesuffix(usual) if usual else lowered).encode())
    return frozenset(checked)


def _listed(name: str, wanted: str, given: object) -> Iterator[object]:
    if isinstance(given, str | bytes) or not isinstance(given, Sequence | set | frozenset):
        raise ConfigurationError(
            f"{name} was given {type(given).__name__}; want a list of {wanted}"
        )
    yield from given


def _shown(key: object) -> str:
    return "a text with others" if isinstance(key, str) else type(key).__name__
