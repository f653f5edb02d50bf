"""Name tables and columns as Segment does (Segment: Warehouse Schemas, Naming conventions).

Whatever comes out is written without quotes in any of the databases this package loads.
"""

import hashlib
import re
from functools import lru_cache
from typing import Final

# PostgreSQL cuts longer names, and two of them would be one.
MAX_NAME: Final = 63

_TOKEN: Final = re.compile(r"[A-Z0-9]+[a-z0-9]*|[a-z0-9]+")
# What PostgreSQL reserves, fully or but for functions and types, and what SQLite does.
_RESERVED_WORDS: Final = frozenset(
    """
    add all alter analyse analyze and any array as asc asymmetric authorization autoincrement
    between binary both case cast check collate collation column commit concurrently constraint
    create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user default deferrable delete desc distinct do drop else end escape
    except exists false fetch for foreign freeze from full grant group having if ilike in index
    initially inner insert intersect into is isnull join lateral leading left like limit localtime
    localtimestamp natural not nothing notnull null offset on only or order outer overlaps placing
    primary raise references returning right select session_user set similar some symmetric table
    tablesample then to trailing transaction true union unique update user using values variadic
    verbose when where window with
    """.split()
)
# Columns that every table of PostgreSQL has already.
_SYSTEM_COLUMNS: Final = frozenset("cmax cmin ctid tableoid xmax xmin".split())
# Tables with such names are the database's own, or indexes of our tables, which share their names;
# it refuses others, or finds its own first.
_SYSTEM_TABLES: Final = ("sqlite_", "pg_", "ix_")
_KEY: Final = "_pkey"


def ident(name: str, most: int = MAX_NAME) -> str:
    """Return *name* as Segment names tables and columns, or "" if nothing is left of it.

    A leading digit and a word of SQL get an underscore. What is cut at *most* characters keeps a
    hash of the whole, so that two names stay two. What was made so is made of itself again.
    """
    snake = "_".join(_TOKEN.findall(name)).lower()
    if snake[:1].isdigit() or snake in _RESERVED_WORDS or snake in _SYSTEM_COLUMNS:
        snake = "_" + snake
    if len(snake) <= most:
        return snake
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{snake[: most - 9].rstrip('_')}_{digest}"


def table_of(name: str, taken: frozenset[str]) -> str:
    """Return the name of the table for an event called *name* in snake case.

    Not one of those *taken*, nor one of a database's own or of its indexes.
    """
    if name.endswith(_KEY):
        # Behind it, where no name in snake case has one: "_users_pkey" is that of "_users".
        return f"{name[: MAX_NAME - 1]}_"
    return f"_{name}"[:MAX_NAME] if name in taken or name.startswith(_SYSTEM_TABLES) else name


# Nearly all events have one of a few names.
@lru_cache(maxsize=1_024)
def of_event(text: str, taken: frozenset[str]) -> tuple[str, str]:
    """Return an event's name in snake case and that of its table, both "" if nothing is left."""
    name = ident(text)
    return name, table_of(name, taken) if name else ""
