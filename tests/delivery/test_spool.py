"""Events that are on disk until they are delivered."""

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from segment_identity import Analytics, ConfigurationError, Fault, Undeliverable, UnknownOption
from segment_identity.delivery.backlog import Backlog, Chunk
from segment_identity.destinations import Memory
from segment_identity.spool import Spool, dead_letters
from segment_identity.spool.file import SpoolFile
from segment_identity.spool.folder import Folder
from segment_identity.spool.own import OwnFile
from segment_identity.spooling import WINDOW

from .support import PATIENCE, Failing, Gate, adds_up, emit, lines, names, run
from .tracking_api import tracking_api

TESTS = Path(__file__).parents[1]
LARGE = 50_000


def left_behind(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.005)


def leave(folder: Path, *wanted: str, **options: object) -> None:
    """Leave events behind as a process does whose destination was down when it ended."""
    spool = Spool(folder, **options)  # type: ignore[arg-type]
    failing = Failing()
    analytics = Analytics(failing, spool=spool, shutdown_timeout=5)
    emit(analytics, *wanted)
    assert not analytics.close()
    stats = analytics.stats()
    assert (stats.pending, stats.stored) == (len(wanted), len(wanted))
    # A new process has another destination object of the same name.
    for file in left_behind(folder):
        _rename_lane(file, "failing", "memory")


def _rename_lane(file: Path, old: str, new: str) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE chunks SET lane = ? WHERE lane = ?", (new, old))


def test_events_are_delivered_in_order_and_nothing_stays(tmp_path: Path) -> None:
    memory = Memory()
    wanted = [f"Event {number}" for number in range(3_000)]
    with Analytics(memory, spool=tmp_path / "spool") as analytics:
        emit(analytics, *wanted)
        assert analytics.flush(PATIENCE)
        stats = analytics.stats()
        assert (stats.delivered, stats.pending, stats.stored) == (3_000, 0, 0)
    assert names(memory) == wanted
    assert list((tmp_path / "spool").iterdir()) == []


def test_what_is_stored_is_counted_and_adds_up(tmp_path: Path) -> None:
    gate = Gate()
    analytics = Analytics(gate, spool=tmp_path)
    emit(analytics, *["Event"] * 700)
    assert analytics.store()
    stats = analytics.stats()
    assert (stats.accepted, stats.pending, stats.stored) == (700, 700, 700)
    assert adds_up(stats)
    gate.opened.set()
    assert analytics.close(PATIENCE)
    assert analytics.stats().stored == 0


def test_without_a_spool_nothing_can_be_stored() -> None:
    with Analytics(Memory()) as analytics:
        emit(analytics, "One")
        assert not analytics.store()


def test_next_process_delivers_what_the_last_one_left(tmp_path: Path) -> None:
    wanted = [f"Event {number}" for number in range(1_200)]
    leave(tmp_path, *wanted)
    memory = Memory()
    with Analytics(memory, spool=tmp_path) as analytics:
        analytics.start()
        wait_for(lambda: len(memory.messages) == 1_200)
        stats = analytics.stats()
    assert (stats.accepted, stats.adopted, adds_up(stats)) == (1_200, 1_200, True)
    assert names(memory) == wanted
    assert left_behind(tmp_path) == []


def test_what_a_killed_adopter_had_moved_in_part_stays_in_order(tmp_path: Path) -> None:
    wanted = [f"Event {number}" for number in range(1_200)]
    leave(tmp_path, *wanted)
    (file,) = left_behind(tmp_path)
    with (
        contextlib.closing(SpoolFile.open(file)) as rest,
        contextlib.closing(SpoolFile.open(tmp_path / "~adopter.spool")) as moved,
    ):
        first, *_ = rest.stored()
        assert first.events < 1_200
        moved.insert([(first, rest.load(first.seq))])
        rest.remove([first.seq])
    memory = Memory()
    with Analytics(memory, spool=tmp_path) as analytics:
        analytics.start()
        wait_for(lambda: len(memory.messages) == 1_200)
    assert names(memory) == wanted


def test_one_process_at_a_time_adopts(tmp_path: Path) -> None:
    leave(tmp_path, "Old")
    memory = Memory()
    with (
        Folder(tmp_path, power_safe=False).claimed() as is_ours,
        Analytics(memory, spool=tmp_path) as analytics,
    ):
        assert is_ours
        emit(analytics, "New")
        assert analytics.flush(PATIENCE)
        assert analytics.stats().faults == {}
    assert names(memory) == ["New"]
    with Analytics(memory, spool=tmp_path) as analytics:
        analytics.start()
        wait_for(lambda: len(memory.messages) == 2)


