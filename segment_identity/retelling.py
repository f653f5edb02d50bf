"""Which traits rows tell that a warehouse's profiles do not know yet.

How this works
--------------
A loader that keeps profiles notes traits as they were called, `firstName` and `address`; the
columns of a row are called `first_name` and `address_city`. So a column tells nothing new if any
trait that makes it was told at the same moment or later; an object makes all columns that begin
with its name, as it may have had other keys before. Hence rows whose loader kept profiles never
change them, whether they are read once, twice, or while it goes on.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from segment_identity.facts import TraitName, TraitValue
from segment_identity.names import ident

Traits = Mapping[TraitName, TraitValue]

_OBJECT: Final = "{"


def untold(told: Traits, known: Traits) -> dict[TraitName, TraitValue]:
    """Return those traits of rows, *told* by columns, that are news to what is *known*.

    They are called as the known ones, where those make the same column and no other.
    """
    by_owner: dict[tuple[str, str], list[_Known]] = {}
    for each, value in known.items():
        column, is_object = ident(each.name), value.json.startswith(_OBJECT)
        found = _Known(value.moment, column, each.name, is_object)
        by_owner.setdefault((each.type, each.value), []).append(found)
    news = {}
    for each, value in told.items():
        theirs = by_owner.get((each.type, each.value), [])
        newest = max((known for known in theirs if known.makes(each.name)), default=None)
        if newest is None or newest.moment < value.moment:
            is_same = newest is not None and newest.column == each.name
            news[each._replace(name=newest.name) if newest and is_same else each] = value
    return news


class _Known(NamedTuple):
    moment: str
    column: str
    name: str
    is_object: bool

    def makes(self, column: str) -> bool:
        """Tell whether it makes, or may have made, this column."""
        return column == self.column or (self.is_object and column.startswith(f"{self.column}_"))
