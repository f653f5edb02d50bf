"""The questions that people ask of a warehouse's profiles."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from segment_identity import profile
from segment_identity.errors import ConfigurationError
from segment_identity.facts import Id, TraitName, TraitValue, time_of
from segment_identity.profile import Profile
from segment_identity.stitching import Policy
from segment_identity.ties import Family, family
from segment_identity.warehouse import people
from segment_identity.warehouse.database import READS
from segment_identity.warehouse.engine import open_engine
from segment_identity.warehouse.faults import explained
from segment_identity.warehouse.profile_tables import IDS, TRAITS
from segment_identity.warehouse.timelines import timeline
from segment_identity.warehouse.trait_history import Change, history


class Profiles:
    """The people in the warehouse of a *url*.

    *policy* is the one the warehouse was loaded with. Use it in a `with` statement, or `close` it.
    """

    def __init__(self, url: str | URL, *, policy: Policy = "first") -> None:
        self.engine = open_engine(url)
        self._policy: Policy = policy
        file = self.engine.url.database
        if self.engine.dialect.name == "sqlite" and file and not Path(file).exists():
            # SQLite would make an empty one.
            raise ConfigurationError(f"there is no warehouse at {file}")

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
        with self._connected() as connection:
            found = people.members(connection, text, self._policy)
            if found is None:
                return None
            users, devices = profile.values(found, "user_id"), profile.values(found, "anonymous_id")
            since = profile.known_since(found)
            calls, is_whole = timeline(connection, users, devices, since, limit)
            goes_by = next(iter(found))
            return Profile(
                segment_id=profile.segment_id(goes_by),
                user_id=goes_by.value if goes_by.type == "user_id" else None,
                user_ids=users,
                anonymous_ids=devices,
                first_seen=time_of(min(found.values())),
                known_since=since,
                traits=profile.traits(_traits(connection, list(found))),
                timeline=calls,
                is_whole=is_whole,
            )

    def family(self, text: str) -> Family | None:
        """Return the ids of the person who has this id, what ties them, and what did not."""
        with self._connected() as connection:
            found = people.neighbourhood(connection, text, self._policy)
            if found is None:
                return None
            members, facts = found
            return family(facts, next(iter(members)), self._policy)

    def trait_history(self, text: str) -> Mapping[str, Sequence[Change]]:
        """Return what every trait of the person who has this id was, and when it changed."""
        with self._connected() as connection:
            found = people.members(connection, text, self._policy) or {}
            users, devices = profile.values(found, "user_id"), profile.values(found, "anonymous_id")
            return history(connection, users, devices)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            with self.engine.connect().execution_options(**{READS: True}) as connection:
                if IDS.name not in sa.inspect(connection).get_table_names():
                    raise ConfigurationError(
                        "this database has no profiles: nothing was loaded yet"
                    )
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise explained(error) from error


def _traits(connection: Connection, found: Sequence[Id]) -> dict[TraitName, TraitValue]:
    told: dict[TraitName, TraitValue] = {}
    for each in found:
        query = sa.select(TRAITS).where(TRAITS.c.type == each.type, TRAITS.c.value == each.value)
        for row in connection.execute(query):
            told[TraitName(each.type, each.value, row.name)] = TraitValue(row.moment, row.json)
    return told
