"""Make messages of rows again: what `schema` does, backwards.

How this works
--------------
The columns of a row make the same columns again, so a message that is loaded a second time, here or
elsewhere, makes the same row. A name in snake case does not tell how it was written: properties and
traits keep it. What Segment's libraries put into the context is known, and gets its own words and
its nesting back.

A list was kept as JSON, and is one again if that is what the text says to the letter. What found no
place in its row, and stands in `discards`, goes back to where it came from. A trait whose column is
called as one of the context is told from that by nothing, and becomes context.
"""

from collections.abc import Container, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from segment_identity.kinds import Kind, Scalar, fitted
from segment_identity.messages import Message
from segment_identity.names import ident
from segment_identity.schema import IDS, SHAPES, STAMPS

Columns = Mapping[str, Scalar | None]

# What the context of Segment's and RudderStack's libraries may have (Segment Spec: Common Fields).
_WORDS: Final = """
actingAs active ip locale timezone userAgent groupId channel direct sessionId sessionStart
app.build app.name app.namespace app.version
campaign.content campaign.medium campaign.name campaign.source campaign.term
consent.categoryPreferences.*
device.adTrackingEnabled device.advertisingId device.id device.manufacturer device.model device.name
device.token device.type
library.name library.version
location.city location.country location.latitude location.longitude location.region location.speed
network.bluetooth network.carrier network.cellular network.wifi
os.name os.version
page.path page.referrer page.search page.title page.url
referrer.id referrer.link referrer.name referrer.type referrer.url
screen.density screen.height screen.innerHeight screen.innerWidth screen.width
traits.*
unverified.* unverified.traits.*
userAgentData.brands userAgentData.mobile userAgentData.platform userAgentData.*
attribution.first.campaign.* attribution.first.clickId attribution.first.clickType
attribution.first.landingPage attribution.first.isDirect attribution.first.referrer
attribution.last.campaign.* attribution.last.clickId attribution.last.clickType
attribution.last.landingPage attribution.last.isDirect attribution.last.referrer
""".split()
_CONTEXT: Final = "context_"
# By the reasons of `discards`: values that a message can say again.
_AGAIN: Final = frozenset({"collision", "reserved", "too_many_columns", "no_name"})
_WHOLE: Final = frozenset({"no_table", "too_many_tables"})


class Lost(NamedTuple):
    """A row of `discards`: what became of one value of a row."""

    column: str
    value: str
    reason: str


def _column(path: Iterable[str]) -> str:
    return ident("_".join(("context", *path)))


def _paths() -> dict[str, tuple[str, ...]]:
    return {_column(path): tuple(path) for path in (word.split(".") for word in _WORDS)}


def _objects() -> dict[str, tuple[str, ...]]:
    """Return what the columns of every object begin with; the innermost objects come first."""
    found: dict[str, tuple[str, ...]] = {}
    for word in _WORDS:
        parts = word.split(".")
        for length in range(1, len(parts)):
            found[f"{_column(parts[:length])}_"] = tuple(parts[:length])
    return dict(sorted(found.items(), key=lambda each: -len(each[0])))


_PATHS: Final = {column: path for column, path in _paths().items() if "*" not in path}
_OBJECTS: Final = _objects()
_BY_TABLE: Final = {shape.table: (kind, shape) for kind, shape in SHAPES.items()}


def restored(
    table: str, row: Columns, own: Columns | None = None, lost: Iterable[Lost] = ()
) -> Message:
    """Return the message that made *row* of *table*, one of those with a row for each call.

    *own* is its row in the table of its event, *lost* what is in `discards` of it.
    """
    kind, shape = _BY_TABLE[table]
    here = {name: value for name, value in row.items() if value is not None}
    message: Message = {"type": kind, "messageId": here["id"]}
    message |= {key: here.get(column) for column, key in IDS}
    message |= {key: here[column] for column, key in STAMPS if column in here}
    message["context"] = context({k: v for k, v in here.items() if k.startswith(_CONTEXT)})
    if table == "tracks":
        message["event"] = here.get("event_text", here.get("event"))
    message |= {key: here[column] for column, key in shape.own.items() if column in here}
    if shape.source:
        message[shape.source] = _source(here, own, shape.reserved)
    # What neither the table of all tracks nor that of the event took is lost twice.
    for each in dict.fromkeys(lost):
        _give_back(message, shape.source, each)
    return message


def _source(
    here: Mapping[str, Scalar], own: Columns | None, reserved: Container[str]
) -> dict[str, Any]:
    """Return properties or traits; the table of an event has its properties beside what is here."""
    columns = own or {k: v for k, v in here.items() if not k.startswith(_CONTEXT)}
    skipped: Container[str] = here if own else ()
    return {
        name: _value(value)
        for name, value in columns.items()
        if value is not None and name not in reserved and name not in skipped
    }


def context(columns: Mapping[str, Scalar]) -> dict[str, Any]:
    """Return the context whose *columns*, all of which begin with `context_`, these are."""
    found: dict[str, Any] = {}
    for path, value in zip(_context_paths(tuple(columns)), columns.values(), strict=True):
        target = found
        for key in path[:-1]:
            target = target.setdefault(key, {})
        target[path[-1]] = _value(value)
    return found


# Calls of one kind have the same columns.
@lru_cache(maxsize=1_024)
def _context_paths(columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    there = frozenset(columns)
    return [_path(each, there) for each in columns]


def _path(column: str, columns: Container[str]) -> tuple[str, ...]:
    path = _PATHS.get(column) or next(
        (
            (*path, column.removeprefix(start))
            for start, path in _OBJECTS.items()
            if column.startswith(start)
        ),
        (),
    )
    # What is a value itself holds no others.
    is_free = all(_column(path[:length]) not in columns for length in range(1, len(path)))
    return path if path and is_free else (column.removeprefix(_CONTEXT),)


def _value(value: Scalar) -> Any:
    """Return a value of a column, a list if it is the JSON of one."""
    return _read(value) if isinstance(value, str) and value.startswith("[") else value


def _read(text: str) -> Any:
    """Return what *text* says as JSON, or *text* itself if that would be written otherwise."""
    try:
        found = msgspec.json.decode(text)
        return found if msgspec.json.encode(found) == text.encode() else text
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return text


def _give_back(message: Message, source: str, lost: Lost) -> None:
    if lost.reason in _WHOLE:
        properties = _read(lost.value)
        if isinstance(properties, dict):
            message[source] = properties
        return
    if lost.reason == "too_long":
        message |= {key: lost.value for column, key in IDS if column == lost.column}
        return
    value = _read(lost.value)
    if lost.reason.startswith("not_"):
        kind: Kind = lost.reason.removeprefix("not_")  # type: ignore[assignment]
        if not isinstance(value, list | dict) and value is not None and _fits(value, kind):
            # It would have got its place, so it was a text.
            value = lost.value
    elif lost.reason not in _AGAIN:
        return
    is_context = lost.column.startswith(_CONTEXT)
    target = message["context"] if is_context else message.get(source)
    if not isinstance(target, dict):
        return
    name = lost.column.removeprefix(_CONTEXT) if is_context else lost.column
    while name in target:
        # Another name that makes the same column.
        name += "_"
    target[name] = value


def _fits(value: Scalar, kind: Kind) -> bool:
    return fitted(value, kind) is not None
