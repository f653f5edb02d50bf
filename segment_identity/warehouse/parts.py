"""Name many values in statements, some in each, as databases take only so many parameters."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

_MOST: Final = 500


def parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield *values* in parts that one statement can name."""
    for start in range(0, len(values), _MOST):
        yield values[start : start + _MOST]
