"""Who is who, in a database: the scenarios in any order, and what `whois` says of them."""

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from core.identities import drawn
from sqlalchemy.engine import Connection

from segment_identity.facts import facts
from segment_identity.messages import Message
from segment_identity.profile import segment_id
from segment_identity.stitching import POLICIES, Policy, canonical
from segment_identity.warehouse import Profiles, Warehouse, people
from segment_identity.warehouse.profile_facts import ProfileFacts, store
from segment_identity.warehouse.profile_tables import METADATA

from .loading import load, query
from .scenarios import SCENARIOS, Scenario, call, on

EACH_SCENARIO = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)


def graph(connection: Connection) -> dict[str, str]:
    """Return the id graph."""
    rows = connection.exec_driver_sql("SELECT segment_id, canonical_segment_id FROM id_graph")
    return {row[0]: row[1] for row in rows}


def wanted(scenario: Scenario) -> dict[str, str]:
    return {each: name for name, ids in scenario.people.items() for each in ids}


def again(events: Sequence[Message], seed: int) -> list[Message]:
    """Return events in another order, some of them twice."""
    chance = random.Random(seed)
    more = [*events, *chance.choices(events, k=len(events))]
    chance.shuffle(more)
    return more


def emptied(connection: Connection) -> None:
    for table in METADATA.sorted_tables:
        connection.execute(sa.delete(table))


def in_batches(connection: Connection, events: Sequence[Message], chance: random.Random) -> None:
    rest = list(events)
    while rest:
        size = chance.randint(1, 6)
        store(connection, facts(rest[:size]))
        del rest[:size]


@EACH_SCENARIO
def test_people_come_out_right_in_200_orders(warehouse: Warehouse, scenario: Scenario) -> None:
    with warehouse.engine.begin() as connection:
        ProfileFacts().prepare(connection)
        for seed in range(200):
            emptied(connection)
            in_batches(connection, again(scenario.events, seed), random.Random(seed))
            assert graph(connection) == wanted(scenario), seed


@EACH_SCENARIO
def test_every_event_belongs_to_whom_it_should(warehouse: Warehouse, scenario: Scenario) -> None:
    load(warehouse, again(scenario.events, 1), size=3)
    found = query(warehouse, "SELECT id, attributed_user_id FROM profile_events ORDER BY id")
    assert found == sorted(scenario.attributed.items())


@EACH_SCENARIO
def test_whois_finds_the_same_person_by_each_of_their_ids(
    warehouse: Warehouse, url: str, scenario: Scenario
) -> None:
    load(warehouse, again(scenario.events, 2))
    with Profiles(url) as profiles:
        for name, ids in scenario.people.items():
            for each in sorted(ids):
                one = profiles.whois(each)
                assert one is not None
                assert one.segment_id == name
                assert {f"user_id:{each}" for each in one.user_ids} | {
                    f"anonymous_id:{each}" for each in one.anonymous_ids
                } == ids
                belong = {
                    message_id
                    for message_id, owner in scenario.attributed.items()
                    if owner == one.user_id
                }
                if one.user_id is not None:
                    assert {each.message_id for each in one.timeline} == belong


@pytest.mark.parametrize("policy", POLICIES)
def test_a_person_is_found_from_few_facts_as_from_all(warehouse: Warehouse, policy: Policy) -> None:
    with warehouse.engine.begin() as connection:
        ProfileFacts(policy).prepare(connection)
        for seed in range(100):
            events = drawn(seed)
            emptied(connection)
            in_batches(connection, again(events, seed), random.Random(seed))
            who = {
                segment_id(each): segment_id(home)
                for each, home in canonical(facts(events), policy).items()
            }
            assert graph(connection) == who, seed
            for each, home in who.items():
                found = people.members(connection, each, policy)
                assert found is not None
                assert next(map(segment_id, found)) == home
                same = {one for one, other in who.items() if other == home}
                assert {segment_id(one) for one in found} == same, (seed, each)


@pytest.mark.parametrize("column", ["anonymous_id", "user_id"])
def test_one_persons_calls_are_found_by_index(column: str) -> None:
    select = f"SELECT id FROM tracks WHERE {column} IN ('laptop', 'ada')"
    with closing(Warehouse("sqlite:///:memory:")) as warehouse:
        load(warehouse, [call(1, "a", **on("laptop", "ada"))])
        [(*_, how)] = query(warehouse, f"EXPLAIN QUERY PLAN {select}")
    assert f"USING INDEX ix_tracks_{column}" in how


def test_a_database_of_earlier_indexes_is_loaded_and_asked_as_ever(tmp_path: Path) -> None:
    """They held calls without the id as well, and pages were smaller."""
    events = [call(n, f"e{n}", **on("laptop", "ada" if n % 2 else None)) for n in range(1, 9)]
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("PRAGMA page_size = 4096")
        connection.execute("VACUUM")
    with closing(Warehouse(f"sqlite:///{old}")) as warehouse:
        load(warehouse, events[:4])
        with warehouse.engine.begin() as connection:
            for column in ("anonymous_id", "user_id"):
                on_all = f"CREATE INDEX ix_tracks_{column} ON tracks ({column}, timestamp)"
                connection.exec_driver_sql(f"DROP INDEX ix_tracks_{column}")
                connection.exec_driver_sql(on_all)
    said = []
    for file, size in ((old, 4_096), (new, 8_192)):
        with closing(Warehouse(f"sqlite:///{file}")) as warehouse:
            load(warehouse, events)
            assert query(warehouse, "PRAGMA page_size") == [(size,)]
            how = query(warehouse, "EXPLAIN QUERY PLAN SELECT id FROM tracks WHERE user_id = 'ada'")
            assert "USING INDEX ix_tracks_user_id" in how[0][-1]
        with Profiles(f"sqlite:///{file}") as profiles:
            said.append(profiles.whois("ada"))
    assert said[0] is not None
    assert said[0] == said[1]
