"""A page that shows what this package knows and does, for developers."""

from segment_identity.inspector.app import Inspector

__all__ = ["Inspector"]
