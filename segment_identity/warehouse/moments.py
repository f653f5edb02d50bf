"""The type of columns that hold times, which stay texts on their way to the database."""

from datetime import datetime
from typing import Any

from sqlalchemy.types import UserDefinedType

from segment_identity.claims import in_utc
from segment_identity.jsonable import iso


class Moment(UserDefinedType[Any]):
    """Takes texts such as `2026-01-31T12:00:00.000Z`."""

    cache_ok = True

    def __init__(self, name: str = "TIMESTAMP") -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        """Return what a database calls it."""
        return self.name


def shown(value: object) -> str | None:
    """Return a time that a database gave, as ISO 8601 in UTC; None if it is no time."""
    return iso(value) if isinstance(value, datetime) else in_utc(str(value))
