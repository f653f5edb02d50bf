"""Sites for the tests of the ingest."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from .support import Sites


@pytest.fixture
def open_site() -> Iterator[Sites]:
    with ExitStack() as stack:
        yield Sites(stack)
