"""Turn what callers pass into plain JSON values.

How this works
--------------
Most of what callers pass is plain already: builtin containers, texts and numbers, and few of them.
`is_plain` tells, and then nothing is copied: what is encoded before the call returns can be taken
as it is, and what is kept longer is copied the quickest way, by encoding and decoding it. Only the
rest is gone through value by value.

`is_plain` does not look into texts. Encoding, which all of this is for, tells whether there is any
among them that neither UTF-8 nor databases take, and hardly ever is there one.
"""

import dataclasses
import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import isfinite
from pathlib import PurePath
from typing import Any, Final, TypeGuard
from uuid import UUID

import msgspec

_MAX_DEPTH: Final = 32
_MAX_NODES: Final = 20_000
_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1
_ATOMS: Final = frozenset({str, bool, type(None)})
# What has no more containers than this is not too deep either, nor has it too many nodes.
_FEW_CONTAINERS: Final = _MAX_DEPTH
_FEW_ENTRIES: Final = 500

_BACKSLASH: Final = ord("\\")
_encode: Final = msgspec.json.Encoder().encode


class Snapshot:
    """Copies values to JSON; *replaced* counts what could not be said in JSON and became null."""

    replaced: int = 0
    _nodes: int = 0

    def mapping(self, value: Mapping[Any, Any], *, kept: bool = True) -> dict[str, Any]:
        """Copy a mapping, whose keys become text; one that raises costs its values only.

        What is not *kept* beyond the call is *value* itself if it is plain, and wants `encoded`.
        """
        try:
            plain = value if is_plain(value) else self._mapping(value, 0)
            return msgspec.json.decode(encoded(plain)) if kept else plain
        except Exception:
            self._replace()
            return {}

    def value(self, value: object, depth: int = 0) -> Any:
        """Copy one value of any kind; never raises."""
        kind = type(value)
        if kind in _ATOMS:
            return value
        if kind is int:
            return value if _LEAST <= value <= _MOST else self._long(value)  # type: ignore
        if kind is float:
            return value if isfinite(value) else self._replace()  # type: ignore[arg-type]
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
        copy = {}
        for key, each in value.items():
            self._nodes += 1
            if self._nodes > _MAX_NODES:
                self._replace()
                break
            name = key if type(key) is str else self._key(key)
            copy[name] = self.value(each, depth + 1)
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
            return str.__str__(value)
        if isinstance(value, dt.datetime):
            return iso(value)
        if isinstance(value, dt.date | dt.time):
            return value.isoformat()
        if isinstance(value, dt.timedelta):
            return value.total_seconds()
        if isinstance(value, Decimal):
            return self._decimal(value)
        if isinstance(value, UUID | PurePath):
            return str.__str__(str(value))
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value).decode("utf-8", "replace")
        if isinstance(value, list | tuple | set | frozenset):
            return self._sequence(value, depth)
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
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


def is_plain(value: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a mapping holds nothing but a few plain values, for which JSON has words."""
    if type(value) is not dict or len(value) > _FEW_ENTRIES:
        return False
    containers: list[Any] = [value]
    for container in containers:
        values = container
        if type(container) is dict:
            for key in container:
                if type(key) is not str:
                    return False
            values = container.values()
        for each in values:
            kind = type(each)
            if kind in _ATOMS:
                continue
            if kind is int:
                if not _LEAST <= each <= _MOST:
                    return False
            elif kind is float:
                if not isfinite(each):
                    return False
            elif (kind is dict or kind is list) and len(each) <= _FEW_ENTRIES:
                containers.append(each)
                if len(containers) > _FEW_CONTAINERS:
                    return False
            else:
                return False
    return True


def encoded(plain: Any) -> bytes:
    """Return *plain*, which `Snapshot.mapping` let pass, as JSON with clean texts."""
    try:
        said = _encode(plain)
    except UnicodeEncodeError:
        return _encode(_cleaned(plain))
    # A NUL is written so. A text that only spells this is cleaned in vain; looking for one byte
    # first, as a number, is much quicker.
    return _encode(_cleaned(plain)) if _BACKSLASH in said and b"\\u0000" in said else said


def _cleaned(plain: Any) -> Any:
    if type(plain) is dict:
        return {clean(key): _cleaned(each) for key, each in plain.items()}
    if type(plain) is list:
        return [_cleaned(each) for each in plain]
    return clean(plain) if type(plain) is str else plain


def iso(moment: dt.datetime) -> str:
    """Return *moment* as ISO 8601 in UTC with milliseconds; a naive one is taken as UTC."""
    if moment.tzinfo is not None and moment.tzinfo is not dt.UTC:
        moment = moment.astimezone(dt.UTC)
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def clean(text: str) -> str:
    """Replace lone surrogates and NUL, which neither UTF-8 nor databases take."""
    if type(text) is not str:
        text = str.__str__(text)
    if text.isascii():
        return text.replace("\x00", "") if "\x00" in text else text
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
