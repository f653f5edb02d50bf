"""The recipe of docs/warehouses.md, by which dlt loads the tables anywhere."""

import importlib.util
from pathlib import Path
from typing import Final

import duckdb
import pytest
from docs.test_warehouses import run, shop
from warehouse.support import Database

CLOUD: Final = "BigQuery, Snowflake, Redshift, Databricks, ClickHouse"


def test_dlt_loads_every_table_as_it_is(tmp_path: Path) -> None:
    """Names, rows and types; twice, as the second run must not double anything."""
    if importlib.util.find_spec("dlt") is None:
        pytest.skip("dlt is not here; 'make engines' installs it")
    url = shop(tmp_path)
    for _ in range(2):
        run(tmp_path, CLOUD)
    with Database.opened(url) as database, duckdb.connect(str(tmp_path / "cloud.duckdb")) as cloud:
        found = cloud.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'analytics'"
        ).fetchall()
        names = {name for (name,) in found if not name.startswith("_dlt")}
        assert names >= {"tracks", "identifies", "users", "_users", "signed_up", "profiles"}
        for name in names & database.tables():
            count = cloud.execute(f"SELECT count(*) FROM analytics.{name}").fetchone()
            assert count == (len(database.rows(name)),)
        types = dict(
            cloud.execute(
                "SELECT column_name, data_type FROM duckdb_columns() "
                "WHERE table_name = 'tracks' AND schema_name = 'analytics'"
            ).fetchall()
        )
        assert types["event_text"] == "VARCHAR"
        assert types["timestamp"].startswith("TIMESTAMP")
        assert database.types("tracks").keys() == types.keys() - {"_dlt_id", "_dlt_load_id"}
