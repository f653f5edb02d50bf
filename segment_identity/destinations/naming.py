"""Turn what `Analytics` was given into named destinations."""

import inspect
from collections.abc import Sequence

from segment_identity.destinations.protocol import Destination
from segment_identity.destinations.urls import from_url
from segment_identity.destinations.wishes import wishes
from segment_identity.errors import ConfigurationError


def named(
    given: Sequence[Destination | str], owner: str = "Analytics"
) -> list[tuple[str, Destination]]:
    """Return a name for each destination, made from its URL where one was given.

    Errors say that *owner* was given it.
    """
    if not given:
        raise ConfigurationError(
            f"{owner} was given no destination; want at least one, "
            "such as 'sqlite:///analytics.db' or 'memory:'"
        )
    result: list[tuple[str, Destination]] = []
    for each in given:
        destination = from_url(each, owner) if isinstance(each, str) else each
        if isinstance(destination, type) or not isinstance(destination, Destination):
            raise ConfigurationError(
                f"{owner} was given {type(each).__name__} as a destination; "
                "want a URL or an object with send(batch) and close()"
            )
        _check(destination, owner)
        wishes(destination, owner)
        kind = type(destination).__name__.lower()
        same = sum(name.partition(" ")[0] == kind for name, _ in result)
        result.append((f"{kind} {same + 1}" if same else kind, destination))
    return result


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
