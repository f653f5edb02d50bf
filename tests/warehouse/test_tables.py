"""The same tables on every engine."""

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
import pytest
import sqlalchemy as sa
from core.samples import WORDS

from segment_identity import Unavailable
from segment_identity.messages import Message
from segment_identity.names import ident, table_of
from segment_identity.warehouse import Profiles, Warehouse, tables
from segment_identity.warehouse.export import export_events
from segment_identity.warehouse.postgres import Postgres

from .server import Server
from .support import DAY, NEWEST, TOLD, Database, batch, message


@pytest.fixture
def warehouse(database: Database) -> Iterator[Warehouse]:
    made = Warehouse(database.url)
    yield made
    made.close()


def test_every_type_of_message_has_its_table(database: Database, warehouse: Warehouse) -> None:
    traits = {"plan": "free", "address": {"postalCode": "1010"}}
    warehouse.send(
        batch(
            message(1, "identify", traits=traits),
            message(2, event="Signed Up", properties={"seats": 3, "since": "2026-01-31"}),
            message(3, "page", name="Home", category="Shop", properties={"theme": "dark"}),
            message(4, "screen", name="Start", properties={"theme": "light"}),
            message(5, "group", groupId="acme", traits={"size": 7}),
            message(6, "alias", userId="ada-2", previousId="ada"),
        )
    )

    def common(number: int, user: str = "ada") -> dict[str, str]:
        at = DAY.format(number)
        times = dict.fromkeys(("timestamp", "original_timestamp", "received_at", "sent_at"), at)
        return {"id": f"m-{number}", "anonymous_id": "device-0042", "user_id": user, **times}

    names = {name for name in database.tables() if not name.startswith("profile_")}
    found = {name: database.rows(name) for name in names}
    stamps = {row.pop("uuid_ts", "") for rows in found.values() for row in rows}
    assert len(stamps - {""}) == 1
    event = {"event": "signed_up", "event_text": "Signed Up"}
    told = {"plan": "free", "address_postal_code": "1010"}
    assert found.pop("user_keys")
    assert found.pop("account_keys")
    assert found == {
        "identifies": [{**common(1), **told}],
        "users": [{"id": "ada", "timestamp": DAY.format(1), "received_at": DAY.format(1), **told}],
        "tracks": [{**common(2), **event}],
        "signed_up": [{**common(2), **event, "seats": 3, "since": "2026-01-31T00:00:00.000Z"}],
        "pages": [{**common(3), "name": "Home", "category": "Shop", "theme": "dark"}],
        "screens": [{**common(4), "name": "Start", "theme": "light"}],
        "groups": [{**common(5), "group_id": "acme", "size": 7}],
        "accounts": [
            {"id": "acme", "timestamp": DAY.format(5), "received_at": DAY.format(5), "size": 7}
        ],
        "aliases": [{**common(6, "ada-2"), "previous_id": "ada"}],
        "discards": [],
    }


@pytest.mark.parametrize("kind", [["track"], {"is": "track"}, 7, None], ids=str)
def test_a_message_whose_type_is_no_text_is_kept_aside(
    database: Database, warehouse: Warehouse, kind: Any
) -> None:
    warehouse.send(batch(message(1, event="Seen"), message(2, type=kind)))
    assert [row["id"] for row in database.rows("tracks")] == ["m-1"]
    (row,) = database.rows("discards")
    assert (row["row_id"], row["reason"]) == ("m-2", "no_message")


VALUES: Final[dict[str, Any]] = {
    "truth": True,
    "count": 2**63 - 1,
    "ratio": 0.1,
    "tiny": 5e-324,
    "huge": 1.7976931348623157e308,
    "endless": 10**30,
    "day": "2026-01-31",
    "instant": "2026-01-31T12:00:00.123456+02:00",
    "text": "a\tb\nc\\d\re\x7f \u2028 \U0001f642 'x' \"y\" %s :z",
    "nil": "\\N",
    "stop": "\\.",
}


