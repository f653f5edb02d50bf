"""Rebuild the profiles of a warehouse from the rows of its calls.

How this works
--------------
Rows are read in the order of their ids, some at once, and each part is one transaction with what it
tells and with how far it got: so it goes on where it ended, whatever ended it. What is told are
least and greatest values, so a part that is read twice, or that a loader told already, changes
nothing.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from segment_identity import retelling, retry
from segment_identity.errors import Unauthorized, Unavailable
from segment_identity.facts import TraitName, TraitValue, facts
from segment_identity.kinds import Kind
from segment_identity.restoring import restored
from segment_identity.stitching import Policy
from segment_identity.warehouse import (
    forgotten,
    profile_facts,
    profile_tables,
    profile_views,
    reading,
)
from segment_identity.warehouse.database import READS, Database
from segment_identity.warehouse.events import Events
from segment_identity.warehouse.faults import explaining
from segment_identity.warehouse.forgotten import Forgotten
from segment_identity.warehouse.parts import parts
from segment_identity.warehouse.profile_tables import KEYS, TRAITS, insertion
from segment_identity.warehouse.reading import Kinds

T = TypeVar("T")

_ROWS: Final = 500
_ATTEMPTS: Final = 6
_PLACE: Final = "stitching"
# What rows of calls tell of people, beside traits.
_TELLING: Final = frozenset(
    "id anonymous_id user_id previous_id timestamp original_timestamp received_at".split()
)

# Told how many rows are read, and how many there are.
Progress = Callable[[int, int], None]


class Stitched(msgspec.Struct, frozen=True):
    """How many *rows* were read, by table, and how many an earlier run had read that was stopped.

    Unless *is_whole* this one was stopped, too, and the next one goes on.
    """

    rows: Mapping[str, int]
    skipped: int
    is_whole: bool


class _Place(msgspec.Struct, frozen=True):
    """How far a run got: the table, the last id, and the rows read so far."""

    table: str = ""
    after: str = ""
    rows: int = 0


_decode: Final = msgspec.json.Decoder(_Place).decode


def stitch(
    database: Database,
    policy: Policy,
    *,
    again: bool = False,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Stitched:
    """Read all calls, from where an earlier run was stopped or *again* from the first."""
    stop = stop or threading.Event()
    run = _Run(database)
    # At once, as what is not there now is not waited for.
    total = run.count()
    begun = place = _insist(partial(run.begin, policy, again=again), stop)
    rows: dict[str, int] = {}
    for table in run.tables:
        while table >= place.table and not stop.is_set():
            after = place.after if table == place.table else ""
            began = time.monotonic()
            place, count = _insist(partial(run.part, table, after, place.rows), stop)
            if not count:
                break
            rows[table] = rows.get(table, 0) + count
            if run.is_alone:
                stop.wait(time.monotonic() - began)
            if progress is not None:
                progress(place.rows, max(total, place.rows))
    is_whole = not stop.is_set()
    if is_whole:
        run.end()
    return Stitched(rows, begun.rows, is_whole)


def _insist(act: Callable[[], T], stop: threading.Event) -> T:
    """Do something, again if a loader was in the way."""
    failures = 0
    while True:
        try:
            with explaining():
                return act()
        except Unauthorized:
            raise
        except Unavailable:
            failures += 1
            if failures == _ATTEMPTS or stop.wait(retry.delay(failures, 0.5)):
                raise


class _Run:
    """Reads one part after another."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._forgotten = Forgotten()
        self._columns: dict[str, Kinds] = {}
        self.tables: list[str] = []
        # Nobody else writes then, and loaders that wait would wait in vain without a rest.
        self.is_alone = database.engine.dialect.name == "sqlite"

    def begin(self, policy: Policy, *, again: bool) -> _Place:
        """Make what is missing, and return where to go on."""
        with self._database.engine.begin() as connection:
            self._database.lock_schema(connection)
            profile_tables.create(connection)
            self._forgotten.prepare(connection)
            profile_views.create(connection, policy)
            events = Events(connection, self._database)
            self.tables = sorted(events.tables())
            for table in self.tables:
                self._columns[table] = telling(table, events.kinds(table))
            kept = connection.scalar(sa.select(KEYS.c.value).where(KEYS.c.name == _PLACE))
            return _Place() if kept is None or again else _decode(kept)

    def count(self) -> int:
        """Return how many rows there are."""
        with explaining(), self._reading() as connection:
            return Events(connection, self._database).count()

    def part(self, table: str, after: str, so_far: int) -> tuple[_Place, int]:
        """Take the rows whose ids follow *after*; return how far it got, and how many they were."""
        kinds = self._columns[table]
        with self._database.engine.begin() as connection:
            # Nobody is forgotten between the reading and the writing.
            forgotten.lock(connection, alone=False)
            rows = reading.following(connection, table, kinds, after, _ROWS)
            if not rows:
                return _Place(table, after, so_far), 0
            messages = [restored(table, row) for row in rows]
            told = facts(self._forgotten.kept(connection, messages))
            news = retelling.untold(told.traits, _known(connection, told.traits))
            profile_facts.store(connection, msgspec.structs.replace(told, traits=news))
            place = _Place(table, rows[-1]["id"], so_far + len(rows))
            made = insertion(connection, KEYS)
            value = {"value": msgspec.json.encode(place).decode()}
            connection.execute(
                made.values({"name": _PLACE, **value}).on_conflict_do_update(
                    index_elements=["name"], set_=value
                )
            )
            return place, len(rows)

    def end(self) -> None:
        """Have the next run begin anew."""
        with explaining(), self._database.engine.begin() as connection:
            connection.execute(sa.delete(KEYS).where(KEYS.c.name == _PLACE))

    def _reading(self) -> Connection:
        return self._database.engine.connect().execution_options(**{READS: True})


def telling(table: str, kinds: Kinds) -> dict[str, Kind]:
    """Return those columns of a table that tell of people: ids, times, and traits."""
    return {
        name: kind
        for name, kind in kinds.items()
        if name in _TELLING or (table == "identifies" and not name.startswith("context_"))
    }


def _known(connection: Connection, told: Iterable[TraitName]) -> dict[TraitName, TraitValue]:
    """Return all that is known of those of whom something is *told*."""
    owners = sorted({each.value for each in told})
    found: dict[TraitName, TraitValue] = {}
    for some in parts(owners):
        query = sa.select(TRAITS).where(TRAITS.c.value.in_(some))
        for row in connection.execute(query):
            found[TraitName(row.type, row.value, row.name)] = TraitValue(row.moment, row.json)
    return found
