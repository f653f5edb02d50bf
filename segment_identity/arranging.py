"""Arrange rows by column, as databases take them, with every value as its column holds it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from segment_identity.discards import Loss
from segment_identity.kinds import INT64, Kind, Scalar, fitted

# Types of Python that each kind of column takes as they are. Times are looked at one by one.
_AS_THEY_ARE: Final[Mapping[Kind, frozenset[type]]] = {
    "boolean": frozenset({bool, type(None)}),
    "integer": frozenset({int, type(None)}),
    "float": frozenset({float, type(None)}),
    "timestamp": frozenset({type(None)}),
    "varchar": frozenset({str, type(None)}),
}

Record = tuple[Scalar | None, ...]


class Arranged(NamedTuple):
    """Values of *names* for each row, and what did not fit, by the number of its row."""

    names: list[str]
    records: list[Record]
    lost: list[tuple[int, Loss]]


def first_values(rows: Iterable[Mapping[str, Scalar]]) -> dict[str, Scalar]:
    """Return the first value of every column."""
    found: dict[str, Scalar] = {}
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        shape = tuple(row)
        if shape not in seen:
            seen.add(shape)
            found = {**row, **found}
    return found


def arranged(
    rows: Sequence[Mapping[str, Scalar]],
    columns: Collection[str],
    kinds: Mapping[str, Kind],
    ready: frozenset[str],
) -> Arranged:
    """Arrange *rows*, which have these *columns*, for a table whose columns have these *kinds*.

    Columns that are *ready* hold what their kind takes; a value without a column is lost.
    """
    # In the order of the table, so that batches whose columns are the same look the same.
    names = [name for name in kinds if name in columns]
    lost: list[tuple[int, Loss]] = []
    if len(names) < len(columns):
        for name in sorted(set(columns) - kinds.keys()):
            lost += _lost(name, [row.get(name) for row in rows], "too_many_columns")
    records = [tuple(map(row.get, names)) for row in rows]
    held: list[Sequence[Scalar | None]] = list(zip(*records, strict=True))
    for place, name in enumerate(names):
        given, kind = held[place], kinds[name]
        if name in ready or _is_as_it_is(given, kind):
            continue
        values = [each if each is None else fitted(each, kind) for each in given]
        unfit = [a if b is None else None for a, b in zip(given, values, strict=True)]
        lost += _lost(name, unfit, f"not_{kind}")
        held[place], records = values, []
    return Arranged(names, records or list(zip(*held, strict=True)), lost)


def _is_as_it_is(values: Sequence[Scalar | None], kind: Kind) -> bool:
    if not set(map(type, values)) <= _AS_THEY_ARE[kind]:
        return False
    if kind != "integer":
        return True
    return all(each is None or -INT64 <= each < INT64 for each in values)  # type: ignore[operator]


def _lost(name: str, values: Iterable[Scalar | None], reason: str) -> list[tuple[int, Loss]]:
    return [(n, Loss(name, each, reason)) for n, each in enumerate(values) if each is not None]
