"""An anonymousId that is stored nowhere: a keyed hash of what every request shows by itself.

The key is derived for each day (UTC), so an id of today says nothing about one of yesterday, and
without the secret key nobody can try addresses until one fits. Who has the key can. Two people
behind one address with the same browser share an id, so no person is ever tied to it.
"""

import hmac
from typing import Final

_DAY: Final = 86_400
# All ids are the prefix and digits of these, so that they can be told from others.
PREFIX: Final = "d-"
HEX: Final = "0123456789abcdef"
LENGTH: Final = len(PREFIX) + 32


class DailyIds:
    """Makes the ids, and shows its key to nobody."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, now: float, *, site: bytes, address: str, agent: bytes) -> str:
        """Return the anonymousId of a visitor on the day of *now*, in seconds since 1970."""
        day = str(int(now // _DAY)).encode()
        key = hmac.digest(self._secret, b"segment_identity cookieless " + day, "sha256")
        # The lengths keep the end of one part from passing for the start of the next.
        parts = (site.lower(), address.encode(), agent)
        said = b"".join(len(part).to_bytes(4) + part for part in parts)
        return (PREFIX + hmac.digest(key, said, "sha256").hex())[:LENGTH]
