"""The code of docs/warehouses.md, each block in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from warehouse.made import made
from warehouse.support import batch

from segment_identity.warehouse import Warehouse

from .pages import blocks

BLOCKS: Final = {heading: found[0] for heading, found in blocks("docs/warehouses.md").items()}


def shop(folder: Path) -> str:
    """Make a warehouse in *folder*, and a place to export to; return its URL."""
    (folder / "export").mkdir()
    url = f"sqlite:///{folder}/analytics.db"
    warehouse = Warehouse(url)
    warehouse.send(batch(*made(200, seed=4)))
    warehouse.close()
    return url


def run(folder: Path, heading: str) -> str:
    """Run a block in *folder*."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKS[heading]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        # Where dlt keeps how far its pipelines are, which another folder's run must not find.
        env={**os.environ, "DLT_DATA_DIR": str(folder / "dlt")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_duckdb_answers_from_the_files(tmp_path: Path) -> None:
    shop(tmp_path)
    assert "2026-01-01" in run(tmp_path, "DuckDB")
