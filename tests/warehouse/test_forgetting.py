"""A forgotten person is nowhere, and stays so."""

import itertools
import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa

from segment_identity import Analytics, ConfigurationError, Unavailable, Undeliverable
from segment_identity.erasing import Erased
from segment_identity.messages import Message
from segment_identity.spool.dead_letters import DeadLetters
from segment_identity.spool.file import Stored
from segment_identity.spool.folder import Folder
from segment_identity.warehouse import Profiles, Warehouse

from .loading import encoded, load, query
from .scenarios import call, on

# Texts that are found in a file's bytes if they are there at all.
ADA: Final = "ada-1c0ffee1"
LAPTOP: Final = "laptop-4dd1e5e1"
PHONE: Final = "phone-7e57ab1e"
MAIL: Final = "ada@example-4d4.com"
HERS: Final = (ADA, LAPTOP, PHONE, MAIL)

# Where the file is at hand.
ON_SQLITE: Final = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def life() -> list[Message]:
    """Return what ada did on two devices, and what others did, once on hers."""
    hers = [
        call(1, "Looked Around", **on(LAPTOP)),
        call(1, "Home", "page", **on(LAPTOP)),
        call(2, "signs up", "identify", traits={"email": MAIL, "plan": "free"}, **on(LAPTOP, ADA)),
        call(3, "Bought", properties={"mail": MAIL, "price": 5}, **on(LAPTOP, ADA)),
        call(4, "opens", "screen", **on(PHONE)),
        call(5, "logs in", "identify", traits={"email": MAIL}, **on(PHONE, ADA)),
        call(6, "joins", "group", groupId="acme", traits={"size": 3}, **on(PHONE, ADA)),
        call(7, "renames", "alias", previousId=ADA, **on(PHONE, f"{ADA}-new")),
        # A value that its column does not take.
        call(8, "Bought", properties={"price": MAIL}, **on(PHONE, f"{ADA}-new")),
    ]
    hers[-1]["messageId"] = "bought-again"
    others = [
        call(1, "Bought", properties={"price": 7}, **on("tablet-1", "bob")),
        call(2, "bob signs up", "identify", traits={"plan": "paid"}, **on("tablet-1", "bob")),
        call(9, "Borrowed", **on(LAPTOP, "bob")),
        call(9, "nobody", **on("kiosk-1")),
    ]
    others[0]["messageId"] = "bob-bought"
    return [*hers, *others]


def traces(folder: Path) -> list[str]:
    """Return what is left of her in the bytes of any file of a folder."""
    return [
        f"{text} in {path.name}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for text in HERS
        if text.encode() in path.read_bytes()
    ]


@ON_SQLITE
def test_nothing_of_her_is_left_in_the_file(
    warehouse: Warehouse, profiles: Profiles, tmp_path: Path
) -> None:
    # With many others around, whose rows have moved hers about.
    crowd = [
        {
            **call(number % 28 + 1, "Crowd", **on(f"device-{number}", f"user-{number % 300}")),
            "messageId": f"m-{number}",
        }
        for number in range(3_000)
    ]
    events = [*crowd, *life()]
    random.Random(3).shuffle(events)
    load(warehouse, events, size=97)
    warehouse.close()
    assert traces(tmp_path)
    done = profiles.forget(PHONE)
    assert done.ids == 4
    assert done.is_scrubbed
    assert done.rows["tracks"] == 3
    assert done.rows["bought"] == 2
    assert traces(tmp_path) == []


def test_others_lose_nothing_but_her_device(warehouse: Warehouse, profiles: Profiles) -> None:
    load(warehouse, life())
    profiles.forget(ADA)
    assert query(warehouse, "SELECT id, anonymous_id, user_id FROM tracks ORDER BY id") == [
        ("Borrowed", None, "bob"),
        ("bob-bought", "tablet-1", "bob"),
        ("nobody", "kiosk-1", None),
    ]
    assert query(warehouse, "SELECT id, plan FROM users") == [("bob", "paid")]
    assert query(warehouse, "SELECT segment_id FROM id_graph ORDER BY 1") == [
        ("anonymous_id:kiosk-1",),
        ("anonymous_id:tablet-1",),
        ("user_id:bob",),
    ]
    assert profiles.whois(ADA) is None
    assert profiles.whois("bob") is not None