def test_a_column_has_the_type_of_its_first_value(database: Database, warehouse: Warehouse) -> None:
    warehouse.send(batch(message(1, event="Seen", properties=VALUES)))
    (row,) = database.rows("seen")
    assert {name: row[name] for name in VALUES} == VALUES | {
        "endless": str(10**30),
        "day": "2026-01-31T00:00:00.000Z",
        "instant": "2026-01-31T10:00:00.123456Z",
    }
    types = database.types("seen")
    assert [types[name] for name in ("truth", "count", "endless", "text")] == [
        *("BOOLEAN", "BIGINT", "TEXT", "TEXT")
    ]
    assert types["ratio"] == ("FLOAT" if database.is_sqlite else "DOUBLE PRECISION")
    assert types["day"] == types["instant"] == types["timestamp"] == "TIMESTAMP"


LATER: Final = [True, 1, 1.5, "text", "2026-01-31", 10**30, [1], {"deep": 1}, None, ""]


@pytest.mark.parametrize("first", [True, 1, 1.5, "text", "2026-01-31"], ids=str)
def test_a_later_value_fits_or_is_kept_aside(
    database: Database, warehouse: Warehouse, first: Any
) -> None:
    warehouse.send(batch(message(1, event="Seen", properties={"value": first})))
    warehouse.send(
        batch(*(message(2 + n, event="Seen", properties={"value": v}) for n, v in enumerate(LATER)))
    )
    assert len(database.rows("seen")) == 1 + len(LATER)
    stored = {row["id"] for row in database.rows("seen") if "value" in row or "value_deep" in row}
    kept = {row["row_id"] for row in database.rows("discards")}
    said = {f"m-{2 + n}" for n, value in enumerate(LATER) if value not in (None, "")}
    assert stored & kept == set()
    assert stored | kept == said | {"m-1"}


def test_columns_are_added_and_known_again(database: Database) -> None:
    for number, properties in enumerate(({"a": 1}, {"b": 2}, {"a": 3, "b": 4, "c": 5}), 1):
        warehouse = Warehouse(database.url)
        warehouse.send(batch(message(number, event="Seen", properties=properties)))
        warehouse.close()
    assert [[row.get(name) for name in "abc"] for row in database.rows("seen")] == [
        [1, None, None],
        [None, 2, None],
        [3, 4, 5],
    ]


def test_many_rows_and_few_are_stored_alike(database: Database, warehouse: Warehouse) -> None:
    """PostgreSQL has a fast way for many, which other columns or a repetition must not confuse."""
    sizes = (1, 100, 3, 60, 100)
    for number, size in enumerate(sizes):
        new = [
            message(
                1,
                messageId=f"{number}-{n}",
                event="Seen",
                properties={f"of_{number}": n, "shared": n},
            )
            for n in range(size)
        ]
        warehouse.send(batch(*new, *new[:2]))
        warehouse.send(batch(*new))
    rows = database.rows("seen")
    assert len(rows) == len(database.rows("tracks")) == sum(sizes)
    for row in rows:
        number, n = map(int, row["id"].split("-"))
        assert row["shared"] == row[f"of_{number}"] == n


def test_a_batch_that_comes_twice_changes_nothing(database: Database, warehouse: Warehouse) -> None:
    events = batch(
        message(1, event="Seen", properties={"a": 1}),
        message(2, "identify", traits={"plan": "free", "age": 36}),
        message(3, "identify", traits={"plan": "gold"}),
        message(4, event="Seen", properties={"a": "text"}),
        message(5, "dance"),
        message(6, event="\u6ce8", properties={"a": 1}),
    )
    warehouse.send(events)
    before = database.everything()
    for again in (events, events[::-1], events[:1] * 40, events * 20):
        warehouse.send(again)
    assert database.everything() == before
    assert len(before["discards"]) == 3


