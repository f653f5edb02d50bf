"""What the spool decides: how events lie in it, how many may, for how long, and where."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final, TypeVar
from zlib import crc32

import msgspec

from segment_identity.batching import USUAL, Most, batch_length

# The version of the format; files of another version are left to whoever knows it.
VERSION: Final = 1
# How many bytes of one strand's stored events stay in memory too, to save reading them again.
WINDOW: Final = 2 * 1_024 * 1_024
# Seconds; little, and yet surely a difference in the time of day.
_APART: Final = 1e-6

# SQLite's locks are not to be trusted there (sqlite.org/useovernet.html).
_NETWORK: Final = frozenset(
    """
    9p afs beegfs ceph cifs coda davfs fuse.ceph fuse.davfs2 fuse.gcsfuse fuse.glusterfs
    fuse.juicefs fuse.rclone fuse.s3fs fuse.sshfs gfs2 glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2
    orangefs smb2 smb3 smbfs
    """.split()
)

T = TypeVar("T")


class Limits(msgspec.Struct, frozen=True):
    """What one spool file may hold: bytes of events, and seconds of their age."""

    bytes: int = 512 * 1_024 * 1_024
    age: float = 7 * 86_400.0

    def refusal(self, stored: int, more: int) -> str | None:
        """Say why an event of *more* bytes does not go beside *stored* bytes, or None."""
        return "spool_full" if stored + more > self.bytes else None

    def oldest(self, now: float) -> float:
        """Return the time before which nothing is kept."""
        return now - self.age


def pack(events: Sequence[bytes]) -> bytes:
    """Return *events* as lines; JSON holds no line feed of its own."""
    return b"\n".join(events)


def checksum(body: bytes) -> int:
    """Return what tells a damaged body from a whole one."""
    return crc32(body)


def unpack(body: bytes, checked: int) -> list[bytes]:
    """Return the events of a body; none if it is damaged."""
    return body.split(b"\n") if body and crc32(body) == checked else []


def batches(events: Sequence[bytes], limit: Most = USUAL) -> Iterator[list[bytes]]:
    """Cut *events* into what goes together."""
    rest = list(events)
    while rest:
        length = batch_length(map(len, rest), limit)
        yield rest[:length]
        del rest[:length]


def timed(chunks: Iterable[T], now: float) -> Iterator[tuple[float, T]]:
    """Give each of the chunks stored together a time of its own, so that times tell their order."""
    return ((now + number * _APART, chunk) for number, chunk in enumerate(chunks))


def by_age(files: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Return (file, row) for every row of several files, oldest first.

    *files* has the time of each row. The rows of one file stay in their order, even where the clock
    was set back.
    """
    marked = [
        [(time, file, row) for row, time in enumerate(accumulate(times, max))]
        for file, times in enumerate(files)
    ]
    return [(file, row) for _, file, row in heapq.merge(*marked)]


def network_file_system(path: str, mounts: Iterable[str]) -> str | None:
    """Return the kind of network file system that holds *path*, or None.

    *path* is absolute and resolved, *mounts* are the lines of Linux' /proc/self/mountinfo.
    """
    best, kind = "", ""
    for line in mounts:
        before, _, after = line.partition(" - ")
        fields, described = before.split(), after.split()
        if len(fields) < 5 or not described:
            continue
        point = fields[4].replace("\\040", " ")
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        # The last of two mounts on one point is the one that is seen.
        if inside and len(point) >= len(best):
            best, kind = point, described[0]
    return kind if kind in _NETWORK else None