def test_she_stays_forgotten(warehouse: Warehouse, profiles: Profiles) -> None:
    load(warehouse, life())
    profiles.forget(ADA)
    load(warehouse, life())
    assert profiles.whois(ADA) is profiles.whois(PHONE) is None
    load(warehouse, [call(20, "Came Back", **on(PHONE)), call(21, "Again", **on("new-1", ADA))])
    assert query(warehouse, "SELECT count(*) FROM tracks") == [(3,)]
    # Bob goes on, on her device too, and it does not become his.
    load(warehouse, [call(22, "Borrowed Again", **on(LAPTOP, "bob"))])
    load(warehouse, [call(23, "Not Bob", **on(LAPTOP))])
    assert query(warehouse, "SELECT count(*) FROM tracks WHERE user_id = 'bob'") == [(3,)]
    assert query(warehouse, "SELECT count(*) FROM tracks WHERE anonymous_id IS NULL") == [(2,)]


def test_she_stays_forgotten_by_loaders_that_keep_no_profiles(
    warehouse: Warehouse, profiles: Profiles, url: str
) -> None:
    plain = Warehouse(url, profiles=None)
    load(plain, life()[-4:])
    load(warehouse, life())
    profiles.forget(ADA)
    load(plain, life())
    assert query(plain, "SELECT user_id FROM tracks WHERE user_id <> 'bob'") == []
    assert query(plain, "SELECT count(*) FROM tracks") == [(3,)]
    plain.close()


@ON_SQLITE
def test_what_comes_later_leaves_no_trace_either(
    warehouse: Warehouse, profiles: Profiles, tmp_path: Path
) -> None:
    profiles.forget(ADA)
    profiles.forget(PHONE)
    profiles.forget(LAPTOP)
    profiles.forget(f"{ADA}-new")
    load(warehouse, life())
    warehouse.close()
    profiles.close()
    assert traces(tmp_path) == []


def test_an_id_that_nobody_has_yet_is_kept_out(warehouse: Warehouse, profiles: Profiles) -> None:
    done = profiles.forget(ADA)
    assert (done.ids, done.rows) == (0, {})
    load(warehouse, life())
    assert profiles.whois(ADA) is None
    assert profiles.whois(f"{ADA}-new") is not None, "only what was named is known to be hers"


def test_forgetting_twice_is_forgetting_once(warehouse: Warehouse, profiles: Profiles) -> None:
    load(warehouse, life())
    assert profiles.forget(ADA).ids == 4
    assert profiles.forget(ADA) == Erased(0, {}, 0, 0, 0, True)


def test_a_short_id_takes_nobody_else_along(warehouse: Warehouse, profiles: Profiles) -> None:
    events = [
        call(1, "one", properties={"price": 1}, **on("device-7", "7")),
        call(2, "two", properties={"price": 2}, **on("device-77", "77")),
        # Not what a column of whole numbers takes.
        {
            **call(3, "one", properties={"price": "7 or 77"}, **on("device-77", "77")),
            "messageId": "x",
        },
    ]
    load(warehouse, events)
    before = query(warehouse, "SELECT count(*) FROM discards")
    profiles.forget("7")
    assert query(warehouse, "SELECT count(*) FROM discards") == before
    assert query(warehouse, "SELECT user_id FROM tracks ORDER BY id") == [("77",), ("77",)]


