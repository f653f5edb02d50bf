"""The example app on days of one's choice: its clock is an argument, and time passes in between."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from servers import in_thread

from browser.shop import rows
from example_app.app import create_app

_DAY: Final = 86_400.0
# At noon, so that no day ends while a test runs.
_DAY_BEFORE_THE_FIRST: Final = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()


class Calendar:
    """A clock that goes on as clocks do, and moves to another day when told."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.day = 1

    def __call__(self) -> float:
        return _DAY_BEFORE_THE_FIRST + self.day * _DAY + time.monotonic() - self._began


class ShopOverDays:
    """The open shop; day 1 is the first of February 2026."""

    def __init__(self, url: str, database: Path, calendar: Calendar) -> None:
        self.url = url
        self._database = database
        self._calendar = calendar

    def goes_on(self, day: int) -> None:
        """Let it be *day*."""
        self._calendar.day = day

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what a query finds in the warehouse."""
        return rows(self._database, sql)


@contextmanager
def open_shop_over_days(database: Path, analytics_js: Path) -> Iterator[ShopOverDays]:
    """Serve the shop from a thread."""
    calendar = Calendar()
    app = create_app(database, "a-key-for-tests-Rk3vTq9w", analytics_js, calendar)
    with in_thread(app) as port:
        yield ShopOverDays(f"http://127.0.0.1:{port}", database, calendar)
