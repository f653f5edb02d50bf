"""Lay out a family of ids as a picture: devices on the left, users on the right, ties between."""

from collections.abc import Sequence
from typing import Final

import msgspec

from segment_identity.facts import Id
from segment_identity.ties import Family, Tie

WIDTH: Final = 440
_ROW: Final = 58
_TOP: Final = 44
_BOX: Final = 186
# So many ids of each kind are drawn; a kiosk may have thousands.
MOST: Final = 24


class Box(msgspec.Struct, frozen=True):
    """An id where it is drawn; *x* and *y* are its left end and its middle."""

    id: Id
    x: int
    y: int
    is_member: bool
    is_main: bool
    since: str


class Line(msgspec.Struct, frozen=True):
    """A tie as a path between two boxes."""

    path: str
    tie: Tie


class Picture(msgspec.Struct, frozen=True):
    """A whole picture; *hidden* ids had no room."""

    width: int
    height: int
    box: int
    boxes: Sequence[Box]
    lines: Sequence[Line]
    hidden: int


def picture(family: Family) -> Picture:
    """Return the picture of *family*: members in the order they were seen, then strangers."""
    order = sorted(family.members, key=lambda each: (family.members[each], each))
    columns: dict[str, list[Id]] = {"anonymous_id": [], "user_id": []}
    for each in [*order, *family.strangers]:
        columns[each.type].append(each)
    boxes = [
        Box(
            each,
            0 if column == "anonymous_id" else WIDTH - _BOX,
            _TOP + row * _ROW,
            each in family.members,
            each == family.goes_by,
            family.members.get(each, ""),
        )
        for column, ids in columns.items()
        for row, each in enumerate(ids[:MOST])
    ]
    where = {box.id: box for box in boxes}
    lines = [
        Line(_path(where[tie.one], where[tie.other]), tie)
        for tie in family.ties
        if tie.one in where and tie.other in where
    ]
    rows = max(len(ids[:MOST]) for ids in columns.values())
    hidden = sum(len(ids) for ids in columns.values()) - len(boxes)
    height = _TOP + (rows - 1) * _ROW + _ROW // 2
    return Picture(WIDTH, height, _BOX, boxes, lines, hidden)


def _path(one: Box, other: Box) -> str:
    left, right = sorted((one, other), key=lambda box: (box.x, box.y))
    if left.x == right.x:
        # Two of a kind: an arc on the inner side.
        inner, bend = (left.x + _BOX, 70) if left.x == 0 else (left.x, -70)
        return (
            f"M{inner} {left.y} C{inner + bend} {left.y} {inner + bend} {right.y} {inner} {right.y}"
        )
    start, middle = left.x + _BOX, (left.x + _BOX + right.x) // 2
    return f"M{start} {left.y} C{middle} {left.y} {middle} {right.y} {right.x} {right.y}"