@pytest.mark.parametrize("size", [1, 3, 500])
def test_user_and_account_have_the_newest_of_every_trait_in_any_order(
    database: Database, warehouse: Warehouse, size: int
) -> None:
    orders = {str(order): order for order in itertools.permutations(range(len(TOLD)))}
    events: list[Message] = []
    for who, order in orders.items():
        for i in order:
            traits = {"userId": who, "groupId": who, "traits": TOLD[i]}
            events.append(message(1 + i, "identify", messageId=f"u-{who}-{i}", **traits))
            events.append(message(1 + i, "group", messageId=f"g-{who}-{i}", **traits))
    for start in range(0, len(events), size):
        warehouse.send(batch(*events[start : start + size]))
    warehouse.send(batch(*events))
    at = {"timestamp": DAY.format(4), "received_at": DAY.format(4)}
    wanted = [{"id": who, **NEWEST, **at} for who in sorted(orders)]
    assert database.rows("users") == database.rows("accounts") == wanted


def test_of_two_messages_of_one_moment_the_greater_id_counts(
    database: Database, warehouse: Warehouse
) -> None:
    same = [message(1, "identify", messageId=name, traits={"plan": name}) for name in "bca"]
    for each in same:
        warehouse.send(batch(each))
    assert [row["plan"] for row in database.rows("users")] == ["c"]


def test_newest_trait_that_does_not_fit_is_kept_aside(
    database: Database, warehouse: Warehouse
) -> None:
    warehouse.send(batch(message(1, "identify", traits={"age": 36})))
    warehouse.send(batch(message(2, "identify", traits={"age": "old"})))
    assert "age" not in database.rows("users")[0]
    kept = {(row["table_name"], row["column_value"]) for row in database.rows("discards")}
    assert kept == {("identifies", "old"), ("users", "old")}
    warehouse.send(batch(message(3, "identify", traits={"age": 37})))
    assert database.rows("users")[0]["age"] == 37


def test_who_holds_rows_changes_nothing_of_the_schema(warehouse: Warehouse) -> None:
    """Two who did would wait for each other's rows, and one of them for nothing."""
    rows: set[str] = set()
    held: list[set[str]] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        verb, _, rest = statement.strip().partition(" ")
        if verb in ("CREATE", "ALTER", "DROP") and not rest.startswith("TEMPORARY"):
            held.append(set(rows))
        elif verb == "INSERT":
            rows.add(rest.split()[1])

    sa.event.listen(warehouse.engine, "begin", lambda _: rows.clear())
    sa.event.listen(warehouse.engine, "before_cursor_execute", note)
    warehouse.send(batch(message(1, event="Seen", userId=None)))
    warehouse.send(batch(message(2, "page", name="Home"), message(3, event="Seen")))
    assert held, "nothing was looked at"
    # That of a database's key, which is made with the first tables and never again.
    assert set().union(*held) <= {"profile_keys"}


# Given up sooner than usual: who has to wait here waits in vain.
HASTE: Final = "?options=-c%20lock_timeout%3D200"


def test_a_new_table_waits_for_nobody_who_writes_to_others(postgres: Database) -> None:
    """The view of all calls changes then, and their indexes are there."""
    with closing(Warehouse(postgres.url + HASTE)) as warehouse:
        warehouse.send(batch(message(1, event="Seen")))
        with psycopg.connect(postgres.url) as writing:
            writing.execute("INSERT INTO tracks (id) VALUES ('m-0')")
            writing.execute("INSERT INTO profile_links VALUES ('d', 'u', '', '')")
            warehouse.send(batch(message(2, "page", name="Home")))
            with closing(Warehouse(postgres.url + HASTE)) as other:
                other.send(batch(message(3, "page", name="Home")))
    assert len(postgres.rows("pages")) == 2


