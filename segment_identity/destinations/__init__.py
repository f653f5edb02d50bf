"""Where events go."""

from segment_identity.destinations.console import Console
from segment_identity.destinations.memory import Memory
from segment_identity.destinations.protocol import Destination

__all__ = ["Console", "Destination", "Memory"]
