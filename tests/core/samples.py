"""Values that many tests of the core use."""

from itertools import count
from typing import Final

from hypothesis import strategies as st

from segment_identity import ids
from segment_identity.visitor import NewId

ANON: Final = "bd077b70-816b-448b-ae79-2f5f7d856513"
OTHER: Final = "0c7d2f7e-1f6b-4a52-9d0f-6f0d1f3b8a11"
NEW: Final = "made-00000001"
KEY: Final = b"Vt5-nQ2xWz8RkLm4"
OLD_KEY: Final = b"pJ7_cY3bHs9DfGa6"
NOW: Final = 1_750_000_000
DAY: Final = 86_400

# Letters that mean something to cookies, URLs or JSON, among some that do not.
_TELLING: Final = "\"'[]{}:,\\%;=&+-. \t0123456789eEatrufalsn\u00e9\u6f22\U0001f600"


def counted() -> NewId:
    """Return a source of ids: `NEW`, then the next number, and so on."""
    numbers = count(1)
    return lambda: f"made-{next(numbers):08d}"


def valid_ids() -> st.SearchStrategy[str]:
    """Return any text that may be the id of a user or a group."""
    texts = st.text(min_size=1, max_size=60) | st.text(_TELLING, min_size=1, max_size=24)
    return texts.filter(lambda text: ids.problem(text) is None)


# Every word that PostgreSQL 15 or SQLite 3.40 has a use for, and some that are only words.
WORDS: Final = """
abort action add after all alter always analyse analyze and any array as asc asymmetric attach
authorization autoincrement before begin between binary both by cascade case cast check collate
collation column commit concurrently conflict constraint create cross current current_catalog
current_date current_role current_schema current_time current_timestamp current_user database
default deferrable deferred delete desc detach distinct do drop each else end escape except exclude
exclusive exists explain fail false fetch filter first following for foreign freeze from full
generated glob grant group groups having if ignore ilike immediate in index indexed initially inner
insert instead intersect into is isnull join key last lateral leading left like limit localtime
localtimestamp match materialized natural no not nothing notnull null nulls of offset on only or
order others outer over overlaps partition placing plan pragma preceding primary query raise range
recursive references regexp reindex release rename replace restrict returning right rollback row
rows savepoint select session_user set similar some symmetric table tablesample temp temporary then
ties to trailing transaction trigger true unbounded union unique update user using vacuum values
variadic verbose view virtual when where window with without name value type plan price rowid oid
ctid xmin xmax cmin cmax tableoid sqlite_master sqlite_stat1 pg_class pg_type
""".split()
