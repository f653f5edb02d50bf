"""What all tests share."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from segment_identity import Analytics
from segment_identity.delivery import processes

# A shared machine pauses now and then; how long one example takes says nothing.
settings.register_profile("ci", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci")

_NO_SKIPS = "SEGMENT_IDENTITY_NO_SKIPS"
# What a skip says that is all right even then: ClickHouse, Spark and dlt weigh more than all else.
_TOO_HEAVY = "make engines"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Where everything is installed, a skipped test is a failed one."""
    outcome = yield
    report = outcome.get_result()
    heavy = _TOO_HEAVY in str(report.longrepr)
    if report.skipped and os.environ.get(_NO_SKIPS) and not heavy:
        report.outcome = "failed"
        report.longrepr = f"skipped although {_NO_SKIPS} is set: {report.longrepr}"


@pytest.fixture(autouse=True)
def nothing_delivers_after_its_test() -> Iterator[None]:
    """Threads that retry would write into the log of whichever test comes next."""
    before = set(processes._open)
    yield
    opened = [each for each in processes._open - before if isinstance(each, Analytics)]
    # One that a module shares stays open, with all of it delivered.
    left = [each for each in opened if each.stats().pending]
    for each in left:
        processes.closed(each)
    assert not left, "this test left an Analytics open that has something to deliver"