def test_first_event_makes_a_process_adopt_what_was_left(tmp_path: Path) -> None:
    leave(tmp_path, "Old")
    memory = Memory()
    with Analytics(memory, spool=tmp_path) as analytics:
        emit(analytics, "New")
        wait_for(lambda: len(memory.messages) == 2)
    assert sorted(names(memory)) == ["New", "Old"]


def test_file_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    gate, memory = Gate(), Memory()
    first = Analytics(gate, spool=tmp_path)
    emit(first, *["Event"] * 100)
    assert first.store()
    with Analytics(memory, spool=tmp_path) as second:
        second.start()
        emit(second, "Other")
        assert second.flush(PATIENCE)
    assert names(memory) == ["Other"]
    gate.opened.set()
    assert first.close(PATIENCE)
    assert len(gate.messages) == 100


def test_events_of_a_destination_that_is_no_longer_there_stay(tmp_path: Path) -> None:
    leave(tmp_path, "One")
    (file,) = left_behind(tmp_path)
    _rename_lane(file, "memory", "segment")
    memory = Memory()
    with Analytics(memory, spool=tmp_path) as analytics:
        analytics.start()
        wait_for(lambda: analytics.stats().faults.get("spool_unclaimed", 0) > 0)
        assert analytics.stats().accepted == 0
    assert left_behind(tmp_path) == [file]


def test_what_waits_for_one_of_two_addresses_is_never_given_to_the_other(tmp_path: Path) -> None:
    down = [(503, {"Retry-After": "60"})]
    with tracking_api(*down) as first, tracking_api() as second:
        analytics = Analytics(first.url, second.url, spool=tmp_path)
        emit(analytics, "Event")
        wait_for(lambda: len(first.requests) == len(second.taken) == 1)
        assert not analytics.close(PATIENCE)
        # The first is taken out, and then comes back elsewhere.
        with Analytics(second.url, spool=tmp_path) as analytics:
            analytics.start()
            wait_for(lambda: analytics.stats().faults.get("spool_unclaimed", 0) > 0)
            assert analytics.stats().accepted == 0
        with Analytics(second.url, first.url, spool=tmp_path) as analytics:
            analytics.start()
            wait_for(lambda: len(first.taken) == 1)
        assert len(second.taken) == 1
    assert left_behind(tmp_path) == []


class Called(Memory):
    def __init__(self, name: str | None = None, fingerprint: str | None = None) -> None:
        super().__init__()
        self.name, self.fingerprint = name, fingerprint


@pytest.mark.parametrize(
    "several",
    [
        (Memory(), Memory()),
        ("memory:", "memory:"),
        (Called("one"), Called()),
        (Called(fingerprint="a"), Called()),
    ],
    ids=["objects", "urls", "one name", "one fingerprint"],
)
def test_several_that_a_spool_cannot_tell_apart_are_refused(
    tmp_path: Path, several: tuple[Memory | str, ...]
) -> None:
    with pytest.raises(ConfigurationError, match=r"tell apart .* want a name for each"):
        Analytics(*several, spool=tmp_path)
    assert not list(tmp_path.iterdir())
    with Analytics(*several) as analytics:
        emit(analytics, "Event")


def test_what_waits_for_one_of_two_names_is_its_own_in_any_order(tmp_path: Path) -> None:
    failing, other = Failing(), Called("other")
    failing.name = "failing"  # type: ignore[attr-defined]
    analytics = Analytics(failing, other, spool=tmp_path, shutdown_timeout=PATIENCE)
    emit(analytics, "Event")
    wait_for(lambda: bool(failing.attempts and other.messages))
    assert not analytics.close(PATIENCE)
    other, back = Called("other"), Called("failing")
    with Analytics(other, back, spool=tmp_path) as analytics:
        analytics.start()
        wait_for(lambda: bool(back.messages))
    assert not other.messages


