"""Map messages to the rows of Segment's warehouse tables (Segment: Warehouse Schemas).

Pure: a message in, rows out. Which columns a table has and how rows get there is the engine's part.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from segment_identity.discards import COLUMNS, Loss, digest, discard, said, whole
from segment_identity.flattening import flattened
from segment_identity.happened import corrected
from segment_identity.kinds import Kind, Scalar, instant_of, kind_of, plain
from segment_identity.names import of_event

# A database's index takes no longer ones.
MAX_KEY: Final = 512
# Bytes; an index of PostgreSQL takes no longer ids.
_MAX_ID: Final = 2_000
# Tables that every warehouse has.
OURS: Final = frozenset(
    """
    identifies users tracks pages screens groups accounts aliases discards
    profiles id_graph profile_events profile_calls profile_ids profile_links profile_aliases
    profile_traits profile_forgotten profile_keys profile_nodes profile_edges profile_neighbours
    profile_roots user_keys account_keys
    """.split()
)
IDS: Final = (("anonymous_id", "anonymousId"), ("user_id", "userId"))
STAMPS: Final = (
    ("received_at", "receivedAt"),
    ("sent_at", "sentAt"),
    ("timestamp", "timestamp"),
    ("original_timestamp", "originalTimestamp"),
)
# Columns a property may not take: those every table has, and those of its kind of message.
_COMMON: Final[Mapping[str, Kind]] = {
    "id": "varchar",
    **dict.fromkeys([column for column, _ in IDS], "varchar"),
    **dict.fromkeys([column for column, _ in STAMPS], "timestamp"),
    "uuid_ts": "timestamp",
}
# Columns that hold times as databases take them.
TIMES: Final = frozenset((*(column for column, _ in STAMPS), "uuid_ts"))
_EVENT: Final = ("event", "event_text")


class Shape(NamedTuple):
    """Where the rows of a type of message go, and what they are made of.

    *own* are columns from the message itself; *reserved*, those a property may not take.
    """

    table: str
    source: str
    own: Mapping[str, str]
    reserved: frozenset[str]
    latest: str = ""


def _shape(table: str, source: str, own: Mapping[str, str], latest: str = "") -> Shape:
    reserved = frozenset((*_COMMON, *own, *(_EVENT if table == "tracks" else ())))
    return Shape(table, source, own, reserved, latest)


_NAMED: Final = {"name": "name", "category": "category"}
SHAPES: Final[Mapping[str, Shape]] = {
    "identify": _shape("identifies", "traits", {}, latest="users"),
    "page": _shape("pages", "properties", _NAMED),
    "screen": _shape("screens", "properties", _NAMED),
    "group": _shape("groups", "traits", {"group_id": "groupId"}, latest="accounts"),
    "alias": _shape("aliases", "", {"previous_id": "previousId"}),
    "track": _shape("tracks", "properties", {}),
}
# The columns of which table says whose row of `users` or `accounts` it is.
OWNERS: Final = {"users": "user_id", "accounts": "group_id"}
_OWN: Final[Mapping[str, Collection[str]]] = {
    shape.table: frozenset(shape.own) for shape in SHAPES.values()
} | {"discards": COLUMNS}


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row of *table*.

    One with a *key* is what is known of its id: of each column the value of the greatest key stays.
    """

    table: str
    values: Mapping[str, Scalar]
    key: str = ""


def rows(message: Mapping[str, Any], uuid_ts: str = "") -> list[Row]:
    """Return the rows of one message that is loaded at *uuid_ts*; what has no place is a row, too.

    There is always one: a message of no known type, or without an id, is kept as a whole.
    """
    kind, message_id = message.get("type"), message.get("messageId")
    shape = SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None or not isinstance(message_id, str) or not message_id:
        return [Row("discards", whole(message, "no_message", uuid_ts))]
    lost: list[Loss] = []
    columns = _common(message, message_id, uuid_ts, lost)
    custom = _custom(message, shape, columns, lost)
    if shape.table == "tracks":
        name = message.get("event")
        if not isinstance(name, str) or not name:
            return [Row("discards", whole(message, "no_event", uuid_ts))]
        result = _track_rows(name, message, columns, custom, lost)
    else:
        result = [Row(shape.table, {**columns, **custom})]
        if shape.latest:
            result += _latest_row(shape.latest, columns, custom)
    return _with_discards(result, lost) if lost else result


