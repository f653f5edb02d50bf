"""What is kept beside the tables, and is always as far as they are."""

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from sqlalchemy.engine import Connection

from segment_identity.errors import ConfigurationError
from segment_identity.messages import Message


@runtime_checkable
class Projection(Protocol):
    """Tables of its own, derived from every message that a warehouse loads.

    A message may come twice and in any order, and several processes may load at once; so what is
    derived must not depend on either. Whatever `write` raises undoes the batch.
    """

    def prepare(self, connection: Connection, /) -> None:
        """Make the tables that are missing, in a transaction before that of the first batch.

        Called again after a batch that failed, as somebody may have changed the database.
        """

    def write(self, connection: Connection, messages: Sequence[Message], /) -> None:
        """Take the messages of one batch, in the transaction that stores their rows."""


def checked(given: object) -> tuple[Projection, ...]:
    """Return *given* as projections; raises `ConfigurationError` if they are none."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigurationError(
            f"projections was given {type(given).__name__}; want a list of objects"
        )
    found = tuple(given)
    for each in found:
        if isinstance(each, type) or not isinstance(each, Projection):
            raise ConfigurationError(
                f"projections was given {type(each).__name__}; want an object with "
                "prepare(connection) and write(connection, messages)"
            )
    return found
