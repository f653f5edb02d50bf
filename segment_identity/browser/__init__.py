"""What goes into pages, so that browser and server keep one identity, and what pages post."""

from segment_identity.browser.bridge import bridge
from segment_identity.browser.markup import Markup
from segment_identity.browser.snippet import snippet
from segment_identity.ingest.app import TrackingAPI

__all__ = ["Markup", "TrackingAPI", "bridge", "snippet"]
