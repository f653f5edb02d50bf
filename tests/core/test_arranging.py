"""Rows are arranged by column, and every value is as its column holds it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.arranging import Block, arranged, block, first_values
from segment_identity.kinds import Kind, fitted, kind_of

VALUES = (
    st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "text", "2026-01-31", "7"])
)
ROWS = st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), min_size=1, max_size=8)
KINDS: list[Kind] = ["boolean", "integer", "float", "timestamp", "varchar"]


def test_of_every_column_the_first_value_counts() -> None:
    assert first_values([block([{"a": 1}, {"a": 2, "b": 3}, {"b": 4}])]) == {"a": 1, "b": 3}


def test_of_several_blocks_what_came_first_counts() -> None:
    later = Block(("id", "a"), frozenset("id"), [1, 2], [("1", None, None), ("2", 2, None)])
    first = Block(("id", "a", "b"), frozenset("id"), [0, 3], [("0", 1.5, None, None)] * 2)
    assert first_values([later, first]) == {"id": "0", "a": 1.5}


def test_of_blocks_that_have_one_id_twice_the_first_row_comes_first() -> None:
    kinds: dict[str, Kind] = {"id": "varchar", "a": "integer"}
    late = Block(("id", "a"), frozenset("id"), [1, 2], [("1", 2, None), ("2", 3, None)])
    early = Block(("a", "id"), frozenset("id"), [0], [(1, "1", None)])
    assert arranged([late, early], kinds, kinds, frozenset()).records == [
        ("1", 1),
        ("1", 2),
        ("2", 3),
    ]


def test_rows_are_filled_up_with_nulls() -> None:
    found = arranged(
        [block([{"id": "1", "a": 1}, {"id": "2", "b": True}])],
        "id a b".split(),
        KINDS_OF,
        frozenset(),
    )
    assert found == (["id", "a", "b"], [("1", 1, None), ("2", None, True)], [])


KINDS_OF: dict[str, Kind] = {"id": "varchar", "a": "integer", "b": "boolean", "at": "timestamp"}


def test_a_value_without_a_column_is_lost() -> None:
    found = arranged(
        [block([{"id": "1"}, {"id": "2", "z": 1}])], ["id", "z"], KINDS_OF, frozenset()
    )
    assert found.names == ["id"]
    assert [(n, loss.column, loss.reason) for n, loss in found.lost] == [
        (1, "z", "too_many_columns")
    ]


def test_what_is_ready_is_not_looked_at_again() -> None:
    found = arranged([block([{"at": "2026-01-31"}])], ["at"], KINDS_OF, frozenset({"at"}))
    assert found.records == [("2026-01-31",)]


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_an_integer_that_no_database_takes_is_lost(value: int) -> None:
    found = arranged([block([{"a": 1}, {"a": value}])], ["a"], KINDS_OF, frozenset())
    assert found.records == [(1,), (None,)]
    assert [(n, loss.value, loss.reason) for n, loss in found.lost] == [(1, value, "not_integer")]


@given(ROWS, st.data())
def test_every_value_is_stored_as_its_kind_or_lost(rows: list[Any], data: st.DataObject) -> None:
    """The quick way, for columns whose values are all alike, against the slow one."""
    own = {name: kind_of(value) for name, value in first_values([block(rows)]).items()}
    kinds = {name: data.draw(st.sampled_from([kind, *KINDS])) for name, kind in own.items()}
    names, records, lost = arranged([block(rows)], kinds, kinds, frozenset())
    aside = {(n, loss.column): loss.value for n, loss in lost}
    for n, row in enumerate(rows):
        for name, value in row.items():
            stored = records[n][names.index(name)]
            wanted = fitted(value, kinds[name])
            assert (stored, type(stored)) == (wanted, type(wanted))
            assert (wanted is None) == ((n, name) in aside)
    assert len(aside) == len(lost)
