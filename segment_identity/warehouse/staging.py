"""Bring many rows into PostgreSQL by COPY.

How this works
--------------
COPY is the fastest way in, but stops at the first row that is there already. So it goes to a
temporary table of the connection, whose rows then go where they belong by an ordinary insert, which
says what happens to those. Such a table is kept for the next batch and emptied by every commit. A
few rows are not worth it.
"""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

# Fewer rows than these are not worth a COPY, nor more tables than those being kept.
_FEW: Final = 24
_MOST: Final = 200


def stage_for(connection: Connection, table: sa.Table, rows: int) -> str | None:
    """Return the name of a temporary table like *table*, or None if *rows* go as well without."""
    if rows < _FEW:
        return None
    stages: dict[str, tuple[str, int]] = connection.info.setdefault("stages", {})
    known = stages.get(table.name)
    if known is not None and known[1] == len(table.c):
        return known[0]
    if known is None and len(stages) >= _MOST:
        return None
    # No event's table begins so.
    name = known[0] if known is not None else f"_stage_{len(stages)}"
    target = connection.dialect.identifier_preparer.format_table(table)
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS pg_temp.{name}")
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE {name} (LIKE {target}) ON COMMIT DELETE ROWS"
    )
    stages[table.name] = (name, len(table.c))
    return name


def fill(
    connection: Connection,
    stage: str,
    table: sa.Table,
    names: Sequence[str],
    records: Sequence[Sequence[Any]],
) -> None:
    """Bring records, values of *names*, into the temporary table *stage*, and nothing else."""
    filled: set[str] = connection.info.setdefault("filled", set())
    if stage in filled:
        connection.exec_driver_sql(f"DELETE FROM {stage}")
    filled.add(stage)
    format_column = connection.dialect.identifier_preparer.format_column
    columns = ", ".join(format_column(table.c[each]) for each in names)
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor().copy(f"COPY {stage} ({columns}) FROM STDIN") as copy:
        for each in records:
            copy.write_row(each)


def watch(engine: Engine) -> None:
    """Let the connections of *engine* know which of their temporary tables hold rows."""
    sa.event.listen(engine, "commit", _committed)
    sa.event.listen(engine, "rollback", _rolled_back)


def _committed(connection: Connection) -> None:
    connection.info.pop("filled", None)


def _rolled_back(connection: Connection) -> None:
    # Those made in this transaction are gone with it.
    connection.info.pop("filled", None)
    connection.info.pop("stages", None)
