"""Say who is who on a warehouse of one's own, from the same SELECTs as the views.

A large warehouse has no recursion that ends in a cycle, so `profile_roots` is made there in rounds,
a dozen or so, of which the last finds nothing to change.
"""

from typing import Final, Protocol

from segment_identity.stitching import Policy
from segment_identity.warehouse.profile_views import select

_CHANGED: Final = """
SELECT COUNT(*) FROM {new} AS new_roots
JOIN profile_roots ON profile_roots.segment_id = new_roots.segment_id
WHERE profile_roots.root <> new_roots.root
"""
_NEXT: Final = "profile_roots_next"


class Engine(Protocol):
    """A warehouse with the tables `profile_ids`, `profile_links` and `profile_aliases`.

    *dialect* is one of those in `sql/`: sqlite, postgres, duckdb, clickhouse or spark.
    """

    dialect: str

    def keep(self, name: str, select: str, /) -> None:
        """Make a table *name* of what *select* finds, in place of one that is there."""

    def number(self, select: str, /) -> int:
        """Return the number that *select* finds."""


def resolve(engine: Engine, policy: Policy = "first") -> int:
    """Make the tables `id_graph` and `profiles`; return how many rounds it took."""
    for name in ("profile_nodes", "profile_edges", "profile_neighbours"):
        engine.keep(name, select(name, engine.dialect))
    engine.keep("profile_roots", select("profile_roots_start", engine.dialect))
    rounds = 0
    while True:
        rounds += 1
        engine.keep(_NEXT, select("profile_roots_step", engine.dialect))
        if not engine.number(_CHANGED.format(new=_NEXT)):
            break
        engine.keep("profile_roots", f"SELECT segment_id, root FROM {_NEXT}")
    for name in ("id_graph", "profiles"):
        engine.keep(name, select(name, engine.dialect, policy))
    return rounds
