"""Keep the facts of every batch, in the transaction that stores its rows."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from segment_identity.facts import Facts, facts
from segment_identity.messages import Message
from segment_identity.schema import SHAPES
from segment_identity.stitching import Policy
from segment_identity.warehouse import profile_tables as tables
from segment_identity.warehouse import profile_views as views
from segment_identity.warehouse.bulk import put
from segment_identity.warehouse.database import READS
from segment_identity.warehouse.forgotten import Forgotten

# The type of a message, and which columns it has.
Shape = tuple[str, bool, bool, bool]


class Told(NamedTuple):
    """The facts of a batch, and the shapes of its messages."""

    facts: Facts
    shapes: set[Shape]


class ProfileFacts:
    """Stitches profiles: which ids are one person, from what each batch tells.

    By *policy* a device that several users share belongs to its first or its last one.
    """

    def __init__(self, policy: Policy = "first") -> None:
        self._policy = policy
        self._shapes: set[Shape] = set()
        self._forgotten = Forgotten()

    def prepare(self, connection: Connection, /) -> None:
        """Make the tables that are missing, and the views anew."""
        self._shapes.clear()
        tables.create(connection)
        self._forgotten.prepare(connection)
        views.create(connection, self._policy)

    def admitted(self, engine: Engine, messages: Iterable[Message]) -> Iterable[Message]:
        """Return *messages* without those of forgotten people, to be written next."""
        with engine.connect().execution_options(**{READS: True}) as connection:
            return self._forgotten.kept(connection, messages)

    def told(self, messages: Iterable[Message]) -> Told:
        """Return what the messages of one batch tell, each of which is looked at once."""
        shapes: set[Shape] = set()
        return Told(facts(_shaped(messages, shapes)), shapes)

    def write(self, connection: Connection, told: Told) -> None:
        """Keep what a batch told."""
        self._forgotten.hold(connection)
        store(connection, told.facts)
        # The view of all calls has the tables and columns there are; new ones come with these.
        if not told.shapes <= self._shapes:
            views.create_calls(connection)
            self._shapes |= told.shapes


def _shaped(messages: Iterable[Message], shapes: set[Shape]) -> Iterator[Message]:
    """Yield messages as they come, and note their shapes."""
    for each in messages:
        kind = each.get("type")
        if isinstance(kind, str) and kind in SHAPES:
            has_name = bool(each.get("event") or each.get("name"))
            ids = bool(each.get("anonymousId")), bool(each.get("userId"))
            shapes.add((kind, *ids, has_name))
        yield each


def store(connection: Connection, told: Facts) -> None:
    """Add what some events told to what is known."""
    for table, rows in (
        (tables.IDS, [(*each, when) for each, when in told.ids.items()]),
        (tables.LINKS, [(*each, *span) for each, span in told.links.items()]),
        (tables.ALIASES, [(*each, *span) for each, span in told.aliases.items()]),
        (tables.TRAITS, [(*each, *value) for each, value in told.traits.items()]),
    ):
        _upsert(connection, table, rows)


def _upsert(connection: Connection, table: sa.Table, rows: Iterable[tuple[str, ...]]) -> None:
    # In one order everywhere, so that two processes wait for one another and never in a circle.
    records = sorted(rows)
    if records:
        put(connection, table, tables.upsert, records)
