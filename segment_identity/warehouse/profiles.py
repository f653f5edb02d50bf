"""The questions that people ask of a warehouse's profiles."""

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Final, Self

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from segment_identity import erasing, options, profile
from segment_identity.attribution import Attribution
from segment_identity.erasing import Erased
from segment_identity.errors import ConfigurationError
from segment_identity.facts import Id
from segment_identity.past_sessions import GAP, PastSession, sessions
from segment_identity.profile import Profile
from segment_identity.questions import count, identifier, number, positive
from segment_identity.spool.erasing import Taken, erase
from segment_identity.stitching import POLICIES, Policy
from segment_identity.ties import Family, family
from segment_identity.warehouse import forgetting, forgotten, people, scrubbing
from segment_identity.warehouse.database import READS
from segment_identity.warehouse.describing import described
from segment_identity.warehouse.engine import open_existing
from segment_identity.warehouse.faults import explaining
from segment_identity.warehouse.months import Mtu, mtu
from segment_identity.warehouse.profile_tables import IDS
from segment_identity.warehouse.retention import expire
from segment_identity.warehouse.stitch import Progress, Stitched, stitch
from segment_identity.warehouse.touches import attribution
from segment_identity.warehouse.trait_history import Change, history

_NOTHING: Final = Taken(0, 0, 0)
# In seconds since 1970; nothing happened before.
_YEAR_1: Final = -62_135_596_800.0


class Profiles:
    """The people in the warehouse of a *url*.

    *policy* is the one the warehouse was loaded with. Use it in a `with` statement, or `close` it.
    """

    def __init__(self, url: str | URL, *, policy: Policy = "first") -> None:
        options.one_of("policy", policy, POLICIES)
        self._database = open_existing(url)
        self.engine = self._database.engine
        self._policy: Policy = policy

    def __repr__(self) -> str:
        return f"Profiles({self.engine.dialect.name})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    def whois(self, text: str, *, limit: int = 1_000) -> Profile | None:
        """Return the person who has this anonymous or user id; None if nobody has it.

        A segment_id such as `user_id:ada` does as well. *limit* is how many calls the timeline may
        have; the newest are in it.
        """
        text, limit = _asked("whois", text, limit)
        with self._connected() as connection:
            found = people.members(connection, text, self._policy)
            return None if found is None else described(connection, found, limit)

    def with_family(self, text: str, *, limit: int = 1_000) -> tuple[Profile, Family] | None:
        """Return what `whois` does, and what ties the person's ids together and what did not."""
        text, limit = _asked("with_family", text, limit)
        with self._connected() as connection:
            found = people.neighbourhood(connection, text, self._policy)
            if found is None:
                return None
            members, facts = found
            kin = family(facts, next(iter(members)), self._policy)
            return described(connection, members, limit), kin

    def trait_history(self, person: Profile) -> Mapping[str, Sequence[Change]]:
        """Return what every trait of a *person* was, and when it changed."""
        with self._connected() as connection:
            return history(connection, person.user_ids, person.anonymous_ids)

    def attribution(self, person: Profile) -> Attribution | None:
        """Return how a *person* first came, and how last, by the pages of their calls."""
        with self._connected() as connection:
            return attribution(connection, person.user_ids, person.anonymous_ids)

    def sessions(self, text: str, *, gap: float = GAP, limit: int = 10_000) -> list[PastSession]:
        """Return the sessions of the person who has this id; none if nobody has it.

        After *gap* minutes without a call one ends. *limit* is how many calls are looked at.
        """
        pause = number("sessions", "gap", gap)
        found = self.whois(text, limit=limit)
        return [] if found is None else sessions(found.timeline, pause)

    def mtu(self, month: str) -> Mtu:
        """Return the monthly tracked users of a month such as `2026-01`, as Segment counts them.

        These are its users, and its devices that carried no user in that month. Ids that last a day
        (`cookieless`) are no people and counted apart.
        """
        with self._connected() as connection:
            return mtu(connection, month)

    def forget(
        self,
        text: str,
        *,
        spool: str | os.PathLike[str] | None = None,
        scrub: bool = True,
    ) -> Erased:
        """Remove the person who has this id, and keep what may still come of theirs from loading.

        All their ids, calls and traits go, in all tables, and in the folder of a *spool*; none if
        that cannot be changed. Unless *scrub* is False, the database is vacuumed, so that its file
        holds nothing of them either; on a large one that takes a while, in which nothing can be
        loaded.
        """
        text = identifier("forget", text)
        with self._alone() as connection:
            found = people.members(connection, text, self._policy)
            meant = profile.parsed(text)
            ids = set(
                found or ({meant} if meant else {Id("user_id", text), Id("anonymous_id", text)})
            )
            scrubbing.prepare(connection)
            rows = forgetting.erase(connection, ids)
            forgotten.add(connection, forgotten.key(connection), ids)
            # Before it is final: once they are gone nobody knows which ids to look for.
            taken = _NOTHING if spool is None else erase(spool, partial(erasing.changed, ids))
        with explaining():
            is_scrubbed = scrub and scrubbing.scrub(self.engine)
        return Erased(len(found or ()), rows, *taken, is_scrubbed)

    def retain(self, days: float, *, now: float | None = None) -> dict[str, int]:
        """Remove calls that are older than so many *days*, and people of whom no call is left.

        Return how many rows were removed, by table. *now* is in seconds since 1970.
        """
        age = positive("retain", "days", days) * 86_400
        moment = max((time.time() if now is None else now) - age, _YEAR_1)
        with self._alone() as connection:
            return expire(connection, datetime.fromtimestamp(moment, UTC))

    def stitch(
        self,
        *,
        again: bool = False,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> Stitched:
        """Make the profiles anew from the rows of all calls, beside what is known already.

        It is for a warehouse that was loaded without profiles, or by Segment. A run that was
        stopped, or failed, goes on when it is called again; *again* begins with the first row.
        Rows that were loaded with profiles change nothing, nor does a second run.
        """
        return stitch(self._database, self._policy, again=again, progress=progress, stop=stop)

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """Give a connection that writes while nobody loads or changes a table."""
        with self._connected(writes=True) as connection:
            self._database.lock_schema(connection)
            forgotten.lock(connection, alone=True)
            yield connection

    @contextmanager
    def _connected(self, *, writes: bool = False) -> Iterator[Connection]:
        """Give a connection, whose transaction is committed if it *writes*."""
        with explaining(), self.engine.connect() as connection:
            connection.execution_options(**{READS: not writes})
            if IDS.name not in sa.inspect(connection).get_table_names():
                raise ConfigurationError("this database has no profiles: nothing was loaded yet")
            yield connection
            if writes:
                connection.commit()


def _asked(call: str, text: str, limit: int) -> tuple[str, int]:
    """Return whom *call* is asked for, and how many calls of theirs at most."""
    return identifier(call, text), count(call, "limit", limit)
