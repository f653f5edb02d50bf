"""A destination that wants an alias before the identify, over batches, restarts and failures."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from segment_identity import Analytics, ConfigurationError
from segment_identity.destinations import AliasFirst, Memory, Segment
from segment_identity.warehouse import Warehouse

from .support import PATIENCE, Failing, lines, run


def kinds(memory: Memory) -> list[Any]:
    """Return the type of every message that arrived."""
    return [each["type"] for each in memory.messages]


def identified(*destinations: Any) -> None:
    """Identify a visitor through *destinations*, twice."""
    with Analytics(*destinations) as analytics:
        for _ in range(2):
            identity = analytics.identity(anonymous_id="device-0042")
            identity.identify("ada", {"plan": "free"})
            assert analytics.flush(PATIENCE)


def test_an_alias_is_sent_once_before_the_identify() -> None:
    memory = Memory()
    identified(AliasFirst(memory))
    assert kinds(memory) == ["alias", "identify", "identify"]
    alias = memory.messages[0]
    assert (alias["previousId"], alias["userId"]) == ("device-0042", "ada")


def test_it_is_remembered_after_a_restart(tmp_path: Path) -> None:
    memory, file = Memory(), tmp_path / "aliases.db"
    identified(AliasFirst(memory, memory=file))
    identified(AliasFirst(memory, memory=file))
    assert kinds(memory) == ["alias", *["identify"] * 4]
    assert b"ada" not in file.read_bytes()


def test_without_a_memory_a_restart_sends_the_same_alias_again() -> None:
    memory = Memory()
    identified(AliasFirst(memory))
    identified(AliasFirst(memory))
    aliases = [each["messageId"] for each in memory.messages if each["type"] == "alias"]
    assert len(aliases) == 2
    assert len(set(aliases)) == 1


def test_what_was_not_delivered_is_not_remembered(tmp_path: Path) -> None:
    failing = Failing()
    destination = AliasFirst(failing, memory=tmp_path / "aliases.db")
    with Analytics(destination, shutdown_timeout=PATIENCE) as analytics:
        analytics.identity(anonymous_id="device-0042").identify("ada")
        assert not analytics.flush(0.3)
        failing.is_up = True
        assert analytics.flush(PATIENCE)
    assert kinds(failing) == ["alias", "identify"]


@pytest.mark.parametrize("memory", [7, True, b"aliases.db"])
def test_a_memory_that_is_no_file_is_refused(memory: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"memory was given .*; want a file"):
        AliasFirst(Memory(), memory=memory)


def test_a_memory_that_is_broken_stops_no_event(tmp_path: Path) -> None:
    file = tmp_path / "aliases.db"
    file.write_bytes(b"no database " * 1_000)
    memory = Memory()
    identified(AliasFirst(memory, memory=file))
    assert kinds(memory) == ["alias", "identify", "identify"]


KILLED = """
import os, sys
from segment_identity import Analytics
from segment_identity.destinations import AliasFirst
from delivery.support import Appending

class Dying(Appending):
    def send(self, batch):
        super().send(batch)
        if sys.argv[4] == "dies":
            os._exit(9)

file, spool, memory, _ = sys.argv[1:]
with Analytics(AliasFirst(Dying(file), memory=memory), spool=spool) as analytics:
    analytics.identity(anonymous_id="device-0042").identify("ada")
    analytics.store()
    analytics.flush(20)
"""


def test_process_that_dies_between_sending_and_remembering_sends_the_same_again(
    tmp_path: Path,
) -> None:
    spool, file = tmp_path / "spool", tmp_path / "sent"
    spool.mkdir()
    given = (file, spool, tmp_path / "aliases.db")
    run(KILLED, *given, "dies", expect=9)
    run(KILLED, *given, "lives")
    sent = [(each["type"], each["messageId"]) for each in lines(file)]
    firsts = [each for number, each in enumerate(sent) if each not in sent[:number]]
    assert [kind for kind, _ in firsts] == ["alias", "identify", "identify"]
    with closing(sqlite3.connect(tmp_path / "aliases.db")) as database:
        assert database.execute("SELECT count(*) FROM tied").fetchone() == (1,)


def test_it_asks_for_what_its_destination_asks_for() -> None:
    segment = Segment("http://key@127.0.0.1:9/v1", connections=3, linger=0.5)
    destination = AliasFirst(segment)
    assert (destination.parallel, destination.linger) == (3, 0.5)
    assert AliasFirst("memory:").parallel == 1
    assert AliasFirst("memory:").batch_events == 500
    assert AliasFirst("sqlite:///:memory:").batch_events == Warehouse.batch_events


def test_a_folder_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        AliasFirst("memory:", memory=tmp_path / "missing" / "aliases.db")


def test_what_is_no_destination_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError, match="AliasFirst was given"):
        AliasFirst(7)  # type: ignore[arg-type]
