"""Take what trackers post: the HTTP Tracking API on one's own domain."""
