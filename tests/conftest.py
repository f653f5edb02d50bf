"""What all tests share."""

import os

import pytest
from hypothesis import HealthCheck, settings

# A shared machine pauses now and then; how long one example takes says nothing.
settings.register_profile("ci", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci")

_NO_SKIPS = "SEGMENT_IDENTITY_NO_SKIPS"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Where everything is installed, a skipped test is a failed one."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get(_NO_SKIPS):
        report.outcome = "failed"
        report.longrepr = f"skipped although {_NO_SKIPS} is set: {report.longrepr}"