def test_a_key_that_is_mended_gets_what_waited_for_the_wrong_one(tmp_path: Path) -> None:
    with tracking_api((401, {})) as api:
        analytics = Analytics(api.url.replace("write-key-1", "mistyped"), spool=tmp_path)
        emit(analytics, "Event")
        wait_for(lambda: len(api.requests) == 1)
        assert not analytics.close(PATIENCE)
        assert "mistyped" not in left_behind(tmp_path)[0].read_bytes().decode("latin-1")
        with Analytics(api.url, spool=tmp_path) as analytics:
            analytics.start()
            wait_for(lambda: len(api.taken) == 1)


def test_what_an_earlier_version_kept_by_position_is_delivered(tmp_path: Path) -> None:
    with tracking_api((401, {})) as api:
        analytics = Analytics(api.url, spool=tmp_path)
        emit(analytics, "Event")
        wait_for(lambda: len(api.requests) == 1)
        assert not analytics.close(PATIENCE)
        (file,) = left_behind(tmp_path)
        with contextlib.closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("UPDATE chunks SET lane = 'segment'")
        with Analytics(api.url, spool=tmp_path) as analytics:
            analytics.start()
            wait_for(lambda: len(api.taken) == 1)


def test_close_does_not_wait_for_a_destination_that_is_down(tmp_path: Path) -> None:
    failing = Failing()
    analytics = Analytics(failing, spool=tmp_path)
    emit(analytics, *["Event"] * 20)
    wait_for(lambda: failing.attempts > 0)
    began = time.monotonic()
    assert not analytics.close(PATIENCE)
    assert time.monotonic() - began < PATIENCE / 3
    assert analytics.stats().stored == 20


def test_closing_delivers_what_is_recorded_while_it_does(tmp_path: Path) -> None:
    """What is on its way into the spool has no thread yet that would wait for it."""

    class Telling(Memory):
        def send(self, batch: Sequence[bytes], /) -> None:
            super().send(batch)
            if len(self.messages) < 5:
                emit(analytics, "Told")

    telling = Telling()
    analytics = Analytics(telling, spool=tmp_path)
    emit(analytics, "Event")
    assert analytics.close(PATIENCE)
    assert names(telling) == ["Event", *["Told"] * 4]
    assert left_behind(tmp_path) == []


def hanging(folder: Path) -> tuple[Gate, Analytics]:
    """Return a destination that hangs with its first event, and who sends to it."""
    gate = Gate()
    analytics = Analytics(gate, spool=folder)
    emit(analytics, "First")
    assert gate.entered.wait(PATIENCE)
    return gate, analytics


