"""Load events from a file, batch after batch, as a reader of a stream does that may be killed.

    python loader.py URL FILE PROGRESS SIZE [SEED]

What was loaded is noted after the batch, so a killed one is loaded again; *SEED* shuffles.
"""

import contextlib
import random
import sys
import time
from pathlib import Path

from segment_identity import Unavailable
from segment_identity.warehouse import Warehouse

_PATIENCE = 60.0


def main(url: str, file: str, progress: str, size: int, seed: int | None) -> None:
    """Load all that is not noted yet."""
    events = Path(file).read_bytes().splitlines()
    if seed is not None:
        random.Random(seed).shuffle(events)
    done = Path(progress)
    start = int(done.read_text() or 0) if done.exists() else 0
    warehouse = Warehouse(url)
    print("ready", flush=True)
    for at in range(start, len(events), size):
        insist(warehouse, events[at : at + size])
        noted = done.with_suffix(".new")
        noted.write_text(str(at + size))
        noted.replace(done)
    warehouse.close()
    print("done", flush=True)


def insist(warehouse: Warehouse, batch: list[bytes]) -> None:
    """Load a batch as a lane does, which asks again."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(Unavailable, RuntimeError):
            warehouse.send(batch)
            return
        time.sleep(0.05)
    raise SystemExit("the database did not come back")


if __name__ == "__main__":
    url, file, progress, size, *seed = sys.argv[1:]
    main(url, file, progress, int(size), int(seed[0]) if seed else None)
