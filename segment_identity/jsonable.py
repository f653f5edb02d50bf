"""Turn what callers pass into plain JSON values.

How this works
--------------
Most of what callers pass is plain already: builtin containers, texts and numbers. So nothing is
copied until something must change: `Snapshot.plain` looks at every value once and returns what it
was given, or a copy in which only the rest is replaced. That is enough for what is encoded before
the call returns. What is kept longer (traits) needs a copy that later changes cannot reach, and
encoding and decoding it again is the quickest way to one.

Texts are not looked at one by one: encoding, which all of this is for, tells whether there is any
among them that neither UTF-8 nor databases take, and hardly ever is there one.
"""

import dataclasses
import datetime as dt
import enum
import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec

_MAX_DEPTH: Final = 32
_MAX_NODES: Final = 20_000
_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1
_ATOMS: Final = frozenset({str, bool, type(None)})

T = TypeVar("T")

_encode: Final = msgspec.json.Encoder().encode


class Snapshot:
    """Makes values JSON; *replaced* counts what could not be said in JSON and became null."""

    __slots__ = ("_nodes", "replaced")

    def __init__(self) -> None:
        self.replaced = 0
        self._nodes = 0

    def mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        """Copy a mapping; what happens to the original later does not reach the copy."""
        try:
            copy: dict[str, Any] = msgspec.json.decode(encoded(self.plain(value)))
            return copy
        except Exception:
            # Another thread changed it meanwhile.
            self._replace()
            return {}

    def plain(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        """Return a mapping for `encoded`, which may hold parts of *value*, or be it.

        Keys become text. A mapping that raises costs its values only.
        """
        try:
            return self._mapping(value, 0)
        except Exception:
            self._replace()
            return {}

    def value(self, value: object, depth: int = 0) -> Any:
        """Make one value of any kind plain; never raises."""
        kind = type(value)
        if kind is float:
            return value if math.isfinite(value) else self._replace()  # type: ignore[arg-type]
        if kind is str:
            return clean(value)  # type: ignore[arg-type]
        if kind in _ATOMS:
            return value
        if kind is int:
            return value if _LEAST <= value <= _MOST else self._long(value)  # type: ignore
        self._nodes += 1
        if depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            return self._replace()
        try:
            if kind is dict:
                return self._mapping(value, depth)  # type: ignore[arg-type]
            if kind is list:
                return self._sequence(value, depth)  # type: ignore[arg-type]
            return self._other(value, depth)
        except Exception:
            # Foreign code runs here (`__iter__`, `__str__`, `model_dump`); whatever it raises,
            # one value is lost and the event is not.
            return self._replace()

    def _replace(self) -> None:
        self.replaced += 1

    def _long(self, value: int) -> str | None:
        if value.bit_length() < 4_096:
            return str(value)
        self._replace()
        return None

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        if type(value) is not dict or len(value) > _MAX_NODES - self._nodes:
            value = {self._key(key): each for key, each in self._bounded(value.items())}
        plain, renamed = value, False
        for key, each in value.items():
            kind = type(each)
            if kind not in _ATOMS and not (kind is int and _LEAST <= each <= _MOST):
                said = self.value(each, depth + 1)
                if said is not each:
                    plain = value.copy() if plain is value else plain
                    plain[key] = said
            renamed |= type(key) is not str
        self._nodes += len(value)
        return {self._key(key): each for key, each in plain.items()} if renamed else plain

    def _key(self, key: object) -> str:
        plain = key if type(key) is str else self.value(key, _MAX_DEPTH)
        return plain if isinstance(plain, str) else str(plain)

    def _sequence(self, value: Iterable[Any], depth: int) -> list[Any]:
        if type(value) is not list or len(value) > _MAX_NODES - self._nodes:
            value = list(self._bounded(value))
        plain = value
        for place, each in enumerate(value):
            if type(each) not in _ATOMS:
                said = self.value(each, depth + 1)
                if said is not each:
                    plain = value.copy() if plain is value else plain
                    plain[place] = said
        self._nodes += len(value)
        return plain

    def _bounded(self, entries: Iterable[T]) -> Iterator[T]:
        """Let as many *entries* pass as there is room for."""
        room = max(0, _MAX_NODES - self._nodes)
        for count, each in enumerate(entries):
            if count == room:
                self._replace()
                return
            yield each

    def _other(self, value: object, depth: int) -> Any:
        if isinstance(value, enum.Enum):
            return self.value(value.value, depth + 1)
        if isinstance(value, bool | int):
            return self.value(int(value))
        if isinstance(value, float):
            return self.value(float(value))
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._sequence(value, depth)
        if isinstance(value, dt.datetime):
            return iso(value)
        if isinstance(value, dt.date | dt.time):
            return value.isoformat()
        if isinstance(value, dt.timedelta):
            return value.total_seconds()
        if isinstance(value, Decimal):
            return self._decimal(value)
        if isinstance(value, UUID | PurePath):
            return clean(str(value))
        if isinstance(value, bytes | bytearray | memoryview):
            return clean(bytes(value).decode("utf-8", "replace"))
        return self._model(value, depth)

    def _decimal(self, value: Decimal) -> Any:
        if not value.is_finite():
            return self._replace()
        if abs(value.adjusted()) > 300:
            return str(value)
        whole = value == value.to_integral_value()
        return self.value(int(value)) if whole else float(value)

    def _model(self, value: object, depth: int) -> Any:
        if isinstance(value, msgspec.Struct):
            return self._mapping(msgspec.structs.asdict(value), depth)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
            return self._mapping(fields, depth)
        dump = getattr(value, "model_dump", None)
        if callable(dump) and not isinstance(value, type):
            return self.value(dump(), depth + 1)
        if hasattr(type(value), "__attrs_attrs__"):
            return self.value(msgspec.to_builtins(value), depth + 1)
        if isinstance(value, Iterable):
            return self._sequence(value, depth)
        return self._replace()


def encoded(plain: Any) -> bytes:
    """Return *plain*, which `Snapshot.plain` let pass, as JSON with clean texts."""
    try:
        said = _encode(plain)
    except UnicodeEncodeError:
        return _encode(_cleaned(plain))
    # A NUL is written so. A text that only spells this is cleaned in vain; looking for one byte
    # first is quicker.
    return _encode(_cleaned(plain)) if b"\\" in said and b"\\u0000" in said else said


def _cleaned(plain: Any) -> Any:
    if type(plain) is dict:
        return {clean(key): _cleaned(each) for key, each in plain.items()}
    if type(plain) is list:
        return [_cleaned(each) for each in plain]
    return clean(plain) if type(plain) is str else plain


def iso(moment: dt.datetime) -> str:
    """Return *moment* as ISO 8601 in UTC with milliseconds; a naive one is taken as UTC."""
    aware = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    return aware.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def clean(text: str) -> str:
    """Replace lone surrogates and NUL, which neither UTF-8 nor databases take."""
    if type(text) is not str:
        text = str.__str__(text)
    if text.isascii():
        return text.replace("\x00", "") if "\x00" in text else text
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
