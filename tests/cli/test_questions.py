"""The commands that ask a warehouse who somebody is."""

import json
from pathlib import Path

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
