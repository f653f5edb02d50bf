"""Turn what callers pass into plain JSON values, as a snapshot that later changes cannot reach."""

import dataclasses
import datetime as dt
import enum
import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

import msgspec

_MAX_DEPTH: Final = 32
_MAX_NODES: Final = 20_000
_INT64: Final = 2**63
_ATOMS: Final = frozenset({bool, type(None)})


class Snapshot:
    """Copies values to JSON; *replaced* counts what could not be said in JSON and became null."""

    __slots__ = ("_nodes", "replaced")

    def __init__(self) -> None:
        self.replaced = 0
        self._nodes = 0

    def mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        """Copy a mapping, whose keys become text; one that raises costs its values only."""
        try:
            return self._mapping(value, 0)
        except Exception:
            self._replace()
            return {}

    def value(self, value: object, depth: int = 0) -> Any:
        """Copy one value of any kind; never raises."""
        kind = type(value)
        if kind is str:
            return clean(value)  # type: ignore[arg-type]
        if kind in _ATOMS:
            return value
        if kind is int:
            return value if -_INT64 <= value < _INT64 else self._long(value)  # type: ignore
        if kind is float:
            return value if math.isfinite(value) else self._replace()  # type: ignore[arg-type]
        self._nodes += 1
        if depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            return self._replace()
        try:
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
        copy = {}
        for key, each in value.items():
            self._nodes += 1
            if self._nodes > _MAX_NODES:
                self._replace()
                break
            name = key if type(key) is str else self._key(key)
            copy[clean(name)] = self.value(each, depth + 1)
        return copy

    def _key(self, key: object) -> str:
        plain = self.value(key, _MAX_DEPTH)
        return plain if isinstance(plain, str) else str(plain)

    def _sequence(self, value: Iterable[Any], depth: int) -> list[Any]:
        copy = []
        for each in value:
            self._nodes += 1
            if self._nodes > _MAX_NODES:
                self._replace()
                break
            copy.append(self.value(each, depth + 1))
        return copy

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
