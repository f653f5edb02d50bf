"""Files of events find their way into a destination, once, whatever happens on the way."""

import gzip
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from segment_identity import ConfigurationError, Unavailable
from segment_identity.destinations import Memory
from segment_identity.importing import Imported, import_events

from .support import PATIENCE, Failing


def event(number: int, **more: Any) -> dict[str, Any]:
    """Return one event."""
    return {
        "type": "track",
        "event": "Seen",
        "messageId": f"m-{number:06}",
        "anonymousId": f"visitor-{number % 7}",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "properties": {"number": number},
        **more,
    }


def write(path: Path, events: Iterable[Any]) -> Path:
    """Write events as lines; a text stands as it is."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in events]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def numbers(memory: Memory) -> list[int]:
    """Return the numbers of the events that arrived."""
    return [each["properties"]["number"] for each in memory.messages]


def test_every_event_arrives_in_order_and_a_second_import_finds_nothing(tmp_path: Path) -> None:
    file = write(tmp_path / "events.ndjson", map(event, range(5_000)))
    first, second = Memory(), Memory()
    assert import_events(file, first) == Imported(5_000, 5_000)
    assert numbers(first) == list(range(5_000))
    assert import_events(file, second) == Imported(skipped=5_000)
    assert not second.messages
    assert import_events(file, second, again=True) == Imported(5_000, 5_000)


def test_a_file_that_has_grown_goes_on_where_it_was(tmp_path: Path) -> None:
    file = write(tmp_path / "events.ndjson", map(event, range(10)))
    import_events(file, Memory())
    with file.open("a") as end:
        end.write(json.dumps(event(10)) + "\n" + json.dumps(event(11))[:20])
    memory = Memory()
    assert import_events(file, memory) == Imported(2, 1, 0, 1, 10)
    with file.open("a") as end:
        end.write(json.dumps(event(11))[20:])
    assert import_events(file, memory) == Imported(1, 1, skipped=11)
    assert numbers(memory) == [10, 11]


def test_another_file_of_the_same_name_and_another_destination_begin_anew(tmp_path: Path) -> None:
    file = write(tmp_path / "events.ndjson", map(event, range(10)))
    import_events(file, Memory())
    assert import_events(file, "console:").lines == 10
    write(file, map(event, range(20, 25)))
    memory = Memory()
    import_events(file, memory)
    assert numbers(memory) == list(range(20, 25))


def test_compressed_files_are_read(tmp_path: Path) -> None:
    plain = write(tmp_path / "events.ndjson", map(event, range(3_000)))
    packed = tmp_path / "events.ndjson.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    memory = Memory()
    assert import_events(packed, memory) == Imported(3_000, 3_000)
    assert numbers(memory) == list(range(3_000))


def test_what_is_no_event_is_rejected_as_it_was(tmp_path: Path) -> None:
    odd = ["not json", "[1]", '{"type": "sing", "messageId": "m"}', "\x00", "{" * 5_000]
    file = write(tmp_path / "events.ndjson", [event(0), *odd, "", "   ", event(1)])
    memory = Memory()
    assert import_events(file, memory) == Imported(7, 2, 5)
    assert numbers(memory) == [0, 1]
    assert (tmp_path / "events.ndjson.rejected").read_text().splitlines() == odd


def test_an_event_without_a_message_id_is_given_one_that_a_repeat_has_too(tmp_path: Path) -> None:
    bare = [{**event(number), "messageId": None} for number in (1, 1, 2)]
    file = write(tmp_path / "events.ndjson", bare)
    first, second = Memory(), Memory()
    import_events(file, first)
    import_events(file, second, again=True)
    ids = [each["messageId"] for each in first.messages]
    assert ids == [each["messageId"] for each in second.messages]
    assert ids[0] == ids[1] != ids[2]


def test_a_destination_that_is_away_is_waited_for_until_it_is_stopped(tmp_path: Path) -> None:
    file = write(tmp_path / "events.ndjson", map(event, range(10)))
    failing, stop = Failing(Unavailable("down")), threading.Event()
    threading.Timer(0.3, stop.set).start()
    assert import_events(file, failing, stop=stop) == Imported(10, abandoned=10)
    failing.is_up = True
    assert import_events(file, failing) == Imported(10, 10)
    assert numbers(failing) == list(range(10))


def test_a_file_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'none\.ndjson', which is no file"):
        import_events(tmp_path / "none.ndjson", Memory())


KILLS: Final = 6
EVENTS: Final = 12_000


def test_killed_again_and_again_it_doubles_and_loses_no_row(tmp_path: Path) -> None:
    file = write(tmp_path / "events.ndjson", map(event, range(EVENTS)))
    database = tmp_path / "events.db"
    command = [
        sys.executable,
        "-m",
        "segment_identity",
        "import",
        str(file),
        f"sqlite:///{database}",
    ]
    seed = random.randrange(1_000_000)
    moments = random.Random(seed)
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            until = time.monotonic() + PATIENCE
            # Not before it writes, and then at any moment.
            while not database.exists() and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(moments.uniform(0.3, 1.2))
            process.send_signal(signal.SIGKILL)
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    assert report["skipped"] + report["delivered"] == EVENTS, f"seed {seed}"
    with closing(sqlite3.connect(database)) as connection:
        rows = [row[0] for row in connection.execute("SELECT number FROM seen ORDER BY number")]
    assert rows == list(range(EVENTS)), f"seed {seed}"


def test_the_command_says_what_it_did_and_what_it_left(tmp_path: Path) -> None:
    file = write(tmp_path / "events.ndjson", [event(0), "oops"])
    command = [sys.executable, "-m", "segment_identity", "import", str(file)]
    done = subprocess.run(
        [*command, f"sqlite:///{tmp_path / 'events.db'}"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        check=True,
    )
    assert done.stdout == "2 read: 1 delivered, 1 rejected, 0 left; 0 imported before\n"
    done = subprocess.run(
        [*command, "sqlite:////no/such/folder/s.db"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "does not exist" in done.stderr