@pytest.mark.parametrize("ask", [lambda who: who.forget("eve"), lambda who: who.retain(9)])
def test_nobody_is_forgotten_while_tables_change(
    postgres: Database, ask: Callable[[Profiles], object]
) -> None:
    """Both take one table after another, and would wait for each other."""
    with closing(Warehouse(postgres.url)) as warehouse:
        warehouse.send(batch(message(1, event="Seen")))
        changing = Postgres(sa.make_url(postgres.url))
        with Profiles(postgres.url + HASTE) as profiles:
            with changing.engine.begin() as connection:
                changing.lock_schema(connection)
                with pytest.raises(Unavailable):
                    ask(profiles)
            ask(profiles)
        changing.engine.dispose()


def test_more_columns_than_a_table_may_have_go_aside(
    database: Database, warehouse: Warehouse
) -> None:
    for part in range(12):
        properties = {f"key_{part}_{number}": 1 for number in range(100)}
        warehouse.send(batch(message(1 + part, event="Wide", properties=properties)))
    rows = database.rows("wide")
    stored = sum(name.startswith("key_") for row in rows for name in row)
    assert len(database.types("wide")) == 1_000
    assert stored + len(database.rows("discards")) == 1_200
    assert {row["reason"] for row in database.rows("discards")} == {"too_many_columns"}