def test_closing_waits_for_a_spool_that_cannot_be_read(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "spool", tmp_path / "elsewhere"
    gate, analytics = hanging(folder)
    emit(analytics, *["Large"] * 150, text="x" * 30_000)
    assert analytics.store()
    folder.rename(elsewhere)
    folder.write_text("no folder")
    closing = threading.Thread(target=analytics.close, args=(PATIENCE,))
    closing.start()
    (lane,) = analytics._lanes
    wait_for(lambda: lane.deadline is not None)
    gate.opened.set()
    wait_for(lambda: analytics.stats().faults.get("spool", 0) > 0)
    folder.unlink()
    elsewhere.rename(folder)
    closing.join()
    assert len(gate.messages) == 151
    assert left_behind(folder) == []


def test_a_folder_that_is_back_at_once_holds_nothing_twice(tmp_path: Path) -> None:
    """It came back after the file was missed, and before another took its place."""
    at, elsewhere = tmp_path / "spool", tmp_path / "elsewhere"

    class Back(Folder):
        def create(self) -> SpoolFile:
            if elsewhere.exists():
                elsewhere.rename(at)
            return super().create()

    def none(reason: str, error: BaseException) -> None:
        raise error

    own = OwnFile(Back(at, power_safe=False), none)
    first, second = (Chunk([event], 1, len(event)) for event in (b"1", b"2"))
    own.insert([("memory", 0, 0.0, first)])
    at.rename(elsewhere)
    own.insert([("memory", 0, 0.0, second)])
    assert len(left_behind(at)) == 1
    assert [own.load(seq) for seq in (1, 2)] == [[b"1"], [b"2"]]
    own.remove((1, 2))
    own.close()
    assert left_behind(at) == []


def test_analytics_that_was_closed_goes_on_with_its_own_file(tmp_path: Path) -> None:
    failing = Failing()
    analytics = Analytics(failing, spool=tmp_path)
    emit(analytics, *[f"Event {number}" for number in range(900)])
    assert not analytics.close(PATIENCE)
    failing.is_up = True
    emit(analytics, "Last")
    assert analytics.flush(PATIENCE)
    assert analytics.close(PATIENCE)
    assert names(failing) == [*[f"Event {number}" for number in range(900)], "Last"]
    assert left_behind(tmp_path) == []
    assert adds_up(analytics.stats())


def test_what_a_closed_analytics_left_to_another_is_not_lost(tmp_path: Path) -> None:
    failing, memory = Failing(), Memory()
    failing.name = memory.name = "one"  # type: ignore[attr-defined]
    analytics = Analytics(failing, spool=tmp_path)
    # More than is in memory as well, which this process sends again.
    emit(analytics, *[f"Event {number}" for number in range(600)], text="x" * 8_000)
    assert not analytics.close(PATIENCE)
    with Analytics(memory, spool=tmp_path, shutdown_timeout=PATIENCE) as other:
        other.start()
        wait_for(lambda: other.stats().delivered == 600)
    failing.is_up = True
    emit(analytics, "Last")
    assert analytics.flush(PATIENCE)
    assert analytics.close(PATIENCE)
    stats = analytics.stats()
    assert adds_up(stats)
    assert stats.dropped == {"left_behind": 601 - stats.delivered}
    assert names(memory) == [f"Event {number}" for number in range(600)]
    assert names(failing)[-1] == "Last"


def test_a_long_outage_stays_on_disk_and_not_in_memory(tmp_path: Path) -> None:
    """Far more than may wait in memory is accepted, and delivered when the time comes."""
    failing = Failing()
    analytics = Analytics(failing, spool=tmp_path, max_bytes=2_000_000, max_events=1_000)
    wanted = [f"Event {number}" for number in range(2_000)]
    for start in range(0, 2_000, 20):
        emit(analytics, *wanted[start : start + 20], text="x" * 8_000)
        assert analytics.store()
    stats = analytics.stats()
    assert (stats.dropped, stats.stored) == ({}, 2_000)
    failing.is_up = True
    assert analytics.flush(PATIENCE)
    assert analytics.close(PATIENCE)
    assert names(failing) == wanted


def test_a_burst_is_bounded_by_bytes_alone_on_its_way_into_the_spool(tmp_path: Path) -> None:
    gate, spool = Gate(), Spool(tmp_path)
    analytics = Analytics(gate, spool=spool)
    # As long as the disk is busy nothing is stored.
    spool.hold()
    emit(analytics, *["Event"] * 15_000)
    spool.release()
    assert analytics.store()
    stats = analytics.stats()
    assert (stats.dropped, stats.stored) == ({}, 15_000)
    gate.opened.set()
    assert analytics.flush(PATIENCE)
    assert analytics.close(PATIENCE)


def test_spool_that_is_full_drops_the_newest_and_says_so(tmp_path: Path) -> None:
    failing = Failing()
    faults: list[Fault] = []
    spool = Spool(tmp_path, max_bytes=100_000)
    analytics = Analytics(failing, spool=spool, on_error=faults.append)
    for number in range(30):
        emit(analytics, f"Event {number}", text="x" * 9_000)
        analytics.store()
    stats = analytics.stats()
    assert stats.dropped == {"spool_full": 20}
    assert (stats.stored, adds_up(stats)) == (10, True)
    failing.is_up = True
    assert analytics.flush(PATIENCE)
    emit(analytics, "There is room again")
    assert analytics.close(PATIENCE)
    assert names(failing) == [*[f"Event {n}" for n in range(10)], "There is room again"]
    assert sum(fault.events for fault in faults if fault.reason == "spool_full") == 20


def test_events_that_are_too_old_are_dropped_and_counted(tmp_path: Path) -> None:
    leave(tmp_path, "Old", "Older", clock=lambda: time.time() - 1_000)
    memory = Memory()
    spool = Spool(tmp_path, max_age=500)
    with Analytics(memory, spool=spool) as analytics:
        analytics.start()
        wait_for(lambda: analytics.stats().accepted > 0)
        stats = analytics.stats()
        assert (stats.dropped, adds_up(stats)) == ({"expired": 2}, True)
    assert memory.messages == []
    assert left_behind(tmp_path) == []


def test_own_events_expire_during_an_outage(tmp_path: Path) -> None:
    now = [1_000_000.0]
    failing = Failing()
    spool = Spool(tmp_path, max_age=500, clock=lambda: now[0])
    analytics = Analytics(failing, spool=spool, shutdown_timeout=0.1)
    emit(analytics, "In hand")
    assert analytics.store()
    wait_for(lambda: failing.attempts > 0)
    emit(analytics, "Old")
    assert analytics.store()
    assert not analytics.close()
    now[0] += 1_000
    # Another start looks at once, as one does every ten seconds.
    spool._looked = float("-inf")
    analytics.start()
    wait_for(lambda: bool(analytics.stats().dropped))
    assert set(analytics.stats().dropped) == {"expired"}
    assert adds_up(analytics.stats())
    failing.is_up = True
    assert analytics.flush(PATIENCE)
    assert analytics.close(PATIENCE)


def test_dead_letter_is_kept_with_the_kind_of_its_error(tmp_path: Path) -> None:
    class Refused(Undeliverable):
        pass

    class Picky(Memory):
        def send(self, batch: object, /) -> None:
            assert isinstance(batch, list)
            if any(b'"Poison"' in event for event in batch):
                raise Refused("ada@example.com")
            super().send(batch)

    picky = Picky()
    spool = Spool(tmp_path)
    with Analytics(picky, spool=spool, shutdown_timeout=PATIENCE) as analytics:
        emit(analytics, "One", "Poison", "Two")
        assert analytics.flush(PATIENCE)
    assert names(picky) == ["One", "Two"]
    (letter,) = spool.dead_letters.listed()
    assert (letter.destination, letter.error) == ("picky", "Refused")
    assert json.loads(letter.event)["event"] == "Poison"
    assert spool.dead_letters.listed("another") == []
    assert left_behind(tmp_path) == []


KILLED = """
import sys, threading
from segment_identity import Analytics
from segment_identity.spool import Spool
from delivery.support import Failing, emit

analytics = Analytics(Failing(), spool=Spool(sys.argv[1], power_safe=True))
for number in range(10_000):
    emit(analytics, f"Event {number}")
    if number % 37 == 0 and analytics.store():
        print(number, flush=True)
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_was_reported_stored_survives_a_kill(tmp_path: Path, seed: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        first = process.stdout.readline()
        time.sleep(random.Random(seed).uniform(0.05, 0.4))
        process.send_signal(signal.SIGKILL)
        reported = [int(line) for line in (first + process.stdout.read()).split()]
    (file,) = left_behind(tmp_path)
    _rename_lane(file, "failing", "memory")
    memory = Memory()
    with Analytics(memory, spool=tmp_path) as analytics:
        analytics.start()
        wait_for(lambda: analytics.stats().adopted > reported[-1])
        assert analytics.flush(PATIENCE)
        assert adds_up(analytics.stats())
    came = names(memory)
    assert came == [f"Event {number}" for number in range(len(came))]
    assert len(came) > reported[-1]


INTO_TABLES = """
import sys
from segment_identity import Analytics
from delivery.support import emit

analytics = Analytics(f"sqlite:///{sys.argv[1]}/events.db", spool=sys.argv[1] + "/spool")
for number in range(1_000_000):
    emit(analytics, "Seen", number=number)
    if number % 50 == 0 and analytics.store():
        print(number, flush=True)
"""


def test_killed_again_and_again_nothing_is_lost_or_doubled_in_the_tables(tmp_path: Path) -> None:
    reported = []
    for seed in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", INTO_TABLES, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        with process:
            first = process.stdout.readline()
            time.sleep(random.Random(seed).uniform(0.05, 0.5))
            process.send_signal(signal.SIGKILL)
            reported.append([int(line) for line in (first + process.stdout.read()).split()][-1])
    with Analytics(f"sqlite:///{tmp_path}/events.db", spool=tmp_path / "spool") as analytics:
        analytics.start()
        wait_for(lambda: len(left_behind(tmp_path / "spool")) <= 1)
        assert analytics.flush(PATIENCE)
    with contextlib.closing(sqlite3.connect(tmp_path / "events.db")) as connection:
        rows = connection.execute("SELECT number, count(*) FROM seen GROUP BY number").fetchall()
    times = dict(rows)
    # Each run counts from 0: a number that all four had reported stored is there four times.
    for number in range(min(reported) + 1):
        assert times[number] == 4, number
    assert sum(times.values()) >= sum(reported) + 4


def test_file_that_was_deleted_is_made_again_with_what_it_held(tmp_path: Path) -> None:
    failing = Failing()
    analytics = Analytics(failing, spool=tmp_path / "spool")
    emit(analytics, *["Event"] * 50)
    assert analytics.store()
    for file in (tmp_path / "spool").iterdir():
        file.unlink()
    emit(analytics, "After")
    assert analytics.store()
    (file,) = left_behind(tmp_path / "spool")
    assert not analytics.close(0.2)
    opened = SpoolFile.open(file)
    assert sum(row.events for row in opened.stored()) == 51
    opened.close()
    failing.is_up = True
    assert analytics.flush(PATIENCE)
    assert analytics.close(PATIENCE)
    assert len(failing.messages) == 51


@pytest.mark.parametrize("seed", range(20))
def test_damaged_file_harms_nobody(tmp_path: Path, seed: int) -> None:
    wanted = [f"Event {number}" for number in range(300)]
    leave(tmp_path, *wanted)
    (file,) = left_behind(tmp_path)
    chance = random.Random(seed)
    content = bytearray(file.read_bytes())
    for _ in range(chance.choice([1, 30, 1_000])):
        content[chance.randrange(len(content))] = chance.randrange(256)
    file.write_bytes(content)
    memory = Memory()
    with Analytics(memory, spool=tmp_path) as analytics:
        analytics.start()
        emit(analytics, "New")
        wait_for(lambda: not file.exists() or bool(analytics.stats().faults))
        assert analytics.flush(PATIENCE)
        stats = analytics.stats()
    assert adds_up(stats)
    assert stats.pending == 0
    assert set(names(memory)) <= {*wanted, "New"}
    assert "New" in names(memory)


def test_file_that_is_no_database_is_put_aside(tmp_path: Path) -> None:
    file = tmp_path / "1-0.spool"
    file.write_bytes(b"no database at all " * 100)
    memory = Memory()
    with Analytics(memory, spool=tmp_path) as analytics:
        analytics.start()
        wait_for(lambda: not file.exists())
        emit(analytics, "One")
    assert names(memory) == ["One"]
    assert file.with_suffix(".damaged").exists()


def test_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    leave(tmp_path, "One")
    (file,) = left_behind(tmp_path)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 2")
    before = file.read_bytes()
    with Analytics(Memory(), spool=tmp_path) as analytics:
        analytics.start()
        wait_for(lambda: "spool_foreign" in analytics.stats().faults)
    assert file.read_bytes() == before


def test_folder_that_cannot_be_written_costs_no_event(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    gate = Gate()
    spool = Spool(tmp_path / "folder")
    (tmp_path / "folder").touch()
    with Analytics(gate, spool=spool) as analytics:
        emit(analytics, *["Event"] * 100)
        assert not analytics.store()
        gate.opened.set()
        assert analytics.flush(PATIENCE)
        stats = analytics.stats()
        assert (stats.delivered, stats.stored) == (100, 0)
        assert stats.faults["spool"] > 0
        (tmp_path / "folder").unlink()
        emit(analytics, "Later")
        assert analytics.store()
    assert len(gate.messages) == 101


FORK = """
import os, sys
from segment_identity import Analytics
from delivery.support import Appending, Gate, emit

gate = Gate()
analytics = Analytics(Appending(sys.argv[1]), gate, spool=sys.argv[2])
emit(analytics, *["Parent"] * 300)
assert analytics.store()
gate.entered.wait(10)
children = []
for number in range(4):
    child = os.fork()
    if child == 0:
        gate.opened.set()
        emit(analytics, *[f"Child {number}"] * 100)
        sys.exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
emit(analytics, *["Parent"] * 100)
gate.opened.set()
assert analytics.close(20)
assert len(gate.messages) == 400, len(gate.messages)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_forked_children_have_files_of_their_own(tmp_path: Path) -> None:
    run(FORK, tmp_path / "events", tmp_path / "spool", flags=())
    came = [each["event"] for each in lines(tmp_path / "events")]
    assert {name: came.count(name) for name in set(came)} == {
        "Parent": 400,
        **{f"Child {number}": 100 for number in range(4)},
    }
    assert left_behind(tmp_path / "spool") == []


def test_interpreter_that_exits_during_an_outage_leaves_its_events(tmp_path: Path) -> None:
    program = """
import sys
from segment_identity import Analytics
from delivery.support import Failing, emit
emit(Analytics(Failing(), spool=sys.argv[1]), *["Event"] * 1_000)
"""
    run(program, tmp_path)
    (file,) = left_behind(tmp_path)
    opened = SpoolFile.open(file)
    assert sum(row.events for row in opened.stored()) == 1_000
    opened.close()


def test_the_oldest_dead_letters_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "_MOST", 1_000)
    letters = dead_letters.DeadLetters(tmp_path)
    for number in range(250):
        letters.add("one", b"%010d" % number, "Undeliverable")
    left = [int(each.event) for each in letters.listed()]
    assert left == list(range(left[0], 250))
    assert 1 <= len(left) <= 100


