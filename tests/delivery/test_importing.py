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
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from segment_identity import ConfigurationError, SegmentIdentityError, Unavailable
from segment_identity.destinations import Memory
from segment_identity.importing import Imported, import_events
from segment_identity.warehouse import Warehouse

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


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_that_became_shorter_begins_anew(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "events.ndjson"
    lines = [json.dumps(event(number)).encode() + b"\n" for number in range(20)]
    file.write_bytes(pack(b"".join(lines)))
    assert import_events(file, Memory()).lines == 20
    file.write_bytes(pack(b"".join([lines[0], *lines[15:]])))
    memory = Memory()
    assert import_events(file, memory) == Imported(6, 6)
    assert numbers(memory) == [0, *range(15, 20)]


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


MIB: Final = 1_024 * 1_024


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("size", [1, 5], ids=["some", "more than is read at once"])
def test_a_line_that_no_event_can_have_is_one_line(
    tmp_path: Path, size: int, pack: Callable[[bytes], bytes]
) -> None:
    """Its end may look like an event of its own."""
    whole = [json.dumps(event(number)).encode() for number in range(3)]
    long = b" " * (size * MIB) + whole[1]
    file = tmp_path / "events.ndjson"
    file.write_bytes(pack(b"\n".join([whole[0], long, whole[2], b""])))
    memory = Memory()
    assert import_events(file, memory) == Imported(3, 2, 1)
    assert numbers(memory) == [0, 2]
    assert (tmp_path / "events.ndjson.rejected").read_bytes() == long + b"\n"
    assert import_events(file, memory) == Imported(skipped=3)


def test_a_long_line_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_bytes(json.dumps(event(0)).encode() + b"\n" + b"x" * (2 * MIB))
    memory = Memory()
    assert import_events(file, memory) == Imported(2, 1, abandoned=1)
    with file.open("ab") as end:
        end.write(b"\n" + json.dumps(event(1)).encode() + b"\n")
    assert import_events(file, memory) == Imported(2, 1, 1, skipped=1)
    assert numbers(memory) == [0, 1]
    assert (tmp_path / "events.ndjson.rejected").read_bytes() == b"x" * (2 * MIB) + b"\n"


def _changed(packed: bytes) -> bytes:
    return packed[:9_000] + bytes(100) + packed[9_100:]


@pytest.mark.parametrize("spoil", [lambda packed: packed[:-900], _changed], ids=["cut", "changed"])
def test_what_can_be_read_of_a_damaged_file_is_imported(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    chance = random.Random(1)
    lines = [json.dumps(event(number, odd=chance.random())).encode() for number in range(3_000)]
    file = tmp_path / "events.ndjson.gz"
    file.write_bytes(spoil(gzip.compress(b"\n".join(lines))))
    memory = Memory()
    for _ in range(2):
        with pytest.raises(SegmentIdentityError, match=r"'events\.ndjson\.gz' is no whole gzip"):
            import_events(file, memory)
    found = numbers(memory)
    assert found[:100] == list(range(100))
    assert len(found) > 200


def test_a_damaged_file_is_told_by_the_command(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson.gz"
    file.write_bytes(gzip.compress(os.urandom(999))[:500])
    done = subprocess.run(
        [sys.executable, "-m", "segment_identity", "import", str(file), "memory:"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "is no whole gzip file" in done.stderr


def test_a_mark_of_byte_order_is_no_part_of_an_event(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(event(0)).encode())
    memory = Memory()
    assert import_events(file, memory) == Imported(1, 1)


def test_as_many_lines_are_read_as_the_destination_takes(tmp_path: Path) -> None:
    class Large(Memory):
        batch_events = 4_000
        sizes: ClassVar[list[int]] = []

        def send(self, batch: Sequence[bytes], /) -> None:
            self.sizes.append(len(batch))

    file = write(tmp_path / "events.ndjson", map(event, range(9_000)))
    import_events(file, Large())
    assert Large.sizes == [4_000, 4_000, 1_000]


def test_two_destinations_of_a_kind_have_places_of_their_own(tmp_path: Path) -> None:
    file = write(tmp_path / "events.ndjson", map(event, range(10)))
    for name in ("one", "two"):
        warehouse = Warehouse(f"sqlite:///{tmp_path}/{name}.db")
        assert import_events(file, warehouse) == Imported(10, 10)
    assert import_events(file, Warehouse(f"sqlite:///{tmp_path}/two.db")) == Imported(skipped=10)


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
    with pytest.raises(ConfigurationError, match="was given NoneType; want a file"):
        import_events(None, Memory())  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="stop was given bool"):
        import_events("none.ndjson", Memory(), stop=True)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="progress was given int"):
        import_events("none.ndjson", Memory(), progress=7)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="which is no file"):
        import_events(tmp_path, Memory())


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
    # A URL with a password need not be an argument, which every user of the machine sees.
    told = {"SEGMENT_IDENTITY_DESTINATION": f"sqlite:///{tmp_path / 'other.db'}"}
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **told}, check=True
    )
    assert done.stdout == "2 read: 1 delivered, 1 rejected, 0 left; 0 imported before\n"
