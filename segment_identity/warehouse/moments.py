"""The type of columns that hold times, which stay texts on their way to the database."""

from typing import Any

from sqlalchemy.types import UserDefinedType


class Moment(UserDefinedType[Any]):
    """Takes texts such as `2026-01-31T12:00:00.000Z`."""

    cache_ok = True

    def __init__(self, name: str = "TIMESTAMP") -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        """Return what a database calls it."""
        return self.name
