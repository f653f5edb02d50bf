"""The pytest fixture `captured_events`, found by pytest itself once the package is installed."""

from collections.abc import Iterator

import pytest

from segment_identity.testing import Captured, capture


@pytest.fixture
def captured_events() -> Iterator[Captured]:
    """Record what the app sends during a test, and send none of it."""
    with capture() as captured:
        yield captured
