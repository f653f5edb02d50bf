"""Where events go."""

from segment_identity.destinations.alias_first import AliasFirst
from segment_identity.destinations.console import Console
from segment_identity.destinations.memory import Memory
from segment_identity.destinations.protocol import Destination
from segment_identity.destinations.segment import Segment

__all__ = ["AliasFirst", "Console", "Destination", "Memory", "Segment"]
