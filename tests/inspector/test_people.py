"""The people of the inspector, who come from a database that nobody else closes."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from segment_identity import Analytics
from segment_identity.inspector.people import People


@pytest.fixture
def closed() -> Iterator[list[object]]:
    """Return the connections that were closed, and not only let go of."""
    found: list[object] = []

    def note(connection: object, _: object) -> None:
        found.append(connection)

    event.listen(Pool, "close", note)
    yield found
    event.remove(Pool, "close", note)


def test_an_inspector_that_is_gone_closes_its_database(
    tmp_path: Path, closed: list[object]
) -> None:
    url = f"sqlite:///{tmp_path}/analytics.db"
    with Analytics(url) as analytics:
        analytics.identity(user_id="ada").track("Seen")
    people = People(url, "first")
    assert people.person("nobody") is None
    gc.collect()
    before = len(closed)
    del people
    gc.collect()
    assert len(closed) == before + 1
