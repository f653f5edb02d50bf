"""Make a destination from a URL."""

from typing import Final, cast

from segment_identity.destinations import extras
from segment_identity.destinations.protocol import Destination
from segment_identity.errors import ConfigurationError

# Scheme: module, class, extra. Modules are named, not imported, so that an extra that is not
# installed costs nothing and is missed only by who asks for it.
_SCHEMES: Final = {
    "memory": ("segment_identity.destinations.memory", "Memory", ""),
    "console": ("segment_identity.destinations.console", "Console", ""),
    "http": ("segment_identity.destinations.segment", "Segment", "http"),
    "https": ("segment_identity.destinations.segment", "Segment", "http"),
    "kafka": ("segment_identity.destinations.kafka", "Kafka", "kafka"),
    "postgres": ("segment_identity.warehouse.destination", "Warehouse", "postgres"),
    "postgresql": ("segment_identity.warehouse.destination", "Warehouse", "postgres"),
    "sqlite": ("segment_identity.warehouse.destination", "Warehouse", "warehouse"),
}


def from_url(url: str, owner: str = "Analytics") -> Destination:
    """Return the destination *url* names; errors never show more of it than the scheme."""
    scheme, colon, address = url.partition(":")
    known = _SCHEMES.get(scheme.partition("+")[0])
    if not colon or known is None:
        given = f"a URL that starts with {scheme[:20] + ':'!r}" if colon else "a text without ':'"
        wanted = ", ".join(f"'{name}:…'" for name in sorted(_SCHEMES))
        raise ConfigurationError(
            f"{owner} was given {given} as a destination; want one of {wanted}, "
            "or an object with send(batch) and close()"
        )
    module_name, class_name, extra = known
    if address and not extra:
        raise ConfigurationError(
            f"{owner} was given more than a scheme as a destination; want '{scheme}:' alone"
        )
    build = getattr(extras.load(module_name, f"a destination {scheme}:", extra), class_name)
    return cast(Destination, build(url) if extra else build())
