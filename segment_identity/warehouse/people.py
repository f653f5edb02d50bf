"""Find who has an id, by reading no more than this person's facts.

How this works
--------------
`stitching` decides, over those facts that can matter: for each id of the person the aliases that
name it, for each user the devices that carried it, and for each of those devices, whoever they turn
out to belong to, all users they carried. Facts are fetched until none of these is missing.
"""

from collections.abc import Collection, Iterator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from segment_identity.facts import Alias, Facts, Id, Link, Span
from segment_identity.profile import parsed
from segment_identity.stitching import Policy, canonical, known_ids
from segment_identity.tallies import DEVICE
from segment_identity.warehouse.parts import parts
from segment_identity.warehouse.profile_tables import ALIASES, IDS, LINKS

_TYPES: Final = ("anonymous_id", "user_id")


def members(connection: Connection, text: str, policy: Policy = "first") -> dict[Id, str] | None:
    """Return all ids of the person who has the id *text*, with the moments they were first seen.

    A `segment_id` as in the tables says which type is meant; else a user's id is sought first. None
    if nobody has it. The id the person goes by comes first.
    """
    found = neighbourhood(connection, text, policy)
    return None if found is None else found[0]


def neighbourhood(
    connection: Connection, text: str, policy: Policy = "first"
) -> tuple[dict[Id, str], Facts] | None:
    """Return what `members` does, and the facts that have to do with them."""
    near = _Neighbourhood(connection)
    for meant in (None, parsed(text)):
        value = meant.value if meant else text
        near.seek({value})
        known = known_ids(near.facts())
        for start in (meant,) if meant else (Id("user_id", text), Id("anonymous_id", text)):
            if start in known:
                return near.members(start, policy), near.facts()
    return None


class _Neighbourhood:
    """The facts fetched so far."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids: dict[Id, str] = {}
        self._links: dict[Link, Span] = {}
        self._aliases: dict[Alias, Span] = {}
        self._typed: set[str] = set()
        self._sought: set[str] = set()
        self._devices: set[str] = set()
        self._users: set[str] = set()

    def facts(self) -> Facts:
        """Return them."""
        return Facts(self._ids, self._links, self._aliases)

    def members(self, start: Id, policy: Policy) -> dict[Id, str]:
        """Fetch until the person who has the id *start* is whole, and return its ids."""
        names: dict[Id, Id] = {}
        size = 0
        while True:
            found = self.facts()
            told = len(found.ids) + len(found.links) + len(found.aliases)
            if told > size:
                # Mostly the last fetch finds nothing, and a kiosk's users take a while to sort.
                names, moments, size = canonical(found, policy), known_ids(found), told
            mine = [each for each in names if names[each] == names[start]]
            users = {each.value for each in mine if each.type == "user_id"}
            devices = {each.value for each in names if each.type == "anonymous_id"}
            if not self._fetch(users, devices):
                mine.sort(key=lambda each: (each != names[start], each))
                return {each: moments[each] for each in mine}

    def _fetch(self, users: set[str], devices: set[str]) -> bool:
        """Fetch what *users* and *devices* have to do with; False if nothing was missing."""
        new_users, new_devices = users - self._users, devices - self._devices
        unsought = (users | devices) - self._sought
        if not (new_users or new_devices or unsought):
            return False
        self.seek(unsought)
        for row in self._rows(LINKS, LINKS.c.user_id, new_users):
            self._links[Link(row.anonymous_id, row.user_id)] = _span(row)
        for row in self._rows(LINKS, LINKS.c.anonymous_id, new_devices):
            self._links[Link(row.anonymous_id, row.user_id)] = _span(row)
        self._users |= new_users
        self._devices |= new_devices
        self._type({value for link in self._links for value in link})
        return True

    def seek(self, values: Collection[str]) -> None:
        """Fetch the aliases that name *values*, and what type their ids are."""
        written = {*values, *(DEVICE + each for each in values)}
        for column in (ALIASES.c.previous_id, ALIASES.c.user_id):
            for row in self._rows(ALIASES, column, written):
                self._aliases[Alias(row.previous_id, row.user_id)] = _span(row)
        self._sought |= set(values)
        named = (value.removeprefix(DEVICE) for alias in self._aliases for value in alias)
        self._type({*values, *named})

    def _type(self, values: set[str]) -> None:
        missing = values - self._typed
        for row in self._rows(IDS, IDS.c.value, missing, IDS.c.type.in_(_TYPES)):
            self._ids[Id(row.type, row.value)] = row.first_moment
        self._typed |= missing

    def _rows(
        self,
        table: sa.Table,
        column: sa.Column[Any],
        values: Collection[str],
        *conditions: sa.ColumnElement[bool],
    ) -> Iterator[sa.Row[Any]]:
        for some in parts(sorted(values)):
            query = sa.select(table).where(column.in_(some), *conditions)
            yield from self._connection.execute(query)


def _span(row: sa.Row[Any]) -> Span:
    return Span(row.first_moment, row.last_moment)
