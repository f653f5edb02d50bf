"""The same tables as Parquet files, as DuckDB reads them."""

from pathlib import Path

import duckdb
import pytest

from segment_identity import ConfigurationError
from segment_identity.warehouse import Warehouse
from segment_identity.warehouse.export import export_parquet

from .made import made
from .support import Database, batch, message


def test_every_table_is_exported_with_its_types(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "it's here"
    folder.mkdir()
    warehouse = Warehouse(database.url)
    odd = {"price": 9.5, "count": 2**62, "gift": True, "seen_at": "2026-01-31T12:00:00+02:00"}
    warehouse.send(
        batch(
            message(1, event="Bought", properties={**odd, "text": "a'b\"c\n\U0001f642"}),
            message(2, event="Bought"),
            message(3, "identify", traits={"plan": "free"}),
        )
    )
    warehouse.close()
    counts = export_parquet(database.url, folder)
    assert counts.keys() >= {"bought", "tracks", "identifies", "users", "discards", "id_graph"}
    # Whoever has the list of the forgotten and its key can ask whether somebody is on it.
    assert counts.keys().isdisjoint({"user_keys", "profile_keys", "profile_forgotten"})
    assert (counts["bought"], counts["users"], counts["discards"]) == (2, 1, 0)
    with duckdb.connect() as duck:
        source = str(folder / "bought.parquet").replace("'", "''")
        found = duck.execute(
            "SELECT price, count, gift, text, CAST(seen_at AS VARCHAR), typeof(seen_at), "
            "typeof(gift) "
            f"FROM '{source}' ORDER BY id"
        ).fetchall()
    assert found == [
        (9.5, 2**62, True, "a'b\"c\n\U0001f642", "2026-01-31 10:00:00", "TIMESTAMP", "BOOLEAN"),
        (None, None, None, None, None, "TIMESTAMP", "BOOLEAN"),
    ]
    assert sorted(each.suffix for each in folder.iterdir()) == [".parquet"] * len(counts)


def test_an_export_replaces_the_one_before(database: Database, tmp_path: Path) -> None:
    warehouse = Warehouse(database.url, profiles=None)
    for part in (made(60, seed=1), made(120, seed=1)):
        warehouse.send(batch(*part))
        export_parquet(database.url, tmp_path)
    warehouse.close()
    for name in ("tracks", "identifies", "users", "bought"):
        with duckdb.connect() as duck:
            rows = duck.execute(f"SELECT count(*) FROM '{tmp_path}/{name}.parquet'").fetchone()
        assert rows == (len(database.rows(name)),)


def test_missing_folder_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        export_parquet(f"sqlite:///{tmp_path}/a.db", tmp_path / "missing")
