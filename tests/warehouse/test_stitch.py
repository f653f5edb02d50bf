"""Profiles are rebuilt from rows: the same, whoever loaded them and whatever interrupts."""

import threading
from typing import Any, Final

from segment_identity.messages import Message
from segment_identity.warehouse import Profiles, Warehouse
from segment_identity.warehouse.stitch import Stitched

from .loader import insist
from .loading import load
from .made import fitting, made
from .support import Database, batch, message

TABLES: Final = ("profile_ids", "profile_links", "profile_aliases", "profile_traits", "id_graph")


def people(database: Database) -> dict[str, list[str]]:
    return {name: sorted(map(str, database.rows(name))) for name in TABLES}


def loaded(url: str, events: list[Message], **options: Any) -> None:
    warehouse = Warehouse(url, **options)
    load(warehouse, events)
    warehouse.close()


def test_profiles_are_those_that_a_loader_makes(database: Database, other: Database) -> None:
    events = fitting(900, seed=1)
    loaded(other.url, events)
    loaded(database.url, events, profiles=None)
    with Profiles(database.url) as profiles:
        done = profiles.stitch()
    assert (sum(done.rows.values()), done.skipped, done.is_whole) == (900, 0, True)
    assert people(database) == people(other)


CALLED: Final = [
    {"firstName": "Ada", "address": {"city": "Wien", "zip": 1010}, "tags": ["a", 1], "vip": True},
    {"firstName": "Eve", "address": {"city": "Graz"}, "score": 9.5, "since": "2026-01-31"},
    {"first name": "Bob", "tags": [], "score": 7, "empty": "", "address": {"country": "AT"}},
]


def test_rows_that_were_loaded_with_profiles_change_nothing(database: Database) -> None:
    events = [message(day, "identify", traits=each) for day, each in enumerate(CALLED, 1)]
    loaded(database.url, events + made(300, seed=2))
    before = database.everything()
    with Profiles(database.url) as profiles:
        for _ in range(2):
            assert profiles.stitch().is_whole
            assert database.everything() == before


def test_a_run_that_is_stopped_goes_on(database: Database, other: Database) -> None:
    events = fitting(2_500, seed=3)
    loaded(other.url, events)
    loaded(database.url, events, profiles=None)
    read = []
    with Profiles(database.url) as profiles:
        for _ in range(100):
            stop = threading.Event()

            def halt(done: int, total: int, stop: threading.Event = stop) -> None:
                read.append((done, total))
                stop.set()

            found = profiles.stitch(progress=halt, stop=stop)
            if found.is_whole:
                break
    assert found.skipped == read[-1][0] == 2_500
    assert [done for done, _ in read] == sorted(done for done, _ in read)
    assert {total for _, total in read} == {2_500}
    assert people(database) == people(other)
    with Profiles(database.url) as profiles:
        assert profiles.stitch().skipped == 0


def test_loaders_go_on_meanwhile(database: Database, other: Database) -> None:
    events = fitting(1_600, seed=4)
    early, late = events[:800], events[800:]
    loaded(other.url, events)
    loaded(database.url, early, profiles=None)
    warehouse = Warehouse(database.url)

    def go_on() -> None:
        for start in range(0, len(late), 50):
            insist(warehouse, batch(*late[start : start + 50]))

    loading = threading.Thread(target=go_on)
    loading.start()
    with Profiles(database.url) as profiles:
        while loading.is_alive():
            profiles.stitch()
        profiles.stitch()
    loading.join()
    warehouse.close()
    assert people(database) == people(other)


def test_who_was_forgotten_stays_so(database: Database) -> None:
    warehouse = Warehouse(database.url)
    warehouse.send(batch(message(1, event="Bought")))
    with Profiles(database.url) as profiles:
        profiles.forget("ada", scrub=False)
        # As Segment would, who does not know it.
        database.run("INSERT INTO tracks (id, user_id) VALUES ('m-2', 'ada')")
        profiles.stitch()
        assert profiles.whois("ada") is None
    warehouse.close()


SEGMENTS: Final = """
CREATE TABLE identifies (
  id varchar(1024) PRIMARY KEY, anonymous_id varchar(1024), user_id varchar(1024),
  received_at timestamp with time zone, sent_at timestamp with time zone,
  "timestamp" timestamp with time zone, original_timestamp timestamp with time zone,
  uuid_ts timestamp with time zone, uuid bigint, context_ip varchar(1024),
  first_name varchar(1024), seats numeric, vip boolean
);
CREATE TABLE tracks (
  id varchar(1024) PRIMARY KEY, anonymous_id varchar(1024), user_id varchar(1024),
  received_at timestamp with time zone, "timestamp" timestamp with time zone,
  event varchar(1024), event_text varchar(1024)
);
CREATE TABLE users (id varchar(1024) PRIMARY KEY, received_at timestamp with time zone);
INSERT INTO tracks VALUES
  ('m-1', 'device-1', NULL, '2026-01-01T12:00:00Z', '2026-01-01T12:00:00Z', 'seen', 'Seen'),
  ('m-3', 'device-1', 'ada', '2026-01-03T12:00:00Z', '2026-01-03T12:00:00Z', 'bought', 'Bought'),
  ('m-4', NULL, NULL, NULL, NULL, 'odd', 'Odd');
INSERT INTO identifies VALUES ('m-2', 'device-1', 'ada', '2026-01-02T12:00:00Z', NULL,
  '2026-01-02T13:00:00+01:00', NULL, '2026-01-02T12:00:00Z', 7, '203.0.113.7', 'Ada', 5, true);
"""


def test_a_warehouse_that_segment_loads_has_profiles(postgres: Database) -> None:
    for statement in SEGMENTS.split(";\n"):
        if statement.strip():
            postgres.run(statement)
    with Profiles(postgres.url) as profiles:
        assert profiles.stitch() == Stitched({"identifies": 1, "tracks": 3}, 0, True)
        ada = profiles.whois("device-1")
    assert ada is not None
    assert (ada.user_ids, ada.anonymous_ids) == (["ada"], ["device-1"])
    assert (ada.first_seen, ada.known_since) == (
        "2026-01-01T12:00:00.000Z",
        "2026-01-02T12:00:00.000Z",
    )
    assert ada.traits == {"first_name": "Ada", "seats": 5.0, "uuid": 7, "vip": True}
    assert [(call.name, call.was_known) for call in ada.timeline] == [
        ("Seen", False),
        (None, True),
        ("Bought", True),
    ]


def test_an_empty_database_has_no_people(database: Database) -> None:
    if database.is_sqlite:
        database.run("CREATE TABLE other (a TEXT)")
    with Profiles(database.url) as profiles:
        assert profiles.stitch() == Stitched({}, 0, True)
        assert profiles.whois("ada") is None