@ON_SQLITE
def test_the_spool_and_its_dead_letters_forget_too(
    warehouse: Warehouse, profiles: Profiles, tmp_path: Path
) -> None:
    load(warehouse, life())
    spool = tmp_path / "spool"
    spool.mkdir()
    letters = DeadLetters(spool)
    for each in life():
        letters.add("segment", encoded(each), "Undeliverable")
    orphan = Folder(spool, power_safe=True).create()
    events = [encoded(each) for each in life()]
    orphan.insert([(Stored(1, "segment", 0, 1.0, 9, sum(map(len, events[:9]))), events[:9])])
    orphan.insert([(Stored(2, "segment", 0, 1.0, 4, sum(map(len, events[9:]))), events[9:])])
    orphan.close()
    assert len(traces(spool)) == 8
    done = profiles.forget(ADA, spool=spool)
    assert (done.dead_letters, done.in_use) == (10, 0)
    warehouse.close()
    profiles.close()
    assert traces(tmp_path) == []
    left = [json.loads(each.event) for each in DeadLetters(spool).listed()]
    assert [each["messageId"] for each in left] == [
        "bob-bought",
        "bob signs up",
        "Borrowed",
        "nobody",
    ]
    assert left[2]["anonymousId"] is None


@ON_SQLITE
def test_a_file_that_cannot_be_written_anew_is_told(
    warehouse: Warehouse, profiles: Profiles, tmp_path: Path
) -> None:
    load(warehouse, life())
    profiles.close()
    warehouse.close()
    writing = sqlite3.connect(tmp_path / "analytics.db", isolation_level=None)

    def hurry(connection: Any, _: object) -> None:
        connection.execute("PRAGMA busy_timeout = 1")

    sa.event.listen(profiles.engine, "connect", hurry)
    # She is gone, and before the file is vacuumed somebody writes.
    begin = "BEGIN IMMEDIATE"
    sa.event.listen(profiles.engine, "checkin", lambda *_: writing.execute(begin), once=True)
    with closing(writing):
        done = profiles.forget(ADA)
    assert (done.ids, done.is_scrubbed) == (4, False)
    assert profiles.whois(ADA) is None


def test_a_spool_that_cannot_be_changed_leaves_all_for_another_try(
    warehouse: Warehouse, profiles: Profiles, tmp_path: Path
) -> None:
    """Only while she is in the tables it is known which ids to look for in a spool."""
    load(warehouse, life())
    with pytest.raises(ConfigurationError, match="not there"):
        profiles.forget(ADA, spool=tmp_path / "spoool")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "dead_letters.db").write_bytes(b"nothing that SQLite knows" * 99)
    with pytest.raises(Unavailable, match="spool could not be changed"):
        profiles.forget(ADA, spool=broken)
    spool = tmp_path / "spool"
    spool.mkdir()
    DeadLetters(spool).add("segment", encoded(call(9, "Waits", **on(PHONE))), "Undeliverable")
    assert profiles.forget(ADA, spool=spool).dead_letters == 1


def test_a_file_that_a_worker_has_open_is_its_own(
    warehouse: Warehouse, profiles: Profiles, tmp_path: Path
) -> None:
    load(warehouse, life())
    with Analytics(Refusing(), spool=str(tmp_path / "spool")) as analytics:
        analytics.identity(user_id="bob").track("Waits")
        assert analytics.store()
        assert profiles.forget(ADA, spool=tmp_path / "spool").in_use == 1


class Refusing:
    """Takes nothing."""

    def send(self, batch: Any, /) -> None:
        raise Undeliverable("no")

    def close(self) -> None:
        """Nothing is open."""


def test_a_batch_that_was_looked_at_before_is_looked_at_again(
    warehouse: Warehouse, profiles: Profiles
) -> None:
    """Somebody is forgotten between the look at a batch and its transaction."""
    load(warehouse, life())
    late = [encoded(call(20, "Late", **on(LAPTOP, ADA)))]
    looks = itertools.count()

    def forget(*_: object) -> None:
        # The first connection that comes back is that of the look.
        if next(looks) == 0:
            profiles.forget(ADA, scrub=False)

    sa.event.listen(warehouse.engine, "checkin", forget)
    with pytest.raises(Unavailable, match="forgotten meanwhile"):
        warehouse.send(late)
    warehouse.send(late)
    assert profiles.whois(ADA) is None
