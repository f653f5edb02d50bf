"""Look into a warehouse from outside, and make messages to put into it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, Self

import sqlalchemy as sa

from segment_identity.kinds import moment
from segment_identity.messages import Message

DAY: Final = "2026-01-{:02}T12:00:00.000Z"


class Database:
    """What anybody sees who connects to *url*."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))

    @classmethod
    @contextmanager
    def opened(cls, url: str) -> Iterator[Self]:
        """Open it for as long as the block runs."""
        database = cls(url)
        try:
            yield database
        finally:
            database.close()

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file."""
        return self._engine.dialect.name == "sqlite"

    def query(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return rows as dicts, with times as the texts they were."""
        with self._engine.connect() as connection:
            found = connection.execute(sa.text(sql), parameters).mappings()
            return [{name: _said(value) for name, value in row.items()} for row in found]

    def run(self, sql: str) -> None:
        """Change something."""
        with self._engine.begin() as connection:
            connection.exec_driver_sql(sql)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a table, by id, without what is null."""
        found = [
            {name: value for name, value in row.items() if value is not None}
            for row in self.query(f"SELECT * FROM {table}")
        ]
        return sorted(found, key=lambda row: str(row.get("id", row)))

    def tables(self) -> set[str]:
        """Return the names of all tables."""
        return set(sa.inspect(self._engine).get_table_names())

    def types(self, table: str) -> dict[str, str]:
        """Return the columns of a table with their types."""
        columns = sa.inspect(self._engine).get_columns(table)
        return {each["name"]: str(each["type"]) for each in columns}

    def indexes(self, table: str) -> set[str]:
        """Return the names of the indexes of a table."""
        return {str(each["name"]) for each in sa.inspect(self._engine).get_indexes(table)}

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Return all rows of all tables, but for when they were loaded."""
        return {name: [_without_load(row) for row in self.rows(name)] for name in self.tables()}

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()


def _said(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value.astimezone(UTC).isoformat())
    return value


def _without_load(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value for key, value in row.items() if key not in ("uuid_ts", "received_at", "sent_at")
    }


def message(number: int, kind: str = "track", **fields: Any) -> Message:
    """Return a message with a known id and time."""
    at = DAY.format(number)
    return {
        "type": kind,
        "messageId": f"m-{number}",
        "anonymousId": "device-0042",
        "userId": "ada",
        "timestamp": at,
        "originalTimestamp": at,
        "receivedAt": at,
        "sentAt": at,
        "context": {},
        "integrations": {},
        **fields,
    }


def batch(*messages: Message) -> list[bytes]:
    """Encode messages as the queue does."""
    return [json.dumps(each).encode() for each in messages]


# What four calls said of somebody, in order, and what is known of them then.
TOLD: Final[list[dict[str, Any]]] = [
    {"plan": "free", "name": "Ada", "city": "Wien"},
    {"city": "Graz", "age": 35},
    {"plan": "gold", "age": None},
    {"email": "ada@example.com"},
]
NEWEST: Final = {
    "plan": "gold",
    "name": "Ada",
    "city": "Graz",
    "age": 35,
    "email": "ada@example.com",
}
