"""Keep the latest state of users and accounts, whatever the order in which they are told about.

How this works
--------------
Every column of `users` is a register: it holds a value and the key of the message that said it, its
time and id, and takes another value only with a greater key. So neither the order of messages nor
their repetition changes what it ends with. The keys of all columns of one row stand beside it in
`user_keys`, and whoever changes the row locks them first; so writers that tell about one user at
once come one after another.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from segment_identity.arranging import Record, arranged, block, first_values
from segment_identity.discards import Loss, discard
from segment_identity.kinds import Scalar
from segment_identity.schema import TIMES, Row
from segment_identity.warehouse.database import Database
from segment_identity.warehouse.parts import parts
from segment_identity.warehouse.tables import Tables

# Of each id what its messages told: of each column the value of the greatest key.
_Told = dict[str, dict[str, tuple[str, Scalar]]]

_KEYS: Final = {"users": "user_keys", "accounts": "account_keys"}


class Latest:
    """Writes rows of `users` and `accounts`."""

    def __init__(self, database: Database, tables: Tables) -> None:
        self._database = database
        self._tables = tables
        self._keys: dict[str, sa.Table] = {}

    def forget(self) -> None:
        """Look again whether the tables of keys are there."""
        self._keys.clear()

    def grow(self, rows: Iterable[Row]) -> None:
        """Make what *rows* need, before the transaction that writes them."""
        by_table: dict[str, list[Mapping[str, Scalar]]] = {}
        for row in rows:
            by_table.setdefault(row.table, []).append(row.values)
        for name, values in by_table.items():
            if name not in self._keys:
                self._keys[name] = self._made(_KEYS[name])
            self._tables.grow(name, first_values([block(values)]))

    def write(self, connection: Connection, rows: Iterable[Row]) -> list[dict[str, Scalar]]:
        """Write what is newer than what is there; return the rows of `discards` this makes."""
        by_table: dict[str, _Told] = {}
        for row in rows:
            told = by_table.setdefault(row.table, {}).setdefault(str(row.values["id"]), {})
            for name, value in row.values.items():
                if name != "id" and (name not in told or told[name][0] < row.key):
                    told[name] = (row.key, value)
        discards: list[dict[str, Scalar]] = []
        for table in sorted(by_table):
            for some in parts(sorted(by_table[table])):
                told_of = {who: by_table[table][who] for who in some}
                self._claim(connection, self._keys[table], told_of)
                discards += self._show(connection, table, told_of)
        return discards

    def _made(self, name: str) -> sa.Table:
        table = sa.Table(
            name,
            sa.MetaData(),
            sa.Column("id", self._database.key, primary_key=True),
            sa.Column("keys", self._database.types["varchar"], nullable=False),
        )
        with self._database.engine.begin() as connection:
            self._database.lock_schema(connection)
            connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
        return table

    def _claim(self, connection: Connection, keys: sa.Table, told: _Told) -> None:
        """Note the keys of what is newer, and leave only that in *told*."""
        columns = ("id", "keys")
        self._database.store(connection, keys, columns, [(who, "{}") for who in told])
        theirs = sa.select(keys.c.id, keys.c["keys"]).where(keys.c.id.in_(list(told)))
        changed: list[Record] = []
        # They were sorted, so that nobody waits for one while holding a later one.
        for who, said in connection.execute(theirs.order_by(keys.c.id).with_for_update()):
            known = _unpacked(said)
            new = {name: each for name, each in told[who].items() if known.get(name, "") < each[0]}
            told[who] = new
            if new:
                known |= {name: key for name, (key, _) in new.items()}
                changed.append((who, _packed(known)))
        if changed:
            self._database.store(connection, keys, columns, changed, update=True)

    def _show(self, connection: Connection, name: str, told: _Told) -> list[dict[str, Scalar]]:
        table, kinds = self._tables.table(name)
        alike: dict[tuple[str, ...], list[str]] = {}
        for who, values in told.items():
            alike.setdefault(tuple(sorted(values)), []).append(who)
        discards = []
        for names, ids in alike.items():
            rows = [_row(who, told[who], names) for who in ids]
            found = arranged([block(rows)], ("id", *names), kinds, TIMES)
            self._database.store(connection, table, found.names, found.records, update=True)
            for number, loss in found.lost:
                who = ids[number]
                said = Loss(*loss[:3], path=told[who][loss.column][0])
                discards.append(discard(name, {"id": who}, said))
        return discards


def _row(
    who: str, told: Mapping[str, tuple[str, Scalar]], names: Iterable[str]
) -> dict[str, Scalar]:
    row: dict[str, Scalar] = {"id": who}
    for name in names:
        row[name] = told[name][1]
    return row


def _packed(keys: Mapping[str, str]) -> str:
    """Return the keys of columns as JSON: the columns by their key, as one message tells many."""
    columns: dict[str, list[str]] = {}
    for name, key in keys.items():
        columns.setdefault(key, []).append(name)
    return msgspec.json.encode(columns).decode()


def _unpacked(said: str) -> dict[str, str]:
    columns: dict[str, list[str]] = msgspec.json.decode(said)
    return {name: key for key, names in columns.items() for name in names}
