"""Export, import and stitch as people type them: real processes, pipes and terminals."""

import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest
from warehouse.made import fitting
from warehouse.support import Database, batch

from segment_identity.warehouse import Warehouse

from .test_command import command

EVENTS: Final = 1_500
PROGRAM: Final = (sys.executable, "-W", "error", "-m", "segment_identity")


@pytest.fixture
def warehouse(tmp_path: Path) -> str:
    """Return a warehouse that was loaded without profiles."""
    url = f"sqlite:///{tmp_path}/analytics.db"
    loading = Warehouse(url, profiles=None)
    loading.send(batch(*fitting(EVENTS, seed=1)))
    loading.close()
    return url


def test_what_is_exported_can_be_imported(warehouse: str, tmp_path: Path) -> None:
    file = str(tmp_path / "events.ndjson.gz")
    done = command("export", file, "-w", warehouse, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"events": EVENTS, "is_whole": True}
    done = command("import", file, f"sqlite:///{tmp_path}/again.db", "--json")
    assert json.loads(done.stdout)["delivered"] == EVENTS
    with Database.opened(f"sqlite:///{tmp_path}/again.db") as again:
        assert len(again.rows("tracks")) + len(again.rows("pages")) > EVENTS / 3


def test_a_hyphen_is_the_standard_output(warehouse: str) -> None:
    done = command("export", "-", "-w", warehouse, "--since", "2026-01-28")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert 0 < len(told) < EVENTS
    assert {each["timestamp"][:10] for each in told} == {"2026-01-28"}
    assert done.stderr == f"{len(told)} events exported\n"


def test_who_has_seen_enough_closes_the_pipe(warehouse: str) -> None:
    with subprocess.Popen(
        [*PROGRAM, "export", "-", "-w", warehouse], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["type"]
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""


def test_a_folder_gets_parquet_files(warehouse: str, tmp_path: Path) -> None:
    done = command("export", f"{tmp_path}/tables/", "-w", warehouse, "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert {f"{name}.parquet" for name in rows} == {
        each.name for each in (tmp_path / "tables").iterdir()
    }
    some = command("export", f"{tmp_path}/tables", "-w", warehouse, "--json", "--since", "2027-01")
    assert some.returncode == 2
    some = command("export", f"{tmp_path}/tables", "-w", warehouse, "--json", "--since", "2027")
    assert some.returncode == 2
    done = command("export", f"{tmp_path}/tables", "-w", warehouse, "--since", "2027-01-01")
    assert "  tracks: 0 rows" in done.stdout.splitlines()


def test_stitching_makes_the_profiles(warehouse: str) -> None:
    assert command("whois", "user-1", "-w", warehouse).returncode == 2
    done = command("stitch", "-w", warehouse)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{EVENTS:,} calls read (aliases: ")
    assert command("whois", "user-1", "-w", warehouse).returncode == 0
    told = json.loads(command("stitch", "-w", warehouse, "--json").stdout)
    assert (sum(told["rows"].values()), told["skipped"], told["is_whole"]) == (EVENTS, 0, True)


@pytest.mark.parametrize(
    "arguments",
    [("export", "events.ndjson"), ("stitch",), ("export", "tables/")],
    ids=["export", "stitch", "parquet"],
)
def test_a_terminal_shows_how_far_it_is(
    warehouse: str, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, *arguments, "-w", warehouse, "--json"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        cwd=tmp_path,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4_096):
                shown += part
        except OSError:
            pass
        os.close(ours)
        assert process.stdout is not None
        assert json.loads(process.stdout.read())
        assert process.wait(60) == 0
    assert b"ing" in shown
    assert "━".encode() in shown


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["export", "events.csv"], "want a file called *.ndjson"),
        (["export", "events.ndjson", "--since", "soon"], "since was given 'soon'"),
        (["export", "events", "--format", "csv"], "want 'ndjson' or 'parquet'"),
        (["export", "-", "--format", "parquet"], "Parquet files want a folder"),
        (["export", "no/such/folder/events.ndjson"], "folder to export to does not exist"),
        (["stitch", "--policy", "best"], "neither 'first' nor 'last'"),
        (["export"], "Missing argument"),
    ],
)
def test_what_cannot_work_is_told_in_one_line(
    warehouse: str, arguments: list[str], wanted: str
) -> None:
    done = command(*arguments, "-w", warehouse)
    assert done.returncode == 2
    assert wanted in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


KILLS: Final = 3


def test_a_stitching_that_is_killed_again_and_again_ends_like_another(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("without", "with")]
    loading, known = Warehouse(urls[0], profiles=None), Warehouse(urls[1])
    events = [
        {**each, "messageId": f"{part}-{each['messageId']}", "userId": f"{part}-{each['userId']}"}
        for part in range(16)
        for each in fitting(500, seed=part)
    ]
    for start in range(0, len(events), 1_000):
        loading.send(batch(*events[start : start + 1_000]))
        known.send(batch(*events[start : start + 1_000]))
    loading.close()
    known.close()
    seed = random.randrange(1_000_000)
    moments = random.Random(seed)
    with Database.opened(urls[0]) as database, Database.opened(urls[1]) as wanted:
        skipped = 0
        for _ in range(KILLS):
            with subprocess.Popen([*PROGRAM, "stitch", "-w", urls[0]]) as process:
                # Not before it got somewhere, and then at any moment.
                while place(database) <= skipped and process.poll() is None:
                    time.sleep(0.01)
                time.sleep(moments.uniform(0, 0.05))
                process.send_signal(signal.SIGKILL)
            assert process.returncode == -signal.SIGKILL, f"seed {seed}"
            skipped = place(database)
        done = json.loads(command("stitch", "-w", urls[0], "--json").stdout)
        assert done["skipped"] == skipped > 0, f"seed {seed}"
        assert sum(done["rows"].values()) == len(events) - skipped, f"seed {seed}"
        for table in ("profile_ids", "profile_links", "profile_aliases", "profile_traits"):
            assert database.rows(table) == wanted.rows(table), f"seed {seed}"


def place(database: Database) -> int:
    """Return how many rows a stitching has read."""
    if "profile_keys" not in database.tables():
        return 0
    kept = database.query("SELECT value FROM profile_keys WHERE name = 'stitching'")
    return int(json.loads(kept[0]["value"])["rows"]) if kept else 0
