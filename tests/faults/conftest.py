"""What the rows of the fault suite share.

The short form runs with all other tests. `make faults` runs the long one, which has longer
outages, more repetitions and `segment-analytics-python` beside ours, and writes
benchmarks/results/faults.md. A failure prints its seed; SEGMENT_IDENTITY_SEED repeats it.
"""

import os
import random
from collections.abc import Iterator

import pytest

from .collecting import Collecting
from .table import LONG, RESULTS, Table


@pytest.fixture(scope="session")
def table(pytestconfig: pytest.Config) -> Iterator[Table]:
    """The table of results, written by the long form; a part of it leaves the other rows."""
    table = Table()
    yield table
    if LONG:
        is_part = pytestconfig.getoption("keyword") and RESULTS.exists()
        before = RESULTS.read_text("utf-8") if is_part else ""
        RESULTS.write_text(table.text(before), "utf-8")


@pytest.fixture
def seed() -> int:
    """The seed of all that is random here, shown by pytest when a test fails."""
    seed = int(os.environ.get("SEGMENT_IDENTITY_SEED") or random.randrange(1 << 32))
    print(f"SEGMENT_IDENTITY_SEED={seed}")  # noqa: T201
    return seed


@pytest.fixture
def collector() -> Iterator[Collecting]:
    """A collector of this test's own."""
    with Collecting() as collecting:
        yield collecting
