"""Events kept on disk until they are delivered."""

from segment_identity.spool.replaying import Replayed, replay
from segment_identity.spool.spool import Spool

__all__ = ["Replayed", "Spool", "replay"]
