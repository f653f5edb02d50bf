"""Turn nested objects into columns by joining their keys.

How this works
--------------
`_quickly` gives up at the first doubt: a key without letters, a column that another key took, or
one that is not for it. Hardly any event has such keys; those that do are gone through again by
`_carefully`, in the order of their keys, so that the same event makes the same row wherever it is
loaded, and everything that finds no place is told.
"""

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import lru_cache
from typing import Any, Final

import msgspec

from segment_identity.discards import Loss
from segment_identity.kinds import Scalar
from segment_identity.names import ident

MAX_DEPTH: Final = 16
_encode: Final = msgspec.json.Encoder().encode


def as_json(value: object) -> str:
    """Return the text of a list, or of what is too deep."""
    return _encode(value).decode()


def flattened(
    source: Mapping[str, Any], prefix: str, taken: Sequence[Set[str]], lost: list[Loss]
) -> dict[str, Scalar]:
    """Return the columns of *source*, none of those *taken*; what has no column is *lost*.

    Null, an empty text and an empty object say nothing, and make no column. A list is JSON.
    """
    found: dict[str, Scalar] = {}
    is_clear = _quickly(found, source, f"{prefix}_" if prefix else "", 0)
    for each in taken:
        is_clear = is_clear and each.isdisjoint(found)
    return found if is_clear else _carefully(source, prefix, frozenset().union(*taken), lost)


def _quickly(found: dict[str, Scalar], source: Mapping[str, Any], prefix: str, depth: int) -> bool:
    keys = tuple(source)
    columns, prefixes = (_remembered if len(keys) <= _FEW else _named)(prefix, keys)
    for column, inner, value in zip(columns, prefixes, source.values(), strict=True):
        kind = type(value)
        # Texts first, as most values are.
        if kind is str:
            if not value:
                continue
        elif kind is dict:
            if value and (depth == MAX_DEPTH or not _quickly(found, value, inner, depth + 1)):
                return False
            continue
        elif value is None:
            continue
        elif kind is list:
            value = as_json(value)
        elif kind is float and not math.isfinite(value):
            return False
        if not column or column in found:
            return False
        found[column] = value
    return True


def _named(prefix: str, keys: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns of *keys*, and the prefixes of what is nested there."""
    names = [prefix + key for key in keys]
    return tuple(map(ident, names)), tuple([f"{name}_" for name in names])


# Events of one kind have the same keys; only short lists of them are remembered.
_FEW: Final = 64
_remembered: Final = lru_cache(maxsize=1_024)(_named)


def _carefully(
    source: Mapping[str, Any], prefix: str, taken: Set[str], lost: list[Loss]
) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    start = (prefix,) if prefix else ()
    for keys, value in sorted(_flat(start, source, 0), key=lambda each: each[0]):
        column = ident("_".join(keys))
        path = ".".join(keys)
        if not column:
            lost.append(Loss("", value, "no_name", path))
        elif column in taken:
            lost.append(Loss(column, value, "reserved", path))
        elif column in found:
            lost.append(Loss(column, value, "collision", path))
        else:
            found[column] = value
    return found


def _flat(
    prefix: tuple[str, ...], source: Mapping[str, Any], depth: int
) -> Iterator[tuple[tuple[str, ...], Scalar]]:
    for key, value in source.items():
        path = (*prefix, key)
        if isinstance(value, Mapping) and depth < MAX_DEPTH:
            yield from _flat(path, value, depth + 1)
        elif isinstance(value, Mapping | list):
            yield path, as_json(value)
        elif isinstance(value, float) and not math.isfinite(value):
            # JSON has no word for it.
            continue
        elif value is not None and value != "":
            yield path, value