def _custom(
    message: Mapping[str, Any], shape: Shape, columns: dict[str, Scalar], lost: list[Loss]
) -> dict[str, Scalar]:
    """Return the columns made of properties or traits, and add the shape's own to *columns*."""
    source = message.get(shape.source) if shape.source else None
    if type(source) is not dict and not isinstance(source, Mapping):
        if source is not None:
            lost.append(Loss("", source, "no_object", shape.source))
        source = {}
    for column, key in shape.own.items():
        value = message.get(key)
        if value is None and shape.own is _NAMED:
            value = source.get(key)
        _take(columns, column, value, lost)
    return flattened(source, "", (columns.keys(), shape.reserved), lost)


def _with_discards(result: list[Row], lost: list[Loss]) -> list[Row]:
    """Add rows for what is *lost*, but for what is in the column it wanted all the same."""
    own = next(each for each in reversed(result) if not each.key)
    return result + [
        Row("discards", discard(own.table, own.values, each))
        for each in lost
        if each.reason != "reserved"
        or each.column not in own.values
        or said(own.values[each.column]) != said(each.value)
    ]


def is_ours(table: str) -> bool:
    """Tell whether *table* is one of those that every warehouse has."""
    return table in OURS


def properties_of(row: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return those columns of an event's own table that its row of `tracks` has not."""
    return {
        name: value
        for name, value in row.items()
        if name not in _COMMON and name not in _EVENT and not name.startswith("context_")
    }


def kind_in(table: str, column: str, value: Scalar) -> Kind:
    """Return the type that a new *column* of *table* gets: ours have theirs, others by *value*."""
    known = _COMMON.get(column)
    if known is not None:
        return known
    return "varchar" if is_own(table, column) else kind_of(value)


def is_own(table: str, column: str) -> bool:
    """Tell whether *column* is one that *table* has whatever the properties are."""
    if column in _COMMON or column in _OWN.get(table, ()):
        return True
    return column in _EVENT and (table == "tracks" or table not in OURS)


def _common(
    message: Mapping[str, Any], message_id: str, uuid_ts: str, lost: list[Loss]
) -> dict[str, Scalar]:
    columns: dict[str, Scalar] = {"id": message_id}
    if len(message_id) > MAX_KEY:
        columns["id"] = digest(message_id)
        lost.append(Loss("id", message_id, "too_long"))
    for column, key in IDS:
        value = message.get(key)
        if isinstance(value, str) and len(value) > MAX_KEY and _size(value) > _MAX_ID:
            lost.append(Loss(column, value, "too_long"))
        elif value is not None:
            _take(columns, column, value, lost)
    for column, key in STAMPS:
        value = message.get(key)
        if value is None or value == "":
            continue
        found = instant_of(value) if isinstance(value, str) else None
        if found is None:
            lost.append(Loss(column, value, "no_time"))
        else:
            columns[column] = found
    if "timestamp" not in columns:
        times = (columns.get(name) for name in ("original_timestamp", "sent_at", "received_at"))
        happened = corrected(*(None if each is None else str(each) for each in times))
        if happened is not None:
            columns["timestamp"] = happened
    if uuid_ts:
        columns["uuid_ts"] = uuid_ts
    context = message.get("context")
    if type(context) is dict or isinstance(context, Mapping):
        columns |= flattened(context, "context", (), lost)
    elif context is not None:
        lost.append(Loss("context", context, "no_object"))
    return columns


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _take(columns: dict[str, Scalar], column: str, value: object, lost: list[Loss]) -> None:
    """Put what should be a text into *column*."""
    if isinstance(value, str):
        if value:
            columns[column] = value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        columns[column] = plain(value)
    elif value is not None:
        lost.append(Loss(column, value, "no_text"))


def _track_rows(
    text: str,
    message: Mapping[str, Any],
    columns: dict[str, Scalar],
    custom: Mapping[str, Scalar],
    lost: list[Loss],
) -> list[Row]:
    name, table = of_event(text, OURS)
    columns |= {"event": name, "event_text": text}
    if table:
        return [Row("tracks", columns), Row(table, {**columns, **custom})]
    if custom:
        lost.append(Loss("", message["properties"], "no_table", "properties"))
    return [Row("tracks", columns)]


def _latest_row(
    table: str, columns: Mapping[str, Scalar], custom: Mapping[str, Scalar]
) -> list[Row]:
    who = str(columns.get(OWNERS[table], ""))
    if not who.strip() or len(who) > MAX_KEY:
        return []
    known = {name: columns[name] for name in ("received_at", "timestamp") if name in columns}
    key = f"{columns.get('timestamp', '')}|{columns['id']}"
    return [Row(table, {"id": who, **custom, **known}, key)]
