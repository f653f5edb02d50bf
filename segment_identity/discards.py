"""Rows of `discards`, which keeps what finds no place in the other tables."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from segment_identity.kinds import Scalar, instant_of

_STAMPS: Final = ("received_at", "uuid_ts")
COLUMNS: Final = (
    *("id", "table_name", "row_id", "column_name", "column_value", "reason"),
    *_STAMPS,
)


class Loss(NamedTuple):
    """A *value* that did not get into *column*; *path* is where it stood, in its sender's words."""

    column: str
    value: object
    reason: str
    path: str = ""


def discard(table: str, row: Mapping[str, Scalar], loss: Loss) -> dict[str, Scalar]:
    """Return what `discards` keeps of a *loss* of *row*, which stands in *table*."""
    where = "/".join((str(row["id"]), table, loss.column, loss.path, loss.reason))
    kept: dict[str, Scalar] = {
        "id": digest(where)[:32],
        "table_name": table,
        "row_id": row["id"],
        "column_name": loss.column or loss.path,
        "column_value": said(loss.value),
        "reason": loss.reason,
    }
    return kept | {name: row[name] for name in _STAMPS if name in row}


def whole(message: Mapping[str, Any], reason: str, uuid_ts: str) -> dict[str, Scalar]:
    """Return what `discards` keeps of a *message* that has no table at all.

    The stamps of its receiver do not make it another one when it comes again.
    """
    told = said({key: each for key, each in message.items() if key not in ("sentAt", "receivedAt")})
    given, received = message.get("messageId"), message.get("receivedAt")
    row: dict[str, Scalar] = {"id": given if isinstance(given, str) else ""}
    at = instant_of(received) if isinstance(received, str) else None
    if at is not None:
        row["received_at"] = at
    if uuid_ts:
        row["uuid_ts"] = uuid_ts
    return discard("", row, Loss("", told, reason)) | {"id": digest(told)[:32]}


def said(value: object) -> str:
    """Return *value* as a text, which is JSON if it is none already."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def digest(text: str) -> str:
    """Return a text of 64 characters that stands for *text*, in the same way everywhere."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
