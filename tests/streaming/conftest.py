"""One broker for all tests of this folder."""

from collections.abc import Iterator

import pytest

from .broker import Broker, missing


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Return a running broker; topics are the tests' own."""
    lacking = missing()
    if lacking:
        pytest.skip(lacking)
    broker = Broker(tmp_path_factory.mktemp("broker"))
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
