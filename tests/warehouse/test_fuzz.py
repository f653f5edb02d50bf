"""Whatever is accepted comes back from the tables as it was, or stands in `discards`."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from core.objects import objects
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segment_identity.kinds import moment
from segment_identity.messages import Message
from segment_identity.names import ident
from segment_identity.warehouse import Warehouse

from .support import Database

KEYS: Final = st.sampled_from(
    ["a", "A", "a b", "aB", "a_b", "id", "userId", "name", "from", "7", "\u6ce8", "_", "e.f", ""]
) | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=3)
TEXTS: Final = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
SCALARS: Final = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from(["2026-01-31", "2026-01-31T12:00:00.000001+02:00", "x" * 600, "\\N", "0"])
)
OBJECTS: Final = objects(KEYS, SCALARS)
TABLES: Final = {"identify": "identifies", "page": "pages", "group": "groups", "alias": "aliases"}
MESSAGES: Final = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["identify", "track", "track", "page", "group", "alias", "dance"]),
        "event": st.sampled_from(["Signed Up", "users", "order", "\u6ce8\u6587"]),
        "properties": OBJECTS,
        "traits": OBJECTS,
        "context": OBJECTS,
        "userId": st.none() | TEXTS | st.integers(),
        "groupId": TEXTS,
        "previousId": SCALARS,
        "timestamp": st.sampled_from(["2026-01-31T12:00:00Z", "soon", None, 7]),
    }
)
COUNTER: Final = itertools.count()


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(MESSAGES, st.booleans()), min_size=1, max_size=6))
def test_what_goes_in_comes_back(database: Database, given_events: list[Any]) -> None:
    """The database is the same for all examples, so columns have the types of earlier ones."""
    warehouse = Warehouse(database.url, profiles=None)
    batches: list[list[Message]] = [[]]
    for event, is_next in given_events:
        batches[-1].append({**event, "messageId": f"m-{next(COUNTER)}"})
        if is_next:
            batches.append([])
    try:
        for each in filter(None, batches):
            encoded = [json.dumps(event).encode() for event in each]
            warehouse.send(encoded)
            warehouse.send(encoded[::-1])
    finally:
        warehouse.close()
    for event in itertools.chain(*batches):
        assert lost(database, event) == []


def lost(database: Database, event: Message) -> list[str]:
    """Return what of an event is neither in its row nor in `discards`, each as often as it was."""
    message_id = event["messageId"]
    aside = database.query("SELECT * FROM discards WHERE row_id = :id", id=message_id)
    kind = event["type"]
    if kind == "dance":
        whole = [json.loads(row["column_value"]) for row in aside]
        return [] if whole == [event] else ["the whole event"]
    table = _table(event)
    [row] = database.query(f"SELECT * FROM {table} WHERE id = :id", id=message_id)
    told = Counter(row_["column_value"] for row_ in aside)
    wrong = []
    for column, value in _leaves(event, bool(table == "tracks" and kind == "track")):
        if _is_same(row.get(column), value):
            continue
        if told[_said(value)]:
            told[_said(value)] -= 1
            continue
        wrong.append(f"{column}: {value!r}")
    return wrong


def _table(event: Message) -> str:
    if event["type"] != "track":
        return TABLES[event["type"]]
    names = {"Signed Up": "signed_up", "users": "_users", "order": "_order"}
    return names.get(event["event"], "tracks")


def _leaves(event: Message, without_table: bool) -> Iterator[tuple[str, Any]]:
    kind = event["type"]
    yield "user_id", event["userId"]
    yield "timestamp", event["timestamp"]
    if kind == "group":
        yield "group_id", event["groupId"]
    if kind == "alias":
        yield "previous_id", event["previousId"]
    if kind == "track":
        yield "event_text", event["event"]
    yield from _flat(("context",), event["context"])
    source = {"identify": "traits", "group": "traits", "alias": ""}.get(kind, "properties")
    if without_table:
        # All of them are kept as one, unless some had no place at all.
        return
    if source:
        yield from _flat((), event[source])


def _flat(path: tuple[str, ...], source: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in source.items():
        if isinstance(value, dict):
            yield from _flat((*path, key), value)
        else:
            yield ident("_".join((*path, key))), value


def _is_same(stored: Any, value: Any) -> bool:
    if value is None or value == "":
        return True
    if stored is None:
        return False
    if isinstance(value, bool) or isinstance(stored, bool):
        return bool(stored in (value, _said(value)))
    if isinstance(value, int | float):
        return bool(stored in (value, _said(value)))
    if isinstance(value, list):
        return bool(stored == _said(value))
    return bool(stored in (value, moment(value)))


def _said(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
