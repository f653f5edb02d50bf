"""How events lie in the spool, and where it may be."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import spooling
from segment_identity.batching import MAX_BATCH_BYTES, MAX_BATCH_EVENTS
from segment_identity.spooling import Limits

events = st.lists(st.dictionaries(st.text(), st.text()).map(lambda each: json.dumps(each).encode()))


@given(events.filter(bool))
def test_what_is_packed_comes_out_again(given_events: list[bytes]) -> None:
    body = spooling.pack(given_events)
    assert spooling.unpack(body, spooling.checksum(body)) == given_events


@given(events.filter(bool), st.randoms())
def test_a_body_that_was_damaged_is_not_read(
    given_events: list[bytes], chance: random.Random
) -> None:
    body = spooling.pack(given_events)
    position = chance.randrange(len(body))
    damaged = body[:position] + bytes([body[position] ^ (1 << chance.randrange(8))])
    damaged += body[position + 1 :]
    assert spooling.unpack(damaged, spooling.checksum(body)) == []


@given(st.lists(st.lists(st.floats(0, 1e10))))
def test_files_are_read_side_by_side_by_age_each_in_its_own_order(files: list[list[float]]) -> None:
    order = spooling.by_age(files)
    assert sorted(order) == [(f, row) for f, times in enumerate(files) for row in range(len(times))]
    for number in range(len(files)):
        rows = [row for file, row in order if file == number]
        assert rows == sorted(rows)
    if all(times == sorted(times) for times in files):
        made = [files[file][row] for file, row in order]
        assert made == sorted(made)


def test_what_is_stored_together_has_times_in_order() -> None:
    times = [at for at, _ in spooling.timed(range(1_000), 1.8e9)]
    assert times == sorted(set(times))


def test_a_clock_that_was_set_back_does_not_turn_the_order_of_a_file() -> None:
    assert spooling.by_age([[5.0, 1.0], [3.0, 6.0]]) == [(1, 0), (0, 0), (0, 1), (1, 1)]


def test_nothing_is_no_event() -> None:
    assert spooling.unpack(b"", spooling.checksum(b"")) == []


@given(st.lists(st.integers(1, 32_768).map(bytes), max_size=60))
def test_batches_hold_everything_in_order_within_the_limits(given_events: list[bytes]) -> None:
    batches = list(spooling.batches(given_events))
    assert [event for batch in batches for event in batch] == given_events
    for batch in batches:
        assert 0 < len(batch) <= MAX_BATCH_EVENTS
        assert sum(map(len, batch)) <= MAX_BATCH_BYTES


def test_limits_are_of_bytes_and_of_seconds() -> None:
    limits = Limits(bytes=100, age=60.0)
    assert limits.refusal(90, 10) is None
    assert limits.refusal(91, 10) == "spool_full"
    assert limits.oldest(1_000.0) == 940.0


MOUNTS = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 21 0:31 / /srv rw shared:2 - nfs4 server:/srv rw
41 21 0:32 / /srv/local rw - xfs /dev/sdb1 rw
42 21 0:33 / /mnt/my\\040share rw - cifs //server/share rw
43 21 0:34 / /home rw - fuse.sshfs me@server:/home rw
44 21 0:35 / /data rw - nfs server:/data rw
45 21 0:36 / /data rw - ext4 /dev/sdc1 rw
broken line
46 21 0:37
"""


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/var/spool", None),
        ("/srv", "nfs4"),
        ("/srv/app/spool", "nfs4"),
        ("/srvx/spool", None),
        ("/srv/local/spool", None),
        ("/mnt/my share/spool", "cifs"),
        ("/home/ada/spool", "fuse.sshfs"),
        ("/data/spool", None),
    ],
)
def test_a_network_file_system_is_known_by_its_mount(path: str, wanted: str | None) -> None:
    assert spooling.network_file_system(path, MOUNTS.splitlines()) == wanted


@given(st.text(), st.lists(st.text()))
def test_odd_mounts_raise_nothing(path: str, mounts: list[str]) -> None:
    spooling.network_file_system(path, mounts)
