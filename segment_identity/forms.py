"""Decode objects whose keys are known by now into columns, without making dictionaries of them.

How this works
--------------
A tree holds the keys that were met and what their values were; of it a type is made, which msgspec
decodes several times as fast. What is not as the tree says, a key it has not or a value of another
kind, is refused, and may grow the tree for the next time. A key that is not there counts as null.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, Literal, cast

import msgspec

from segment_identity.names import ident

Leaf = Literal["null", "text", "truth", "number", "list", "scalar"]
Tree = dict[str, "Leaf | Tree"]
Picking = Callable[[Any], tuple[Any, ...]]

# Types that take every value of a leaf as it is; one for floats alone would take integers, too.
_TYPES: Final[Mapping[Leaf, Any]] = {
    "null": None,
    "text": str | None,
    "truth": bool | None,
    "number": int | float | None,
    "list": list[Any] | None,
    "scalar": str | int | float | bool | None,
}
_LEAVES: Final[Mapping[type, Leaf]] = {
    type(None): "null",
    str: "text",
    bool: "truth",
    int: "number",
    float: "number",
    list: "list",
}
# Columns of one form, and objects in objects.
_MOST: Final = 200
_DEEPEST: Final = 8


class Form(msgspec.Struct, frozen=True, eq=False):
    """How an object is decoded, and its *columns* picked from what it is decoded to.

    *texts* are those that hold but texts, *lists* the places of those that hold but lists. It has
    no columns of some keys, *echoes* of what stands elsewhere; *echoed* picks what each that may be
    one says, in the order of those.
    """

    columns: tuple[str, ...]
    texts: frozenset[str]
    lists: tuple[int, ...]
    echoes: tuple[str, ...]
    decode: Callable[[Any], Any]
    picked: Picking
    echoed: Picking


def form(tree: Tree, prefix: str = "", echoes: Sequence[str] = ()) -> Form | None:
    """Return the form of objects like *tree*, whose columns begin with *prefix*.

    None if two keys make one column or a key makes none, if there are too many, or if an echo is
    no text.
    """
    if any(isinstance(tree.get(each), dict) for each in echoes):
        return None
    found: dict[str, tuple[str, Leaf]] = {}
    said: dict[str, str] = {}
    for keys, place, leaf in _leaves(tree, (), ""):
        column = ident(prefix + "_".join(keys))
        if keys[0] in echoes:
            if leaf not in ("text", "null"):
                return None
            said[keys[0]] = place
        elif not column or column in found or len(found) == _MOST:
            return None
        else:
            found[column] = (place, leaf)
    leaves = [leaf for _, leaf in found.values()]
    return Form(
        columns=tuple(found),
        texts=frozenset(each for each in found if found[each][1] in ("text", "list")),
        lists=tuple(place for place, leaf in enumerate(leaves) if leaf == "list"),
        echoes=tuple(said),
        decode=msgspec.json.Decoder(_type(tree)).decode,
        picked=attributes([place for place, _ in found.values()]),
        echoed=_aligned([said.get(each) for each in echoes]),
    )


def grown(tree: Tree, source: Mapping[str, Any], depth: int = 0) -> Tree:
    """Return *tree* with what is in *source* and fits."""
    result = dict(tree)
    for key, value in source.items():
        known = result.get(key)
        if type(value) is dict:
            if not isinstance(known, str) or known == "null":
                inner = known if isinstance(known, dict) else {}
                if depth < _DEEPEST and _is_key(key):
                    result[key] = grown(inner, value, depth + 1)
        elif not isinstance(known, dict):
            leaf = _LEAVES.get(type(value))
            if leaf is not None and _is_key(key):
                result[key] = _wider(known, leaf)
    return result


def _wider(known: Leaf | None, leaf: Leaf) -> Leaf:
    if known is None or known == "null":
        return leaf
    if leaf in ("null", known) or "list" in (leaf, known):
        return known
    return "scalar"


def _is_key(key: str) -> bool:
    """Tell whether msgspec takes *key* as a name, which has to stand in JSON as it is."""
    return key.isprintable() and not any(each in '"\\' for each in key)


def _leaves(
    tree: Tree, start: tuple[str, ...], place: str
) -> Iterator[tuple[tuple[str, ...], str, Leaf]]:
    for number, (key, inner) in enumerate(tree.items()):
        path, at = (*start, key), f"{place}f{number}"
        if isinstance(inner, dict):
            yield from _leaves(inner, path, f"{at}.")
        else:
            yield path, at, inner


def _type(tree: Tree) -> type[msgspec.Struct]:
    names = {f"f{number}": key for number, key in enumerate(tree)}
    fields: list[tuple[str, Any, Any]] = []
    for name, inner in zip(names, tree.values(), strict=True):
        if isinstance(inner, dict):
            made = _type(inner)
            fields.append((name, made, msgspec.field(default_factory=made)))
        else:
            fields.append((name, _TYPES[inner], None))
    return msgspec.defstruct(
        "Decoded", fields, rename=names, forbid_unknown_fields=True, frozen=True, gc=False
    )


def attributes(places: Sequence[str]) -> Picking:
    """Return a function that takes what is at *places* of a decoded object."""
    if not places:
        return lambda _: ()
    picked: Any = attrgetter(*places)
    return cast(Picking, picked) if len(places) > 1 else lambda each: (picked(each),)


def _aligned(places: Sequence[str | None]) -> Picking:
    """Return what picks values, and None for what has no place."""
    picked = attributes([each for each in places if each is not None])
    if None not in places:
        return picked

    def aligned(each: Any) -> tuple[Any, ...]:
        values = iter(picked(each))
        return tuple(None if place is None else next(values) for place in places)

    return aligned


EMPTY: Final = cast(Form, form({}))
