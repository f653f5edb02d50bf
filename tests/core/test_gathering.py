"""Messages that are planned make the same rows and say the same as those that go by the rules."""

import copy
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segment_identity.arranging import row_of
from segment_identity.gathering import Gathered
from segment_identity.planning import Plans
from segment_identity.tallies import Tally, tally

from .objects import objects

NOW: Final = "2026-01-31T12:00:00.000Z"
NAMES: Final = "a A b a_b id userId name category ip context_ip _ from 7 e.f email group_id event"
ODD: Final = ["", "a b", "\u6ce8", 'q"', "b\\", "\x7f", "\U0001f600"]
KEYS: Final = st.sampled_from([*NAMES.split(), *ODD]) | st.text(max_size=2)
TEXTS: Final = st.sampled_from(["", "Ada", "2026-01-31", "x" * 600, "Ada \u6ce8\U0001f600"])
SCALARS: Final = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, -7, 2**53 + 1, 2**63, 2**64, 2**70, -(2**63) - 1])
    | st.sampled_from([0.0, 1.0, -0.0, 1.5, 1e22, 5e-324])
    | TEXTS
)
OBJECTS: Final = objects(KEYS, SCALARS)


def mostly(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw one of *usual* nine times of ten."""
    return st.integers(0, 9).flatmap(lambda number: usual if number else odd)


IDS: Final = mostly(
    st.sampled_from([None, "u-1", "laptop-1"]),
    st.sampled_from(["", "null", "y" * 600, 7, 7.5, True]),
)
TIMES: Final = st.sampled_from(
    ["2026-01-31T12:00:00.000Z", "2026-01-31T13:00:00+01:00", "2026-01-31", "", "soon", None, 7]
)
KINDS: Final = st.sampled_from(["identify", "track", "track", "page", "group", "alias", "dance"])
EVENTS: Final = st.sampled_from(["users", "order", "\u6ce8\u6587", "", "_", 7])
MESSAGES: Final = st.fixed_dictionaries(
    {
        "type": KINDS,
        "timestamp": mostly(st.just(NOW), TIMES),
        "event": mostly(st.just("Signed Up"), EVENTS),
    },
    optional={
        "anonymousId": IDS,
        "userId": IDS,
        "groupId": IDS,
        "previousId": IDS,
        "name": IDS,
        "category": IDS,
        "originalTimestamp": mostly(st.just(NOW), TIMES),
        "receivedAt": mostly(st.just(NOW), TIMES),
        "sentAt": mostly(st.just(NOW), TIMES),
        "properties": mostly(OBJECTS, SCALARS),
        "traits": mostly(OBJECTS, SCALARS),
        "context": mostly(OBJECTS, SCALARS),
        "integrations": OBJECTS,
        "channel": SCALARS,
    },
)


def scalars(value: Any) -> Any:
    """Draw other values for the same keys, mostly of the same kinds."""
    if isinstance(value, Mapping):
        inner: dict[Any, Any] = {key: scalars(each) for key, each in value.items()}
        return st.fixed_dictionaries(inner)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return st.sampled_from([value, 1, 1.0, 2.5, 2**70])
    return mostly(st.just(value) | TEXTS if isinstance(value, str) else st.just(value), SCALARS)


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """Draw messages of a few outlines, which come again and again with other values."""
    events: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 3))):
        first: dict[str, Any] = draw(MESSAGES)
        for _ in range(4):
            again = copy.deepcopy(first)
            again.update((name, draw(scalars(first[name]))) for name in OPEN if name in first)
            events.append(again)
    numbers = itertools.count()
    return [
        msgspec.json.encode({"messageId": f"m-{next(numbers)}", **each})
        for each in draw(st.permutations(events))
    ]


OPEN: Final = ("properties", "traits", "context", "name", "userId")


def read(event: bytes) -> dict[str, Any]:
    message: dict[str, Any] = msgspec.json.decode(event)
    message.setdefault("sentAt", NOW)
    message.setdefault("receivedAt", NOW)
    return message


def gathered(events: list[bytes], plans: Plans | None) -> tuple[Any, Tally]:
    found = Gathered(plans or Plans(), NOW)
    claims = found.encoded(events, read) if plans else found.decoded(map(read, events))
    said = tally(claims)
    return told(found), said


def told(found: Gathered) -> Any:
    for blocks in found.blocks().values():
        for each in blocks:
            for record in each.records:
                for name, value in row_of(each.names, record).items():
                    assert name not in each.texts or type(value) is str
    by_table = {
        table: sorted(
            (number, sorted(exact(row_of(block.names, record))))
            for block in blocks
            for number, record in zip(block.numbers, block.records, strict=True)
        )
        for table, blocks in found.blocks().items()
    }
    latest = [(row.table, row.key, sorted(exact(row.values))) for row in found.latest]
    return by_table, latest, [sorted(exact(each)) for each in found.discards()]


def exact(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield values so that 1, 1.0 and true are three."""
    return ((name, repr(value)) for name, value in row.items())


@settings(max_examples=60, deadline=None)
@example(
    [b'{"messageId":"m","type":"page","timestamp":"%s","properties":{"name":{}}}' % NOW.encode()]
    * 4
)
@given(streams())
def test_planned_messages_make_what_the_rules_make_of_them(events: list[bytes]) -> None:
    plans = Plans()
    for part in (events[:5], events[5:]):
        assert gathered(part, plans) == gathered(part, None)
    assert gathered(events, plans) == gathered(events, None)


@pytest.mark.parametrize(
    "properties",
    [
        {"name": "Home", "path": "/"},
        {"path": "/", "category": "Shop"},
        {"category": "Shop", "name": "Home"},
        {"name": "Home", "category": None},
        {"path": "/"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "said", [{}, {"name": "Home"}, {"name": "Home", "category": "Shop"}], ids=str
)
def test_what_a_page_says_of_itself_and_in_its_properties_is_one(
    properties: dict[str, Any], said: dict[str, Any]
) -> None:
    page = {"type": "page", "timestamp": NOW, "context": {"ip": "1.2.3.0"}, **said}
    events = [
        msgspec.json.encode({"messageId": f"m-{number}", **page, "properties": properties})
        for number in range(4)
    ]
    assert gathered(events, Plans()) == gathered(events, None)
