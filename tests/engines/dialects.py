"""Make the SELECTs of every engine from those written once: `python -m engines.dialects`.

They are checked in, so that sqlglot is needed by whoever changes one and by nobody else.
"""

import importlib
from pathlib import Path
from typing import Any, Final

from segment_identity.warehouse.profile_views import SQL

DIALECTS: Final = ("sqlite", "postgres", "duckdb", "clickhouse", "spark")
# Elsewhere it is made in rounds (`resolving`).
RECURSIVE: Final = ("sqlite", "postgres", "duckdb")
_SOURCE: Final = "duckdb"
_FIRST: Final = "ORDER BY edges.first_moment, person.value"
_LAST: Final = "ORDER BY edges.last_moment DESC, person.value"


def sources() -> dict[str, str]:
    """Return the SELECTs by name; the one that decides by policy is there for both."""
    found = {path.stem: path.read_text("utf-8") for path in sorted(SQL.glob("*.sql"))}
    assert _FIRST in found["id_graph"]
    return found | {"id_graph_last": found["id_graph"].replace(_FIRST, _LAST)}


def made(sqlglot: Any) -> dict[Path, str]:
    """Return the text of every file, by where it belongs."""
    return {
        SQL / dialect / f"{name}.sql": _in(sqlglot, dialect, text)
        for dialect in DIALECTS
        for name, text in sources().items()
        if name != "profile_roots" or dialect in RECURSIVE
    }


def _in(sqlglot: Any, dialect: str, text: str) -> str:
    # Comments stay where they were written; sqlglot would move them about.
    (only,) = sqlglot.transpile(text, read=_SOURCE, write=dialect, pretty=True, comments=False)
    return f"{only}\n"


if __name__ == "__main__":
    for old in SQL.glob("*/*.sql"):
        old.unlink()
    for path, text in made(importlib.import_module("sqlglot")).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
