"""What is known of who sent a message, without asking them."""

from typing import Final

import msgspec

from segment_identity.consent import Consent


class Sender(msgspec.Struct, frozen=True, gc=False):
    """Somebody *believed* is a server, which has neither device nor address worth noting."""

    believed: bool = False
    anonymous_id: str | None = None
    user_id: str | None = None
    ip: str | None = None
    user_agent: str = ""
    consent: Consent = None


BELIEVED: Final = Sender(believed=True)
