"""Read what a client said of where something happened, and keep what may stay of it."""

from typing import Any, Final

import msgspec

from segment_identity.ingest import cleaning, fields
from segment_identity.ingest.sender import Sender

# What a context may say of a person, which from a stranger is no more than a claim.
_OF_PERSONS: Final = frozenset({"traits", "externalIds", "unverified"})


class Context(msgspec.Struct, frozen=True, gc=False):
    """A context as a client *said* it, and as it is *kept*; and what it *claims* of a person."""

    said: dict[str, Any]
    kept: dict[str, Any]
    claims: dict[str, Any] | None = None


def read(said: dict[str, Any], sender: Sender) -> Context:
    """Return the context that a message of *sender* has who *said* this."""
    if sender.believed:
        return Context(said, said)
    kept, claims = {**said}, None
    if not _OF_PERSONS.isdisjoint(said):
        for name in _OF_PERSONS:
            kept.pop(name, None)
        traits = fields.mapping(said.get("traits"))
        claims = {"traits": traits} if traits else None
    cleaning.clean(kept, sender)
    return Context(said, kept, claims)
