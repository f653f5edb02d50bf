"""Every engine says the same of the same facts, as the core does."""

import itertools
from collections.abc import Iterator

import pytest
from core.identities import drawn
from warehouse.scenarios import SCENARIOS

from segment_identity.facts import Facts, facts, merged
from segment_identity.messages import Message
from segment_identity.profile import segment_id
from segment_identity.stitching import POLICIES, Policy, canonical
from segment_identity.warehouse.profile_views import SQL, select
from segment_identity.warehouse.resolving import resolve

from . import dialects
from .engines import ENGINES, Filled, fill, installed


@pytest.fixture(scope="module", params=ENGINES)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Filled]:
    made = ENGINES[request.param](tmp_path_factory.mktemp(request.param))
    if made is None:
        pytest.skip(f"{request.param} is not here; 'make engines' installs what it can")
    yield made
    made.close()


@pytest.fixture(scope="module")
def told() -> Facts:
    """Return the facts of many small graphs, and of a long chain, that have no id in common."""
    everything = Facts()
    for seed in range(1_500):
        everything = merged(everything, facts(apart(each, f"{seed}.") for each in drawn(seed)))
    for name, scenario in SCENARIOS.items():
        everything = merged(everything, facts(apart(each, f"{name}.") for each in scenario.events))
    return merged(everything, chain(200))


def apart(event: Message, prefix: str) -> Message:
    """Return an event with ids that are only its graph's."""
    ids = {
        name: f"{prefix}{event[name]}"
        for name in ("anonymousId", "userId", "previousId", "messageId")
        if event.get(name)
    }
    return {**event, **ids}


def chain(length: int) -> Facts:
    """Return users each of whom became the next, in an order that no id follows."""
    names = [f"chain-{number * 7919 % length:05}" for number in range(length)]
    return facts(
        {
            "type": "alias",
            "messageId": f"{one} {other}",
            "timestamp": "2026-01-31T12:00:00.000Z",
            "previousId": one,
            "userId": other,
        }
        for one, other in itertools.pairwise(names)
    )


@pytest.mark.parametrize("policy", POLICIES)
def test_an_engine_says_what_the_core_says(engine: Filled, told: Facts, policy: Policy) -> None:
    fill(engine, told)
    rounds = resolve(engine, policy)
    found = {
        row[0]: row[1]
        for row in engine.rows("SELECT segment_id, canonical_segment_id FROM id_graph")
    }
    wanted = {segment_id(each): segment_id(home) for each, home in canonical(told, policy).items()}
    assert found == wanted
    people = engine.rows(
        "SELECT canonical_segment_id, user_id, user_ids, anonymous_ids FROM profiles"
    )
    assert len(people) == len(set(wanted.values()))
    assert sum(int(row[2]) + int(row[3]) for row in people) == len(wanted)
    assert {row[1] for row in people if row[1]} == {
        name.removeprefix("user_id:") for name in wanted.values() if name.startswith("user_id:")
    }
    assert rounds <= 12


def test_an_engine_finds_the_same_by_recursion(engine: Filled, told: Facts) -> None:
    if engine.dialect not in dialects.RECURSIVE:
        pytest.skip(f"{engine.dialect} has no recursion that ends in a cycle")
    fill(engine, told)
    resolve(engine)
    in_rounds = sorted(engine.rows("SELECT segment_id, root FROM profile_roots"))
    assert sorted(engine.rows(select("profile_roots", engine.dialect))) == in_rounds


def test_the_files_of_all_dialects_are_those_sqlglot_makes() -> None:
    sqlglot = installed("sqlglot")
    if sqlglot is None:
        pytest.skip("sqlglot is not here; 'make engines' installs it")
    made = dialects.made(sqlglot)
    assert {path for path in SQL.rglob("*.sql") if path.parent != SQL} == set(made)
    for path, text in made.items():
        assert path.read_text("utf-8") == text, f"{path}: run 'make sql'"
