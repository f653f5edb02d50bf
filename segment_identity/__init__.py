"""Analytics.js identity on the server, for ASGI apps."""

from segment_identity.acting import ActingAs
from segment_identity.analytics import Analytics
from segment_identity.attribution import Attribution, Touch
from segment_identity.connections import get_identity
from segment_identity.delivery.accounts import Account, Fault, Stats
from segment_identity.destinations.protocol import Destination
from segment_identity.errors import (
    ConfigurationError,
    InvalidCall,
    MissingExtra,
    NotInstalled,
    SegmentIdentityError,
    Unauthorized,
    Unavailable,
    Undeliverable,
    UnknownOption,
)
from segment_identity.identity import Identity
from segment_identity.middleware import IdentityMiddleware
from segment_identity.version import __version__

__all__ = [
    "Account",
    "ActingAs",
    "Analytics",
    "Attribution",
    "ConfigurationError",
    "Destination",
    "Fault",
    "Identity",
    "IdentityMiddleware",
    "InvalidCall",
    "MissingExtra",
    "NotInstalled",
    "SegmentIdentityError",
    "Stats",
    "Touch",
    "Unauthorized",
    "Unavailable",
    "Undeliverable",
    "UnknownOption",
    "__version__",
    "get_identity",
]
