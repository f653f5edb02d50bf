"""Segment's warehouse tables in a database of one's own."""

from segment_identity.destinations import extras

try:
    from segment_identity.warehouse.destination import Warehouse
    from segment_identity.warehouse.profiles import Profiles
    from segment_identity.warehouse.projection import Projection
except ModuleNotFoundError as error:
    raise extras.missing(error, "a warehouse", "warehouse") from error

__all__ = ["Profiles", "Projection", "Warehouse"]
