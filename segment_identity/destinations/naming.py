"""Turn what `Analytics` was given into named destinations."""

import inspect
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from segment_identity.destinations.protocol import Destination
from segment_identity.destinations.urls import from_url
from segment_identity.destinations.wishes import wishes
from segment_identity.errors import ConfigurationError
from segment_identity.keeping import Keeping, fingerprint, keeping

_NAME: Final = re.compile(r"[\w.-](?:[\w. -]{0,58}[\w.-])?")


class Named(NamedTuple):
    """A destination, what it is called, and how events are kept for it."""

    name: str
    destination: Destination
    kept: Keeping


def named(
    given: Sequence[Destination | str], owner: str = "Analytics", *, spooled: bool = False
) -> list[Named]:
    """Return a name for each destination: its own `name`, else its kind and, from the second, its
    number.

    Errors say that *owner* was given it. What waits in a spool wants more than a number, as that is
    another's once their order changes.
    """
    if not given:
        raise ConfigurationError(
            f"{owner} was given no destination; want at least one, "
            "such as 'sqlite:///analytics.db' or 'memory:'"
        )
    opened = [_opened(each, owner) for each in given]
    kinds = [type(each).__name__.lower() for each in opened]
    marks = [_mark(each) for each in opened]
    result: list[Named] = []
    for number, destination in enumerate(opened):
        kind, own = kinds[number], _own_name(destination, owner)
        place = kinds[: number + 1].count(kind)
        if spooled and own is None and marks[number] is None and kinds.count(kind) > 1:
            raise ConfigurationError(
                f"{owner} was given several destinations of the kind {kind!r}, which a spool "
                "cannot tell apart without a fingerprint; want a name for each, an attribute `name`"
            )
        name = own or (kind if place == 1 else f"{kind} {place}")
        if name in {each.name for each in result}:
            raise ConfigurationError(
                f"{owner} was given two destinations called {name!r}; want a name for each"
            )
        # What is there twice is told apart by its place alone.
        mark = marks[number] if marks.count(marks[number]) == 1 else None
        kept = keeping(kind, mark, place, kinds.count(kind), own)
        result.append(Named(name, destination, kept))
    return result


def single(given: Destination | str, owner: str) -> Destination:
    """Return the one destination that *owner* was given."""
    return named([given], owner)[0].destination


def _opened(given: Destination | str, owner: str) -> Destination:
    destination = from_url(given, owner) if isinstance(given, str) else given
    if isinstance(destination, type) or not isinstance(destination, Destination):
        raise ConfigurationError(
            f"{owner} was given {type(given).__name__} as a destination; "
            "want a URL or an object with send(batch) and close()"
        )
    _check(destination, owner)
    wishes(destination, owner)
    return destination


def _mark(destination: Destination) -> str | None:
    said = getattr(destination, "fingerprint", None)
    return None if said is None else fingerprint(str(said))


def _own_name(destination: Destination, owner: str) -> str | None:
    name = getattr(destination, "name", None)
    if name is None or (isinstance(name, str) and _NAME.fullmatch(name)):
        return name
    raise ConfigurationError(
        f"{owner} was given {type(destination).__name__} as a destination, whose name is no text "
        "of 1 to 60 letters, digits, blanks and '_.-'"
    )


def _check(destination: Destination, owner: str) -> None:
    """Raise if calling *destination* would do nothing."""
    for each in (destination.send, destination.close):
        if (
            inspect.iscoroutinefunction(each)
            or inspect.isasyncgenfunction(each)
            or inspect.isgeneratorfunction(each)
        ):
            raise ConfigurationError(
                f"{owner} was given {type(destination).__name__} as a destination, whose "
                f"{each.__name__}() is no plain function; it is called from a thread, where "
                "nothing is awaited"
            )