def test_columns_of_ours_have_room_in_a_table_that_strangers_filled(
    database: Database, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is nobody yet may send what they like, and others are somebody all the same."""
    monkeypatch.setattr(tables, "MAX_COLUMNS", 20)
    filling = {f"key {number}": 1 for number in range(30)}
    nobody: dict[str, Any] = {"userId": None, "originalTimestamp": None}
    kinds = ("page", "track", "group", "identify", "alias")
    told = {"event": "Seen", "groupId": "acme", "previousId": "eve", "name": "Home"}
    for number, kind in enumerate(kinds, 1):
        sent = {"userId": None, "event": "Seen", "context": filling}
        warehouse.send(batch(message(number, kind, **(nobody | sent))))
    for number, kind in enumerate(kinds, 11):
        warehouse.send(batch(message(number, kind, **told)))
    for table in ("pages", "tracks", "seen", "groups", "identifies", "aliases"):
        (row,) = (each for each in database.rows(table) if len(each["id"]) == 4)
        assert (row["user_id"], row["original_timestamp"]) == ("ada", row["timestamp"]), table
    assert database.query("SELECT previous_id FROM aliases WHERE id = 'm-15'") == [
        {"previous_id": "eve"}
    ]
    with Profiles(database.url) as profiles:
        found = profiles.whois("ada")
    assert found is not None
    assert len(found.timeline) == 2 * len(kinds), "the device's past is hers"


@pytest.mark.parametrize("key", ["anonymousId", "userId"])
@pytest.mark.parametrize(
    "long", ["".join(map(chr, range(0x4E00, 0x5800))), random.Random(1).randbytes(4_000).hex()]
)
def test_an_id_that_no_index_takes_goes_aside_and_the_call_stays(
    database: Database, warehouse: Warehouse, tmp_path: Path, key: str, long: str
) -> None:
    events = [message(n, event="Seen") for n in range(1, 9)]
    for event in events[::2]:
        event |= {"userId": None, key: long}
    for event in events:
        warehouse.send(batch(event))
    column = "anonymous_id" if key == "anonymousId" else "user_id"
    for table in ("tracks", "seen"):
        assert [column in row for row in database.rows(table)] == [False, True] * 4
    told = database.query("SELECT DISTINCT column_name, column_value, reason FROM discards")
    assert told == [{"column_name": column, "column_value": long, "reason": "too_long"}]
    export_events(database.url, tmp_path / "events.ndjson")
    lines = (tmp_path / "events.ndjson").read_bytes().splitlines()
    assert [msgspec.json.decode(line)[key] for line in lines] == [each[key] for each in events]
    with Profiles(database.url) as profiles:
        profiles.forget(long, scrub=False)
    assert [row["id"] for row in database.rows("seen")] == ["m-2", "m-4", "m-6", "m-8"]
    assert database.rows("discards") == []


def test_nul_and_other_odd_texts_are_stored(database: Database, warehouse: Warehouse) -> None:
    odd = {"a": "x\x00y", "b\x00c": "\\u0000", "d": ["\x00"], "e": "\ud83d\ude42"}
    warehouse.send(batch(message(1, event="Odd\x00 One", properties=odd)))
    (row,) = database.rows("odd_one")
    assert [row[name] for name in ("a", "bc", "d", "e")] == ["xy", "\\u0000", '[""]', "\U0001f642"]


def test_no_name_wants_quotes_in_postgres(server: Server, postgres: Database) -> None:
    """What SQLite says of them is in tests/core/test_names.py."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        known = connection.execute("SELECT word FROM pg_get_keywords()").fetchall()
    for word in sorted({*WORDS, *(each for (each,) in known)}):
        table, column = table_of(ident(word), frozenset()), ident(word)
        postgres.run(f"CREATE TABLE {table} (id TEXT, {column} TEXT)")
        postgres.run(f"INSERT INTO {table} ({column}) VALUES ('x')")
        found = postgres.query(f"SELECT {table}.{column} FROM {table} WHERE {column} = 'x'")
        assert found == [{column: "x"}]


@pytest.mark.parametrize("word", ["pg_class", "sqlite_master", "user", "xmin", "Stage 0", "users"])
def test_event_may_be_called_like_something_of_the_database(
    database: Database, warehouse: Warehouse, word: str
) -> None:
    new = [message(1, messageId=f"m-{n}", event=word, properties={word: n}) for n in range(60)]
    warehouse.send(batch(*new))
    name = table_of(ident(word), frozenset({"users"}))
    assert sorted(row[ident(word)] for row in database.rows(name)) == list(range(60))


INDEXES: Final = """
ix_pages_user_id ix_tracks_anonymous_id ix_profile_links_user_id tracks_pkey seen_pkey
""".split()


@pytest.mark.parametrize("early", [True, False], ids=["early", "late"])
def test_events_may_be_called_like_indexes(
    database: Database, warehouse: Warehouse, early: bool
) -> None:
    """A table of that name would leave the index no place, or have none itself."""
    odd = [message(n, event=name) for n, name in enumerate(INDEXES, 1)]
    rest = [message(11, "page"), message(12, event="Seen"), message(13, event="Tracks")]
    for some in [odd, rest] if early else [rest, odd]:
        warehouse.send(batch(*some))
    assert len(database.rows("tracks")) == len(INDEXES) + 2
    for name in INDEXES:
        (row,) = database.rows(table_of(ident(name), frozenset()))
        assert row["event"] == ident(name)
    assert {"ix_pages_user_id", "ix_pages_anonymous_id"} <= database.indexes("pages")
    assert "ix_profile_links_user_id" in database.indexes("profile_links")


def test_more_events_than_there_may_be_tables_go_aside(
    database: Database, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.send(batch(message(1, event="Known", properties={"a": 1})))
    monkeypatch.setattr(tables, "MAX_TABLES", len(database.tables()))
    for number, name in ((2, "Unknown"), (3, "Known"), (4, "Other")):
        warehouse.send(batch(message(number, event=name, properties={"b": number})))
    warehouse.send(batch(message(5, "screen", properties={"a": 1})))
    assert {"unknown", "other"} & database.tables() == set()
    assert [row["event_text"] for row in database.rows("tracks")] == [
        *("Known", "Unknown", "Known", "Other")
    ]
    assert [row["b"] for row in database.rows("known") if "b" in row] == [3]
    assert len(database.rows("screens")) == 1
    kept = {
        (row["table_name"], row["reason"], row["column_value"]) for row in database.rows("discards")
    }
    assert kept == {
        ("unknown", "too_many_tables", '{"b":2}'),
        ("other", "too_many_tables", '{"b":4}'),
    }
