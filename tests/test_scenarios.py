"""The seed's scenarios: two clients of the shop, over days, asked for in SQL as a person would."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from browser.shop import rows
from starlette.testclient import TestClient

from example_app.app import create_app

DAY: Final = 86_400.0
ADA: Final = {"name": "Ada", "email": "ada@example.com", "password": "difference engine"}
NAVIGATION: Final = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
WHOSE: Final = """
SELECT attributed_user_id, type, name FROM profile_events
WHERE anonymous_id = '{}' ORDER BY timestamp, type
"""


class Shop:
    """The shop on one database, open on one day at a time."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self._began = time.time() - 10 * DAY

    def on(self, day: int, *cookies: Any) -> Iterator[list[TestClient]]:
        """Open it for clients who come back with these cookies."""
        moment = self._began + day * DAY

        def clock() -> float:
            nonlocal moment
            moment += 0.5
            return moment

        app = create_app(self.database, "a-key-for-tests-Rk3vTq9w", Path("nowhere"), clock)
        with TestClient(app):
            yield [
                TestClient(app, base_url="http://127.0.0.1:8000", headers=NAVIGATION, cookies=each)
                for each in cookies
            ]

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        return rows(self.database, sql)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop.db")


def test_a_past_becomes_hers_on_each_device_where_she_says_who_she_is(shop: Shop) -> None:
    for laptop, phone in shop.on(1, None, None):
        laptop.get("/")
        laptop.get("/plants/zz")
        phone.get("/basket")
        at_home, on_the_way = laptop.cookies, phone.cookies
    home, way = at_home["ajs_anonymous_id"], on_the_way["ajs_anonymous_id"]
    assert shop.ask("SELECT count(*) FROM profiles WHERE user_id IS NOT NULL") == [(0,)]

    # Scenario 1: two days later, on the same device, she signs up.
    for laptop, phone in shop.on(3, at_home, on_the_way):
        laptop.get("/")
        assert laptop.post("/sign-up", data=ADA).url.path == "/welcome"
        phone.get("/plants/zz")
        at_home, on_the_way = laptop.cookies, phone.cookies
    ((ada,),) = shop.ask("SELECT user_id FROM profiles WHERE user_id IS NOT NULL")
    at_laptop = shop.ask(WHOSE.format(home))
    assert {row[0] for row in at_laptop} == {ada}
    assert [row[1] for row in at_laptop][:3] == ["page", "track", "page"], "those of the first day"
    assert ("Signed Up",) in {row[2:] for row in at_laptop}

    # Scenario 2: the phone, where nobody has said who it is, stays nobody's.
    at_phone = shop.ask(WHOSE.format(way))
    assert {row[0] for row in at_phone} == {None}
    assert len(at_phone) == 3
    assert shop.ask("SELECT user_ids, anonymous_ids FROM profiles ORDER BY user_id") == [
        (0, 1),
        (1, 1),
    ]

    # Scenario 3: she logs in there too, and its past is hers as well.
    for (phone,) in shop.on(4, on_the_way):
        phone.post("/log-in", data=ADA)
        assert phone.cookies["ajs_anonymous_id"] == way
    at_phone = shop.ask(WHOSE.format(way))
    assert {row[0] for row in at_phone} == {ada}
    assert [row[1] for row in at_phone][:3] == ["page", "track", "page"]
    assert shop.ask("SELECT user_id, user_ids, anonymous_ids FROM profiles") == [(ada, 1, 2)]
    ((first, known),) = shop.ask("SELECT first_seen, known_since FROM profiles")
    assert first < known
    devices = "SELECT value FROM id_graph WHERE canonical_segment_id = 'user_id:{}' AND type = '{}'"
    found = shop.ask(devices.format(ada, "anonymous_id"))
    assert {row[0] for row in found} == {home, way}
