"""A small plant shop that shows how an app uses segment_identity."""
