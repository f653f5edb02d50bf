"""Turn what `Analytics` was given into named destinations."""

from collections.abc import Sequence

from segment_identity.destinations.protocol import Destination
from segment_identity.destinations.urls import from_url
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
        kind = type(destination).__name__.lower()
        same = sum(name.partition(" ")[0] == kind for name, _ in result)
        result.append((f"{kind} {same + 1}" if same else kind, destination))
    return result