@pytest.mark.parametrize("wanted", [7, "", b"spool", object(), "a\x00b"])
def test_spool_that_is_no_folder_is_refused(wanted: object) -> None:
    with pytest.raises(ConfigurationError, match="spool was given"):
        Analytics(Memory(), spool=wanted)  # type: ignore[arg-type]


def test_spool_options_are_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="want a folder"):
        Spool(tmp_path / "file")
    with pytest.raises(UnknownOption, match="did you mean 'max_bytes'"):
        Spool(tmp_path, max_byte=3)  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match="max_age was given"):
        Spool(tmp_path, max_age=0)
    with pytest.raises(ConfigurationError, match=r"max_bytes was given 0\.5; want a whole"):
        Spool(tmp_path, max_bytes=0.5)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="max_bytes was given inf"):
        Spool(tmp_path, max_bytes=float("inf"))  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="power_safe was given 'no'"):
        Spool(tmp_path, power_safe="no")  # type: ignore[arg-type]


def test_store_says_no_while_events_are_in_memory_alone(tmp_path: Path) -> None:
    """What the disk once did not take stays there, whatever is stored later."""
    folder = tmp_path / "spool"
    folder.write_text("no folder")
    folder.unlink()
    gate = Gate()
    analytics = Analytics(gate, spool=folder)
    folder.write_text("no folder")
    emit(analytics, "One")
    assert not analytics.store()
    folder.unlink()
    assert not analytics.store()
    emit(analytics, "Two")
    assert not analytics.store()
    gate.opened.set()
    assert analytics.flush(PATIENCE)
    emit(analytics, "Three")
    assert analytics.store()
    assert analytics.close(PATIENCE)
    assert names(gate) == ["One", "Two", "Three"]


