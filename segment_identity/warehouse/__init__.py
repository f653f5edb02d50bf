"""Segment's warehouse tables in a database of one's own."""

from segment_identity.warehouse.destination import Warehouse

__all__ = ["Warehouse"]
