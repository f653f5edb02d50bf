"""Taking what trackers post."""
