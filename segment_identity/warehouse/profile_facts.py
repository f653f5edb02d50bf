"""Keep the facts of every batch, in the transaction that stores its rows."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from segment_identity.facts import Facts
from segment_identity.stitching import Policy
from segment_identity.tallies import Tally
from segment_identity.warehouse import profile_tables as tables
from segment_identity.warehouse import profile_views as views
from segment_identity.warehouse.bulk import put
from segment_identity.warehouse.database import Database


class ProfileFacts:
    """Stitches profiles: which ids are one person, from what each batch tells.

    By *policy* a device that several users share belongs to its first or its last one.
    """

    def __init__(self, policy: Policy = "first") -> None:
        self._policy = policy
        self._shown: set[tuple[str, str]] = set()

    def prepare(self, connection: Connection, /) -> None:
        """Make the tables that are missing, and the views anew."""
        self._shown.clear()
        tables.create(connection)
        views.create(connection, self._policy)

    def show(self, database: Database, columns: Mapping[str, Collection[str]]) -> None:
        """Have all calls in the views, and indexed, that have these *columns* of each table.

        Before the transaction that writes them: of two who hold rows and wait for the same table or
        view, one would wait in vain.
        """
        shown = views.shown(columns)
        if not shown <= self._shown:
            with database.engine.begin() as connection:
                database.lock_schema(connection)
                views.create_calls(connection)
            self._shown |= shown

    def write(self, connection: Connection, told: Tally) -> None:
        """Keep what a batch *told*."""
        ids = [("anonymous_id", each, told.devices[each]) for each in sorted(told.devices)]
        ids += [("user_id", each, told.users[each]) for each in sorted(told.users)]
        _upsert(connection, tables.IDS, ids)
        for table, spans in ((tables.LINKS, told.links), (tables.ALIASES, told.aliases)):
            _upsert(connection, table, [(*pair, *spans[pair]) for pair in sorted(spans)])
        traits = [
            (*owner, name, *value)
            for owner in sorted(told.traits)
            for name, value in sorted(told.traits[owner].items())
        ]
        _upsert(connection, tables.TRAITS, traits)


def store(connection: Connection, told: Facts) -> None:
    """Add what some events told to what is known."""
    for table, rows in (
        (tables.IDS, [(*each, when) for each, when in told.ids.items()]),
        (tables.LINKS, [(*each, *span) for each, span in told.links.items()]),
        (tables.ALIASES, [(*each, *span) for each, span in told.aliases.items()]),
        (tables.TRAITS, [(*each, *value) for each, value in told.traits.items()]),
    ):
        _upsert(connection, table, sorted(rows))


def _upsert(connection: Connection, table: sa.Table, records: Sequence[tuple[str, ...]]) -> None:
    # Sorted everywhere, so that two processes wait for one another and never in a circle.
    if records:
        put(connection, table, tables.upsert, records)
