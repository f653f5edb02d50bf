"""Read events from a stream and hand them to a destination."""

from segment_identity.consumption import Report
from segment_identity.streaming.stream import consume

__all__ = ["Report", "consume"]