def test_what_the_disk_did_not_take_is_not_taken_for_stored(tmp_path: Path) -> None:
    """Else closing would leave it to the next process, which never sees it."""
    folder, elsewhere = tmp_path / "spool", tmp_path / "elsewhere"
    gate, analytics = hanging(folder)
    emit(analytics, "Stored")
    assert analytics.store()
    folder.rename(elsewhere)
    folder.write_text("no folder")
    emit(analytics, "In memory")
    assert not analytics.store()
    folder.unlink()
    elsewhere.rename(folder)
    gate.opened.set()
    assert analytics.flush(PATIENCE)
    assert analytics.stats().stored == 0
    assert analytics.close(PATIENCE)
    assert names(gate) == ["First", "Stored", "In memory"]


def test_a_batch_is_stored_or_in_memory_and_never_both() -> None:
    backlog = Backlog()
    for seqs in ((1,), (2,), (), (), (3,)):
        backlog.add(Chunk([b"event"], 1, 5, seqs=seqs))
    taken = [backlog.take() for _ in range(3)]
    assert [[chunk.seqs for chunk in batch] for batch in taken] == [[(1,), (2,)], [(), ()], [(3,)]]


def test_part_of_a_chunk_that_waits_again_is_sent_once() -> None:
    """The part that was delivered is still in the file, at the place of the whole."""
    backlog = Backlog()
    backlog.add(Chunk([b"a" * 1_000] * 3, 3, 3_000, seqs=(1,)))
    backlog.take()
    # Meanwhile what comes fills the memory that stored events may take.
    for number in range(2, 2 + WINDOW // 1_000 + 1):
        backlog.add(Chunk([b"b" * 1_000], 1, 1_000, seqs=(number,)))
    backlog.put_back(Chunk([b"a" * 1_000] * 2, 2, 2_000, seqs=(1,)))
    assert backlog.take()[0].events == [b"a" * 1_000] * 2
