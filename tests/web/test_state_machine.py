"""Whatever people, pages, neighbours and time do, in any order, the promises hold."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from .browser_model import Browser


def test_browser_and_server_keep_one_identity() -> None:
    run_state_machine_as_test(
        Browser,
        settings=settings(
            max_examples=1_200,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
