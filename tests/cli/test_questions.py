"""The commands that ask a warehouse who somebody is."""

import json
from pathlib import Path
from typing import Final

import pytest

from segment_identity.warehouse import Warehouse

from .test_command import command


def call(day: int, event: str, kind: str = "track", **fields: object) -> bytes:
    """Return an event of some day, as a lane has it."""
    stamp = f"2026-01-{day:02}T12:00:00.000Z"
    message = {"type": kind, "messageId": f"m-{event}", "event": event, "timestamp": stamp}
    return json.dumps({**message, "anonymousId": "laptop-1", **fields}).encode()


@pytest.fixture
def warehouse(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/analytics.db"
    loading = Warehouse(url)
    loading.send(
        [
            call(1, "Home", "page", name="Home"),
            call(2, "Clicked"),
            call(3, "x", "identify", userId="ada", traits={"plan": "free", "seats": 3}),
            call(4, "Evil \x1b[2J", userId="ada"),
        ]
    )
    loading.close()
    return url


def test_whois_tells_a_story(warehouse: str) -> None:
    done = command("whois", "laptop-1", "--warehouse", warehouse)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "ada",
        "  first seen  2026-01-01 12:00:00",
        "  known since 2026-01-03 12:00:00",
        "  user ids    ada",
        "  devices     laptop-1",
        "  plan: free",
        "  seats: 3",
        "2026-01-01 12:00:00  page      Home                              laptop-1",
        "2026-01-02 12:00:00  track     Clicked                           laptop-1",
        "---- known as ada ----",
        "2026-01-03 12:00:00  identify                                    ada",
        "2026-01-04 12:00:00  track     Evil \ufffd[2J                         ada",
    ]


def test_whois_as_json_is_for_scripts(warehouse: str) -> None:
    done = command("whois", "ada", "-w", warehouse, "--json", "--limit", "1")
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert told["user_id"] == "ada"
    assert told["anonymous_ids"] == ["laptop-1"]
    assert told["traits"] == {"plan": "free", "seats": 3}
    assert [each["message_id"] for each in told["timeline"]] == ["m-Evil \x1b[2J"]
    assert told["is_whole"] is False


def test_whois_of_nobody_has_exit_code_1(warehouse: str) -> None:
    done = command("whois", "nobody", "-w", warehouse)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "nobody has this id\n")
    assert command("whois", "nobody", "-w", warehouse, "--json").stdout == "null\n"


def test_a_warehouse_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    done = command("whois", "ada", "-w", f"sqlite:///{tmp_path}/none.db")
    assert done.returncode == 2
    assert "there is no warehouse at" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_database_without_profiles_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    done = command("whois", "ada", "-w", f"sqlite:///{tmp_path}/empty.db")
    assert done.returncode == 2
    assert "nothing was loaded yet" in done.stderr


ASKING: Final = [
    ["whois", "ada"],
    ["sessions", "ada"],
    ["mtu", "2026-01"],
    ["forget", "ada", "--yes"],
    ["retain", "9"],
    ["stitch"],
    ["export", "-"],
    ["tail", "--no-follow"],
]


@pytest.mark.parametrize("arguments", ASKING, ids=lambda each: each[0])
def test_what_is_no_database_is_told_in_one_line(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "odd.db").write_bytes(b"nothing that SQLite knows" * 99)
    done = command(*arguments, "-w", f"sqlite:///{tmp_path}/odd.db")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "segment-identity: the warehouse cannot be reached, or is busy (DatabaseError)\n"
    )


@pytest.mark.parametrize("arguments", ASKING, ids=lambda each: each[0])
def test_a_server_that_is_not_there_is_told_in_one_line(arguments: list[str]) -> None:
    done = command(*arguments, "-w", "postgresql://ada:s3cr3t@127.0.0.1:9/shop")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "segment-identity: the warehouse cannot be reached, or is busy (OperationalError)\n"
    )


def test_mtu_counts_a_month(warehouse: str) -> None:
    done = command("mtu", "2026-01", "-w", warehouse)
    assert done.stdout == "2026-01: 1 tracked, 1 of them users and 0 anonymous\n"
    told = json.loads(command("mtu", "2026-02", "-w", warehouse, "--json").stdout)
    assert told == {"month": "2026-02", "users": 0, "anonymous": 0, "daily": 0, "total": 0}
    wrong = command("mtu", "Jan", "-w", warehouse)
    assert wrong.returncode == 2
    assert "want one such as '2026-01'" in wrong.stderr


def test_sessions_are_listed(warehouse: str) -> None:
    done = command("sessions", "ada", "-w", warehouse)
    assert done.stdout.splitlines()[0] == (
        "2026-01-01 12:00:00     0.0 min    1 pages    0 events  Home"
    )
    assert len(json.loads(command("sessions", "ada", "-w", warehouse, "--json").stdout)) == 4
    assert command("sessions", "nobody", "-w", warehouse).returncode == 1


def test_forget_asks_first(warehouse: str) -> None:
    refused = command("forget", "ada", "-w", warehouse)
    assert refused.returncode == 1
    assert "Forget user_id:ada, for good?" in refused.stderr
    assert command("whois", "ada", "-w", warehouse).returncode == 0
    done = command("forget", "laptop-1", "-w", warehouse, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "2 ids forgotten"
    assert "  tracks: 2 rows" in done.stdout.splitlines()
    assert command("whois", "ada", "-w", warehouse).returncode == 1
    again = command("forget", "ada", "-w", warehouse, "-y", "--json")
    assert again.returncode == 1
    assert json.loads(again.stdout)["ids"] == 0


def test_retain_removes_what_is_old(warehouse: str) -> None:
    assert command("retain", "100000", "-w", warehouse).stdout == "0 rows removed\n"
    assert command("retain", "0", "-w", warehouse).returncode == 2
    assert json.loads(command("retain", "1", "-w", warehouse, "--json").stdout)["pages"] == 1
