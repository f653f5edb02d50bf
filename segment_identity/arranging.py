"""Arrange rows by column, as databases take them, with every value as its column holds it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final, NamedTuple

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
Picking = Callable[[Any], tuple[Any, ...]]
# The place, in a record that has a null behind its values, of what is not there.
NULL: Final = -1


class Block(NamedTuple):
    """Records that have the same *names*, and a null behind their values.

    Values of *texts* are texts, or null. *numbers* are in the order in
    which they came, over all blocks.
    """

    names: Sequence[str]
    texts: frozenset[str]
    numbers: Sequence[int]
    records: Sequence[Record]


class Arranged(NamedTuple):
    """Values of *names* for each row, and what did not fit, by the number of its row."""

    names: list[str]
    records: list[Record]
    lost: list[tuple[int, Loss]]

    def row(self, number: int) -> dict[str, Scalar]:
        """Return one row as it is stored."""
        return row_of(self.names, self.records[number])


def picking(places: Sequence[int]) -> Picking:
    """Return a function that takes what is at *places* of a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    if not places:
        return lambda _: ()
    return itemgetter(slice(places[0], places[0] + 1 or None))


def row_of(names: Sequence[str], record: Record) -> dict[str, Scalar]:
    """Return those values of *record* that are none, by their names."""
    pairs = zip(names, record, strict=False)
    return {name: value for name, value in pairs if value is not None}


def block(rows: Sequence[Mapping[str, Scalar]], numbers: Sequence[int] = ()) -> Block:
    """Return *rows* as a block."""
    names = tuple(dict.fromkeys(chain.from_iterable(dict.fromkeys(map(tuple, rows)))))
    # No column has no name.
    wanted = (*names, "")
    records = [tuple(map(row.get, wanted)) for row in rows]
    return Block(names, frozenset(), numbers or range(len(rows)), records)


def first_values(blocks: Iterable[Block]) -> dict[str, Scalar]:
    """Return the first value of every column."""
    found: dict[str, tuple[int, Scalar]] = {}
    for each in blocks:
        for place, name in enumerate(each.names):
            said = (
                (n, record[place]) for n, record in zip(each.numbers, each.records, strict=True)
            )
            for number, value in said:
                if value is not None:
                    if name not in found or number < found[name][0]:
                        found[name] = (number, value)
                    break
    return {name: value for name, (_, value) in found.items()}


def arranged(
    blocks: Sequence[Block],
    columns: Collection[str],
    kinds: Mapping[str, Kind],
    ready: frozenset[str],
) -> Arranged:
    """Arrange rows, which have these *columns*, for a table whose columns have these *kinds*.

    Columns that are *ready* hold what their kind takes; a value without a column is lost.
    """
    # In the order of the table, so that batches whose columns are the same look the same.
    blocks = _in_order(blocks)
    names = [name for name in kinds if name in columns]
    lost: list[tuple[int, Loss]] = []
    if len(names) < len(columns):
        for name in sorted(set(columns) - kinds.keys()):
            values = [record[0] for record in _records(blocks, [name])]
            lost += _lost(name, values, "too_many_columns")
    records = _records(blocks, names)
    held: dict[int, list[Scalar | None]] = {}
    for place, name in enumerate(names):
        kind = kinds[name]
        if name in ready or (kind == "varchar" and _are_texts(blocks, name)):
            continue
        given = [record[place] for record in records]
        if _is_as_it_is(given, kind):
            continue
        values = [each if each is None else fitted(each, kind) for each in given]
        unfit = [a if b is None else None for a, b in zip(given, values, strict=True)]
        lost += _lost(name, unfit, f"not_{kind}")
        held[place] = values
    if held:
        whole: list[Sequence[Scalar | None]] = list(zip(*records, strict=True))
        for place, values in held.items():
            whole[place] = values
        records = list(zip(*whole, strict=True))
    return Arranged(names, records, lost)


def _in_order(blocks: Sequence[Block]) -> Sequence[Block]:
    """Return one block if an id comes twice, as the first of its rows stays."""
    if len(blocks) == 1:
        return blocks
    ids = [record[0] for record in _records(blocks, ["id"])]
    if len(set(ids)) == len(ids):
        return blocks
    rows = {
        number: row_of(each.names, record)
        for each in blocks
        for number, record in zip(each.numbers, each.records, strict=True)
    }
    return [block([rows[number] for number in sorted(rows)])]


def _records(blocks: Sequence[Block], names: Sequence[str]) -> list[Record]:
    """Return the values of *names*, block by block."""
    records: list[Record] = []
    for each in blocks:
        at = {name: place for place, name in enumerate(each.names)}
        records += map(picking([at.get(name, NULL) for name in names]), each.records)
    return records


def _are_texts(blocks: Sequence[Block], name: str) -> bool:
    return all(name in each.texts or name not in each.names for each in blocks)


def _is_as_it_is(values: Sequence[Scalar | None], kind: Kind) -> bool:
    if not set(map(type, values)) <= _AS_THEY_ARE[kind]:
        return False
    if kind != "integer":
        return True
    # Zeros are left out, too, and fit.
    some = list(filter(None, values))
    return not some or (min(some) >= -INT64 and max(some) < INT64)  # type: ignore[type-var,operator]


def _lost(name: str, values: Iterable[Scalar | None], reason: str) -> list[tuple[int, Loss]]:
    return [(n, Loss(name, each, reason)) for n, each in enumerate(values) if each is not None]
