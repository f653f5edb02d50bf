"""Collate `users` and `accounts` from the calls that told about them."""

from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from segment_identity.schema import Scalar

# Table: the one its rows are collated from, and the column that says whose a call was.
COLLATED: Final[Mapping[str, tuple[str, str]]] = {
    "users": ("identifies", "user_id"),
    "accounts": ("groups", "group_id"),
}


def collated(
    target: sa.Table,
    source: sa.Table,
    owner: sa.ColumnElement[str],
    who: Scalar,
    columns: Sequence[str],
) -> sa.Executable:
    """Return an upsert of one row: of each column, the newest value that is not null.

    It is computed from what is stored and not from what arrives, so neither order nor repetition
    of the calls changes the outcome.
    """
    newest = {
        column: sa.select(source.c[column])
        .where(owner == who, source.c[column].is_not(None))
        .order_by(source.c.timestamp.desc(), source.c.received_at.desc(), sa.text("rowid DESC"))
        .limit(1)
        .scalar_subquery()
        for column in columns
        if column != "id"
    }
    statement = insert(target).values(id=who, **newest)
    if not newest:
        return statement.on_conflict_do_nothing(index_elements=["id"])
    return statement.on_conflict_do_update(
        index_elements=["id"], set_={column: statement.excluded[column] for column in newest}
    )
