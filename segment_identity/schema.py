"""Map messages to the rows of Segment's warehouse tables (Segment: Warehouse Schemas).

Pure: a message in, rows out. Which columns a table has and how rows get there is the engine's part.
"""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

Scalar = str | int | float | bool
Kind = Literal["boolean", "integer", "float", "timestamp", "varchar"]

_TOKEN: Final = re.compile(r"[A-Z0-9]+[a-z0-9]*|[a-z0-9]+")
_TIMESTAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}.*)?")
_MAX_NAME: Final = 63
_MAX_DEPTH: Final = 16
_INT64: Final = 2**63
_TABLES: Final = frozenset(
    """
    identifies users tracks pages screens groups accounts aliases discards
    profiles id_graph profile_events profile_calls profile_ids profile_links profile_aliases
    profile_traits profile_nodes profile_edges profile_neighbours profile_roots
    """.split()
)
_COMMON: Final = (
    ("anonymous_id", "anonymousId"),
    ("user_id", "userId"),
    ("received_at", "receivedAt"),
    ("sent_at", "sentAt"),
    ("timestamp", "timestamp"),
    ("original_timestamp", "originalTimestamp"),
)
# Columns a property may not take: those every table has, and those of its kind of message.
_RESERVED: Final = frozenset({"id", *(column for column, _ in _COMMON)})
# Type of message: table, the object its columns come from, columns from the message itself.
_SHAPES: Final[Mapping[str, tuple[str, str, Mapping[str, str]]]] = {
    "identify": ("identifies", "traits", {}),
    "page": ("pages", "properties", {"name": "name", "category": "category"}),
    "screen": ("screens", "properties", {"name": "name", "category": "category"}),
    "group": ("groups", "traits", {"group_id": "groupId"}),
    "alias": ("aliases", "", {"previous_id": "previousId"}),
    "track": ("tracks", "", {}),
}


class Row(msgspec.Struct, frozen=True):
    """One row of *table*; *latest* rows replace an older one with the same id, column by column."""

    table: str
    values: Mapping[str, Scalar]
    latest: bool = False


def ident(name: str) -> str:
    """Return *name* as Segment names tables and columns, or "" if nothing is left of it.

    What is cut at 63 characters keeps a hash of the whole, so that two names stay two.
    """
    snake = "_".join(_TOKEN.findall(name)).lower()
    if snake[:1].isdigit():
        snake = "_" + snake
    if len(snake) <= _MAX_NAME:
        return snake
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{snake[: _MAX_NAME - 9]}_{digest}"


def rows(message: Mapping[str, Any]) -> list[Row]:
    """Return the rows of one message; none if it is of no known type or has no id."""
    shape = _SHAPES.get(str(message.get("type")))
    if shape is None or not isinstance(message.get("messageId"), str):
        return []
    table, source, own = shape
    columns = _common(message)
    fixed = {column: message.get(key) for column, key in own.items()}
    custom = message.get(source) if source else None
    if table == "tracks":
        return _track_rows(message, columns)
    _add(columns, "", custom, _RESERVED.union(own))
    _add(columns, "", {k: v for k, v in fixed.items() if v is not None}, _RESERVED)
    result = [Row(table, columns)]
    if table == "identifies":
        result += _latest_row("users", message, "userId")
    elif table == "groups":
        result += _latest_row("accounts", message, "groupId")
    return result


def kind_of(value: Scalar) -> Kind:
    """Return the type a column gets from its first value."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if -_INT64 <= value < _INT64 else "varchar"
    if isinstance(value, float):
        return "integer" if value.is_integer() and abs(value) < _INT64 else "float"
    return "timestamp" if _is_timestamp(value) else "varchar"


def fitted(value: Scalar, kind: Kind) -> Scalar | None:
    """Return *value* as a column of *kind* holds it without loss, or None if it cannot."""
    own = kind_of(value)
    if kind in ("varchar", "timestamp"):
        return value if isinstance(value, str) else _plain(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool | str):
        return None
    if kind == "integer":
        return int(value) if own == "integer" else None
    return float(value) if isinstance(value, float) or abs(value) <= 2**53 else None


def _common(message: Mapping[str, Any]) -> dict[str, Scalar]:
    columns: dict[str, Scalar] = {"id": message["messageId"]}
    for column, key in _COMMON:
        value = message.get(key)
        if isinstance(value, str) and value:
            columns[column] = value
    _add(columns, "context", message.get("context"), frozenset())
    return columns


def _track_rows(message: Mapping[str, Any], columns: dict[str, Scalar]) -> list[Row]:
    text = message.get("event")
    if not isinstance(text, str):
        return []
    name = ident(text)
    columns |= {"event": name, "event_text": text}
    result = [Row("tracks", columns)]
    if name:
        own = dict(columns)
        _add(own, "", message.get("properties"), _RESERVED | {"event", "event_text"})
        # Names of the tables themselves, and those that SQLite keeps for itself.
        taken = name in _TABLES or name.startswith("sqlite_")
        result.append(Row(f"_{name}" if taken else name, own))
    return result


def _latest_row(table: str, message: Mapping[str, Any], key_name: str) -> list[Row]:
    who = message.get(key_name)
    if not isinstance(who, str) or not who.strip():
        return []
    columns: dict[str, Scalar] = {"id": who}
    _add(columns, "", message.get("traits"), _RESERVED)
    for column, key in (("received_at", "receivedAt"), ("timestamp", "timestamp")):
        if isinstance(message.get(key), str):
            columns[column] = message[key]
    return [Row(table, columns, latest=True)]


def _add(columns: dict[str, Scalar], prefix: str, source: object, reserved: frozenset[str]) -> None:
    """Add the flattened *source*; of two keys that make one column the first in order wins."""
    if not isinstance(source, Mapping):
        return
    for keys, value in sorted(_flat((prefix,), source, 0), key=lambda each: each[0]):
        column = ident("_".join(keys))
        if column and column not in reserved:
            columns.setdefault(column, value)


def _flat(
    prefix: tuple[str, ...], source: Mapping[str, Any], depth: int
) -> Iterator[tuple[tuple[str, ...], Scalar]]:
    for key, value in source.items():
        path = (*prefix, key)
        if isinstance(value, Mapping) and depth < _MAX_DEPTH:
            yield from _flat(path, value, depth + 1)
        elif isinstance(value, Mapping | list):
            yield path, msgspec.json.encode(value).decode()
        elif isinstance(value, float) and not math.isfinite(value):
            continue
        elif value is not None and value != "":
            yield path, value


def _plain(value: float | bool) -> str:
    return msgspec.json.encode(value).decode()


def _is_timestamp(text: str) -> bool:
    if not _TIMESTAMP.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
