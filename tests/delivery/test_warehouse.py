"""Segment's tables in an SQLite file."""

import itertools
import json
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from warehouse.support import NEWEST, TOLD, batch

from segment_identity import Analytics, ConfigurationError, Fault, Undeliverable
from segment_identity.destinations import Memory
from segment_identity.messages import Message
from segment_identity.warehouse import Warehouse
from segment_identity.warehouse.profile_tables import METADATA

from .support import PATIENCE, emit, run

DAY: Final = "2026-01-{:02}T12:00:00.000Z"
COMMON: Final = {
    "id",
    "anonymous_id",
    "user_id",
    "received_at",
    "sent_at",
    "timestamp",
    "original_timestamp",
    "context_library_name",
    "context_library_version",
    "uuid_ts",
}
# What is there for the others' sake.
BESIDE: Final = {"account_keys", "discards", "user_keys"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "analytics.db"


@pytest.fixture
def warehouse(file: Path) -> Iterator[Warehouse]:
    made = Warehouse(f"sqlite:///{file}")
    yield made
    made.close()


@contextmanager
def analytics_on(file: Path, **options: Any) -> Iterator[Analytics]:
    # On a busy machine a thousand columns take longer than an app would wait.
    with Analytics(f"sqlite:///{file}", shutdown_timeout=PATIENCE, **options) as analytics:
        yield analytics


def query(file: Path, sql: str) -> list[dict[str, Any]]:
    """Return rows as dicts."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql)]


def tables(file: Path) -> set[str]:
    """Return the names of all tables but those of the profiles."""
    found = {
        row["name"] for row in query(file, "SELECT name FROM sqlite_schema WHERE type='table'")
    }
    return found - {each.name for each in METADATA.tables.values()}


def columns(file: Path, table: str) -> dict[str, str]:
    """Return the columns of a table with their types."""
    return {row["name"]: row["type"] for row in query(file, f'PRAGMA table_info("{table}")')}


def message(number: int, kind: str = "track", **fields: Any) -> Message:
    """Return a message with a known id and time."""
    moment = DAY.format(number)
    return {
        "type": kind,
        "messageId": f"m-{number}",
        "anonymousId": "device-0042",
        "userId": "ada",
        "timestamp": moment,
        "originalTimestamp": moment,
        "context": {},
        "integrations": {},
        **fields,
    }


def test_every_type_of_message_has_its_table(file: Path) -> None:
    with analytics_on(file) as analytics:
        identity = analytics.identity(anonymous_id="device-0042")
        identity.identify("ada", {"plan": "free"})
        identity.track("Signed Up", {"seats": 3, "address": {"city": "Wien"}})
        identity.page("Home", {"theme": "dark"}, category="Shop")
        identity.screen("Start", {"theme": "light"})
        identity.group("acme", {"size": 7})
        identity.alias("ada-2")
    assert tables(file) == {
        "identifies",
        "users",
        "tracks",
        "signed_up",
        "pages",
        "screens",
        "groups",
        "accounts",
        "aliases",
        *BESIDE,
    }
    one = {name: query(file, f"SELECT * FROM {name}")[0] for name in tables(file) - BESIDE}
    for name in one.keys() - {"users", "accounts"}:
        assert one[name].keys() >= COMMON
        user = "ada-2" if name == "aliases" else "ada"
        assert (one[name]["anonymous_id"], one[name]["user_id"]) == ("device-0042", user)
    assert one["identifies"]["plan"] == one["users"]["plan"] == "free"
    assert one["users"]["id"] == "ada"
    assert (one["tracks"]["event"], one["tracks"]["event_text"]) == ("signed_up", "Signed Up")
    assert "seats" not in one["tracks"]
    assert (one["signed_up"]["seats"], one["signed_up"]["address_city"]) == (3, "Wien")
    assert one["signed_up"]["id"] == one["tracks"]["id"]
    assert (one["pages"]["name"], one["pages"]["category"], one["pages"]["theme"]) == (
        "Home",
        "Shop",
        "dark",
    )
    assert one["screens"]["name"] == "Start"
    assert (one["groups"]["group_id"], one["groups"]["size"]) == ("acme", 7)
    assert (one["accounts"]["id"], one["accounts"]["size"]) == ("acme", 7)
    assert one["aliases"]["previous_id"] == "ada"


def test_columns_appear_with_their_properties(file: Path) -> None:
    with analytics_on(file) as analytics:
        emit(analytics, "Bought", price=9.5)
        assert analytics.flush(PATIENCE)
        assert "coupon" not in columns(file, "bought")
        emit(analytics, "Bought", price=3.25, coupon="X", count=2, is_gift=True)
    assert columns(file, "bought").items() >= {
        ("price", "FLOAT"),
        ("coupon", "TEXT"),
        ("count", "BIGINT"),
        ("is_gift", "BOOLEAN"),
    }
    rows = query(file, "SELECT price, coupon, count, is_gift FROM bought ORDER BY price DESC")
    assert [tuple(row.values()) for row in rows] == [(9.5, None, None, None), (3.25, "X", 2, 1)]


def test_columns_of_an_older_file_are_known(file: Path) -> None:
    for price in (9.5, 3.25):
        with analytics_on(file) as analytics:
            emit(analytics, "Bought", price=price)
    assert [row["price"] for row in query(file, "SELECT price FROM bought")] == [9.5, 3.25]


def test_batch_that_comes_twice_changes_nothing(file: Path, warehouse: Warehouse) -> None:
    events = batch(
        message(1, event="Seen", properties={"a": 1}),
        message(2, "identify", traits={"plan": "free", "age": 36}),
        message(3, "identify", traits={"plan": "gold"}),
        message(4, event="Seen", properties={"a": "text"}),
    )
    warehouse.send(events)
    before = {name: query(file, f"SELECT * FROM {name}") for name in tables(file)}
    for again in (events, events[::-1], events[:1] * 3):
        warehouse.send(again)
    assert {name: query(file, f"SELECT * FROM {name}") for name in tables(file)} == before
    assert len(before["seen"]) == 2
    assert len(before["discards"]) == 1


@pytest.mark.parametrize("size", [1, 2, 4])
def test_user_has_the_newest_value_of_every_trait_in_any_order(
    file: Path, warehouse: Warehouse, size: int
) -> None:
    orders = {str(order): order for order in itertools.permutations(range(len(TOLD)))}
    for user, order in orders.items():
        events = batch(
            *(
                message(1 + i, "identify", userId=user, messageId=f"{user}-{i}", traits=TOLD[i])
                for i in order
            )
        )
        for start in range(0, len(events), size):
            warehouse.send(events[start : start + size])
    rows = query(file, f"SELECT id, {', '.join(NEWEST)} FROM users")
    assert {row.pop("id") for row in rows if row | {"id": ""} == NEWEST | {"id": ""}} == {*orders}


def test_users_are_apart_and_strangers_have_no_row(file: Path, warehouse: Warehouse) -> None:
    warehouse.send(
        batch(
            message(1, "identify", traits={"plan": "free"}),
            message(2, "identify", userId="bob", traits={"plan": "gold"}),
            message(3, "identify", userId=None, traits={"plan": "none"}),
        )
    )
    rows = query(file, "SELECT id, plan FROM users ORDER BY id")
    assert rows == [{"id": "ada", "plan": "free"}, {"id": "bob", "plan": "gold"}]
    assert len(query(file, "SELECT * FROM identifies")) == 3


def test_value_that_does_not_fit_its_column_is_kept_aside(file: Path) -> None:
    with analytics_on(file) as analytics:
        emit(analytics, "Bought", count=2, is_gift=True)
        emit(analytics, "Bought", count="many", is_gift="perhaps", text="kept")
    rows = query(file, "SELECT count, is_gift, text FROM bought ORDER BY count DESC")
    assert [tuple(row.values()) for row in rows] == [(2, 1, None), (None, None, "kept")]
    discards = query(file, "SELECT table_name, column_name, column_value FROM discards")
    assert {tuple(row.values()) for row in discards} == {
        ("bought", "count", "many"),
        ("bought", "is_gift", "perhaps"),
    }


HOSTILE = [
    "x); DROP TABLE tracks; --",
    '"; DROP TABLE users; --',
    "'; DELETE FROM tracks; --",
    "a\"b'c`d[e]",
    "select",
    "from where order",
    "id",
    "ID",
    "rowid",
    "oid",
    "tracks",
    "users",
    "discards",
    "sqlite_master",
    "SQLite Sequence",
    "sqlite stat1",
    "_",
    "%s %(a)s ? :name",
    "übergröße",
    "日本語",
    "🙂",
    "1st",
    "x" * 300,
    "a.b.c",
    "\n\t",
    "timestamp",
    "event_text",
    "user_id",
    "keys",
    "values",
    "c",
    "pragma table_info",
    "JSON each",
    "dbstat",
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_name_is_only_a_name(file: Path, name: str) -> None:
    with analytics_on(file) as analytics:
        emit(analytics, "Before")
        if name.strip():
            emit(analytics, name, **{name: "value"})
        emit(analytics, "Other", **{name: "value"})
        identity = analytics.identity(user_id="ada")
        identity.identify(traits={name: "value", "nested": {name: "value"}})
        identity.group("acme", {name: 1})
        identity.page(name, {name: "value"})
        assert analytics.flush(PATIENCE), "the queue is stuck"
        emit(analytics, "After")
        assert analytics.flush(PATIENCE), "the queue is stuck"
        stats = analytics.stats()
    assert (stats.pending, stats.dead_lettered) == (0, 0)
    texts = [row["event_text"] for row in query(file, "SELECT event_text FROM tracks")]
    assert texts == ["Before", *([name] if name.strip() else []), "Other", "After"]
    assert len(query(file, "SELECT * FROM users")) == 1
    (ids,) = query(file, "SELECT count(*) AS n FROM tracks WHERE id LIKE '%-%-%-%-%'")
    assert ids["n"] == len(texts)


def test_hostile_values_are_only_values(file: Path) -> None:
    with analytics_on(file) as analytics:
        for number, name in enumerate(HOSTILE):
            emit(analytics, "Said", text=name, number=number, list=[name], deep={"a": [{name: 1}]})
    rows = query(file, "SELECT text, list FROM said ORDER BY number")
    assert [row["text"] for row in rows] == HOSTILE
    assert [json.loads(row["list"]) for row in rows] == [[name] for name in HOSTILE]


@pytest.mark.parametrize(
    "value",
    [
        2**63 - 1,
        -(2**63),
        2**63,
        10**30,
        1e308,
        -0.0,
        5e-324,
        0.1,
        True,
        "",
        " ",
        "2026-01-31",
        "2026-01-31T12:00:00Z",
        "2026-99-99",
        "1",
        "x" * 20_000,
        [],
        {},
        [[[]]],
        None,
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_value_of_any_size_is_stored_and_blocks_nothing(file: Path, value: Any) -> None:
    with analytics_on(file) as analytics:
        for given in (value, 1, value, "text", value, 1.5, value, True, value):
            emit(analytics, "Seen", value=given)
        assert analytics.flush(PATIENCE), "the queue is stuck"
        assert analytics.stats().dead_lettered == 0
    assert len(query(file, "SELECT * FROM tracks")) == 9
    assert len(query(file, "SELECT * FROM seen")) == 9


@pytest.mark.parametrize("poison", [b"", b"{", b"null", b"[]", b"7", b"\xff", b"[" * 9_999])
def test_what_is_no_message_is_told_from_what_is(warehouse: Warehouse, poison: bytes) -> None:
    with pytest.raises(Undeliverable):
        warehouse.send([*batch(message(1, event="One")), poison])


def test_more_columns_than_a_table_may_have_go_aside(file: Path) -> None:
    with analytics_on(file) as analytics:
        for part in range(12):
            emit(analytics, "Wide", **{f"key_{part}_{number}": 1 for number in range(100)})
    assert len(query(file, "SELECT * FROM wide")) == 12
    assert len(columns(file, "wide")) == 1_000
    (row,) = query(file, "SELECT count(*) AS n FROM discards")
    # These events have no anonymousId, and two columns of their own.
    assert row["n"] == 1_200 + len(COMMON) - 1 + 2 - 1_000


WRITER = """
import sys
from segment_identity import Analytics
from delivery.support import emit

with Analytics(f"sqlite:///{sys.argv[1]}", shutdown_timeout=60) as analytics:
    for number in range(150):
        emit(analytics, f"Event {number % 7}", **{f"from_{sys.argv[2]}_{number % 40}": number})
        if number % 10 == 0:
            assert analytics.flush(60)
"""


def test_processes_that_write_and_add_columns_at_once_lose_nothing(file: Path) -> None:
    threads = [threading.Thread(target=run, args=(WRITER, file, each)) for each in "ab"]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert query(file, "SELECT count(*) AS n, count(DISTINCT id) AS d FROM tracks") == [
        {"n": 300, "d": 300}
    ]
    stored = 0
    for number in range(7):
        found = query(file, f"SELECT * FROM event_{number}")
        own = [key for key in columns(file, f"event_{number}") if key.startswith("from_")]
        stored += sum(row[key] is not None for row in found for key in own)
    assert stored == 300


def test_reader_sees_whole_batches_while_another_writes(file: Path) -> None:
    is_over = threading.Event()
    seen: list[int] = []
    with analytics_on(file) as analytics:
        emit(analytics, "Start")
        assert analytics.flush(PATIENCE)

        def read() -> None:
            with closing(sqlite3.connect(file, timeout=5)) as connection:
                while not is_over.is_set():
                    tracks, own = connection.execute(
                        "SELECT (SELECT count(*) FROM tracks), (SELECT count(*) FROM start)"
                    ).fetchone()
                    assert tracks == own
                    seen.append(tracks)

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(30):
            emit(analytics, *["Start"] * 20)
            assert analytics.flush(PATIENCE)
        is_over.set()
        reader.join()
    assert seen == sorted(seen)
    assert len(query(file, "SELECT * FROM tracks")) == 601


def test_reader_may_hold_a_transaction_open(file: Path) -> None:
    with analytics_on(file) as analytics, closing(sqlite3.connect(file)) as connection:
        emit(analytics, "One")
        assert analytics.flush(PATIENCE)
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM tracks").fetchone()
        emit(analytics, "Two", fresh=1)
        assert analytics.flush(PATIENCE)
        connection.rollback()


def test_locked_database_is_waited_for(file: Path) -> None:
    """Longer than the driver waits, so that the lane has to ask again."""
    faults: list[Fault] = []
    with analytics_on(file, on_error=faults.append) as analytics:
        emit(analytics, "One")
        assert analytics.flush(PATIENCE)
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            emit(analytics, "Two")
            until = time.monotonic() + PATIENCE
            while not faults and time.monotonic() < until:
                time.sleep(0.05)
            connection.execute("COMMIT")
        assert analytics.flush(PATIENCE)
    assert {each.reason for each in faults} == {"retrying"}
    texts = [row["event_text"] for row in query(file, "SELECT event_text FROM tracks")]
    assert texts == ["One", "Two"]


def test_file_that_vanishes_is_made_anew(file: Path) -> None:
    """A file removed under an open connection is lost; one removed in between is not missed."""
    with analytics_on(file) as analytics:
        emit(analytics, "One")
        assert analytics.close(PATIENCE)
        for each in file.parent.iterdir():
            each.unlink()
        emit(analytics, "Two")
        assert analytics.flush(PATIENCE)
    assert [row["event_text"] for row in query(file, "SELECT event_text FROM tracks")] == ["Two"]


def test_table_changed_by_somebody_else_is_looked_at_again(file: Path) -> None:
    with analytics_on(file) as analytics:
        emit(analytics, "Bought", price=1.5)
        assert analytics.flush(PATIENCE)
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("DROP TABLE bought")
            connection.commit()
        emit(analytics, "Bought", price=2.5)
        assert analytics.flush(PATIENCE)
    assert [row["price"] for row in query(file, "SELECT price FROM bought")] == [2.5]


class Counted:
    """Keeps how many messages there were, beside the tables."""

    def __init__(self) -> None:
        self.prepared = 0
        self.fails = False

    def prepare(self, connection: Connection, /) -> None:
        self.prepared += 1
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS counted (messages INTEGER)")

    def write(self, connection: Connection, messages: Sequence[Message], /) -> None:
        connection.exec_driver_sql("INSERT INTO counted VALUES (?)", (len(messages),))
        if self.fails:
            raise ValueError("on purpose")


def test_projection_is_as_far_as_the_tables(file: Path) -> None:
    counted = Counted()
    warehouse = Warehouse(f"sqlite:///{file}", projections=[counted])
    warehouse.send(batch(message(1, event="One"), message(2, event="Two")))
    counted.fails = True
    with pytest.raises(ValueError, match="on purpose"):
        warehouse.send(batch(message(3, event="Three", properties={"fresh": 1})))
    assert len(query(file, "SELECT * FROM tracks")) == 2
    assert query(file, "SELECT * FROM counted") == [{"messages": 2}]
    counted.fails = False
    warehouse.send(batch(message(3, event="Three", properties={"fresh": 1})))
    warehouse.close()
    assert len(query(file, "SELECT * FROM tracks")) == 3
    assert query(file, "SELECT * FROM counted") == [{"messages": 2}, {"messages": 1}]
    assert counted.prepared == 2


def test_missing_folder_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="folder does not exist"):
        Analytics(f"sqlite:///{tmp_path}/missing/analytics.db")


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda: Analytics("sqlite+nonsense:///a.db"), id="unknown-driver"),
        pytest.param(lambda: Analytics("sqlite:/a.db"), id="too-few-slashes"),
        pytest.param(lambda: Warehouse("no url"), id="no-url"),
        pytest.param(lambda: Warehouse("mysql://ada:s3cret@db/a"), id="other-engine"),
        pytest.param(lambda: Warehouse("sqlite://ada:s3cret@host/a.db"), id="with-a-host"),
    ],
)
def test_url_that_cannot_work_is_told_at_once(build: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("build", "wanted"),
    [
        pytest.param(
            lambda: Warehouse("sqlite:///a.db?tiemout=9"), "did you mean 'timeout'", id="sqlite"
        ),
        pytest.param(
            lambda: Warehouse("sqlite:///a.db?mode=ro"), "want 'uri=true' as well", id="no-uri"
        ),
        pytest.param(
            lambda: Warehouse("sqlite:///a.db?timeout=s3cret"), "does not work", id="no-number"
        ),
        pytest.param(
            lambda: Warehouse("postgresql://db/a?sslmod=require"),
            "did you mean 'sslmode'",
            id="postgres",
        ),
        pytest.param(
            lambda: Warehouse("postgresql://db/a?sslmode=a&sslmode=s3cret"),
            "'sslmode' twice",
            id="twice",
        ),
    ],
)
def test_option_of_a_url_that_cannot_work_is_told_at_once(
    build: Callable[[], object], wanted: str
) -> None:
    with pytest.raises(ConfigurationError, match=wanted) as caught:
        build()
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"profiles": "frist"}, "profiles was given 'frist'; want one of 'first', 'last', None"),
        ({"profiles": True}, "profiles was given True"),
        ({"profiles": ["first"]}, "profiles was given"),
        ({"projections": None}, "projections was given NoneType; want a list of objects"),
        ({"projections": [Memory()]}, "projections was given Memory; want an object with prepare"),
        ({"projections": [Counted]}, "projections was given type"),
    ],
    ids=["typo", "truth", "list", "none", "no-projection", "class"],
)
def test_option_that_cannot_work_is_told_at_once(options: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(wanted)):
        Warehouse("sqlite:///:memory:", **options)


def test_url_object_is_taken(file: Path) -> None:
    warehouse = Warehouse(sa.URL.create("sqlite", database=str(file)))
    with Analytics(warehouse) as analytics:
        emit(analytics, "One")
    assert len(query(file, "SELECT * FROM tracks")) == 1


def test_database_in_memory_works() -> None:
    warehouse = Warehouse("sqlite:///:memory:")
    with Analytics(warehouse) as analytics:
        emit(analytics, "One", "Two")
        assert analytics.flush(PATIENCE)
        assert analytics.stats().delivered == 2


WITHOUT = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "sqlalchemy":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())

from segment_identity import Analytics, MissingExtra

with Analytics("memory:") as analytics:
    analytics.identity(user_id="ada").track("Works")
try:
    Analytics("sqlite:///analytics.db")
except MissingExtra as error:
    assert isinstance(error, ImportError)
    print(error)
"""


def test_missing_sqlalchemy_names_the_extra() -> None:
    said = run(WITHOUT)
    assert "sqlalchemy" in said
    assert "pip install 'segment-identity[warehouse]'" in said


def test_nothing_is_left_open(tmp_path: Path) -> None:
    """With ResourceWarning as an error, as in people's own tests."""
    program = """
import gc, sys
from segment_identity import Analytics
from delivery.support import emit

with Analytics(f"sqlite:///{sys.argv[1]}/a.db") as analytics:
    emit(analytics, "One")
gc.collect()
analytics = Analytics(f"sqlite:///{sys.argv[1]}/b.db")
emit(analytics, "One")
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, "")
