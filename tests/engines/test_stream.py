"""ClickHouse keeps the facts itself, from what is inserted in any order."""

import json
import random
from collections.abc import Iterator

import pytest
from core.identities import drawn
from core.test_ids import DRESSED, PLACEHOLDERS

from segment_identity.claims import moment
from segment_identity.facts import facts
from segment_identity.messages import Message
from segment_identity.profile import segment_id
from segment_identity.stitching import canonical
from segment_identity.warehouse.profile_views import SQL
from segment_identity.warehouse.resolving import resolve

from .engines import ClickHouse, installed
from .test_engines import apart


@pytest.fixture
def clickhouse() -> Iterator[ClickHouse]:
    module = installed("chdb.session")
    if module is None:
        pytest.skip("chdb is not here; 'make engines' installs it")
    made = ClickHouse(module)
    for statement in (SQL.parent / "clickhouse.sql").read_text("utf-8").split(";\n"):
        made.run(statement)
    yield made
    made.close()


def incoming(events: list[Message]) -> str:
    """Return the INSERT of some events."""
    lines = [
        json.dumps(
            {
                "type": each["type"],
                "anonymous_id": each.get("anonymousId"),
                "user_id": each.get("userId"),
                "previous_id": each.get("previousId"),
                "moment": moment(each),
            }
        )
        for each in events
    ]
    return f"INSERT INTO profile_incoming FORMAT JSONEachRow {' '.join(lines)}"


def test_a_stream_into_clickhouse_ends_where_the_core_does(clickhouse: ClickHouse) -> None:
    events = [apart(each, f"{seed}.") for seed in range(400) for each in drawn(seed)]
    told = facts(events)
    chance = random.Random(1)
    again = [*events, *chance.choices(events, k=len(events))]
    chance.shuffle(again)
    while again:
        size = chance.randint(1, 400)
        clickhouse.run(incoming(again[:size]))
        del again[:size]
    resolve(clickhouse)
    found = clickhouse.rows("SELECT segment_id, canonical_segment_id FROM id_graph")
    wanted = {segment_id(each): segment_id(home) for each, home in canonical(told).items()}
    assert {row[0]: row[1] for row in found} == wanted


def test_a_stream_into_clickhouse_leaves_out_what_is_nobodys_id(clickhouse: ClickHouse) -> None:
    events: list[Message] = [
        {
            "type": "track",
            "messageId": f"m-{number}",
            "timestamp": "2026-01-31T12:00:00.000Z",
            "anonymousId": each,
            "userId": "ada",
        }
        for number, each in enumerate([*PLACEHOLDERS, *DRESSED, "laptop-1"])
    ]
    clickhouse.run(incoming(events))
    assert clickhouse.rows("SELECT anonymous_id FROM profile_links") == [("laptop-1",)]
