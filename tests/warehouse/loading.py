"""Load events, and look at what is there."""

import json
from collections.abc import Sequence
from typing import Any

from segment_identity.messages import Message
from segment_identity.warehouse import Warehouse


def encoded(event: Message) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


def load(warehouse: Warehouse, events: Sequence[Message], size: int = 500) -> None:
    """Load events as a lane does."""
    for start in range(0, len(events), size):
        warehouse.send([encoded(each) for each in events[start : start + size]])


def query(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    """Return what a person's query finds."""
    with warehouse.engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]
