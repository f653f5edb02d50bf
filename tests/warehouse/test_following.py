"""Whoever follows a warehouse sees every event once, whatever commits late or is removed."""

import threading
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from segment_identity import ConfigurationError, InvalidCall, Unavailable
from segment_identity.messages import Message
from segment_identity.tailing import tail
from segment_identity.tails import Wanted, wanted
from segment_identity.warehouse import Profiles, Warehouse
from segment_identity.warehouse.following import Follower

from .loader import insist
from .made import fitting
from .support import Database, batch, message

Follow = Callable[..., Follower]


@pytest.fixture
def follow(warehouse: Warehouse, url: str) -> Iterator[Follow]:
    """Follow the warehouse from now on."""
    opened: list[Follower] = []
    warehouse.send([])

    def begun(sought: Wanted | None = None) -> Follower:
        opened.append(Follower(url, sought or Wanted()))
        assert opened[-1].begin(0) == []
        return opened[-1]

    yield begun
    for each in opened:
        each.close()


def seen(follower: Follower) -> list[str]:
    """Return the ids of all that is new."""
    found, more = follower.look()
    ids = [each["messageId"] for each in found]
    while more:
        found, more = follower.look()
        ids += [each["messageId"] for each in found]
    return ids


def test_what_is_loaded_is_seen_once_and_in_order(warehouse: Warehouse, follow: Follow) -> None:
    warehouse.send(batch(message(1, event="Seen")))
    follower = follow()
    assert seen(follower) == []
    warehouse.send(
        batch(message(4, event="Bought", properties={"n": 1}), message(2, "page"), message(3))
    )
    warehouse.send(batch(message(2, "page"), message(1, event="Seen")))
    # A track call without an event is none.
    assert seen(follower) == ["m-2", "m-4"]
    assert seen(follower) == []
    warehouse.send(batch(message(5, "group", groupId="acme")))
    found, _ = follower.look()
    assert [(each["type"], each["groupId"]) for each in found] == [("group", "acme")]


def test_a_message_is_whole(warehouse: Warehouse, follow: Follow) -> None:
    follower = follow()
    warehouse.send(
        batch(message(1, event="Bought", properties={"a": [1]}, context={"page": {"path": "/"}}))
    )
    [found], _ = follower.look()
    assert (found["event"], found["properties"]) == ("Bought", {"a": [1]})
    assert found["context"] == {"page": {"path": "/"}}


def test_the_last_ones_come_first(warehouse: Warehouse, url: str) -> None:
    events = fitting(300, seed=1)
    warehouse.send(batch(*events))
    ordered = sorted(events, key=lambda each: (each["timestamp"], each["messageId"]))
    found = list(tail(url, last=7, follow=False))
    assert [each["messageId"] for each in found] == [each["messageId"] for each in ordered[-7:]]
    some = [each for each in ordered if each["userId"] == "user-3" and each["type"] == "page"]
    found = list(tail(url, last=4, types=["page"], ids=["user-3"], follow=False))
    assert [each["messageId"] for each in found] == [each["messageId"] for each in some[-4:]]
    bought = [each for each in ordered if each.get("event") == "Cart Viewed"]
    for name in ("Cart Viewed", "cart_viewed"):
        found = list(tail(url, last=4, events=[name], follow=False))
        assert [each["messageId"] for each in found] == [each["messageId"] for each in bought[-4:]]


def test_only_what_is_wanted_is_seen(warehouse: Warehouse, follow: Follow) -> None:
    follower = follow(wanted(["track"], ["Bought"], ["ada"]))
    warehouse.send(
        batch(
            message(1, event="Bought"),
            message(2, event="Bought", userId="bob"),
            message(3, event="Seen"),
            message(4, "page"),
        )
    )
    assert seen(follower) == ["m-1"]


def test_loaders_at_once_hide_nothing(warehouse: Warehouse, url: str, follow: Follow) -> None:
    follower = follow()
    events = fitting(1_200, seed=2)

    def load(part: list[Message]) -> None:
        loading = Warehouse(url)
        for start in range(0, len(part), 20):
            insist(loading, batch(*part[start : start + 20]))
        loading.close()

    loaders = [threading.Thread(target=load, args=(events[n::3],)) for n in range(3)]
    for each in loaders:
        each.start()
    ids = []
    while any(each.is_alive() for each in loaders):
        ids += seen(follower)
    for each in loaders:
        each.join()
    ids += seen(follower)
    assert len(ids) == len(set(ids)) == 1_200


def test_what_is_committed_late_comes_late(postgres: Database) -> None:
    warehouse = Warehouse(postgres.url)
    warehouse.send(batch(message(1, event="Seen")))
    follower = Follower(postgres.url, Wanted())
    engine = sa.create_engine(postgres.url.replace("postgresql://", "postgresql+psycopg://"))
    insert = "INSERT INTO tracks (id, event, event_text) VALUES ('{}', 'seen', 'Seen')"
    with engine.connect() as before, engine.connect() as after, engine.connect() as never:
        # Its transaction has begun before anybody followed, and a part of it is one of its own.
        before.exec_driver_sql(insert.format("before"))
        with before.begin_nested():
            before.exec_driver_sql(insert.format("nested"))
        assert follower.begin(0) == []
        after.exec_driver_sql(insert.format("after"))
        never.exec_driver_sql(insert.format("never"))
        warehouse.send(batch(message(2, event="Seen")))
        assert seen(follower) == ["m-2"]
        after.commit()
        never.rollback()
        warehouse.send(batch(message(3, event="Seen")))
        assert seen(follower) == ["after", "m-3"]
        before.commit()
        assert sorted(seen(follower)) == ["before", "nested"]
        assert seen(follower) == []
    engine.dispose()
    follower.close()
    warehouse.close()


def test_who_is_forgotten_hides_nobody_else(
    warehouse: Warehouse, url: str, follow: Follow, profiles: Profiles
) -> None:
    warehouse.send(batch(*(message(n, event="Seen", userId=f"u-{n}") for n in range(1, 4))))
    follower = follow()
    warehouse.send(batch(message(4, event="Seen", userId="bob", anonymousId="d-4")))
    assert seen(follower) == ["m-4"]
    profiles.forget("bob")
    warehouse.send(batch(message(5, event="Seen", userId="eve", anonymousId="d-5")))
    assert seen(follower) == ["m-5"]
    for who in ("eve", "u-1", "u-2", "u-3"):
        profiles.forget(who)
    warehouse.send(batch(message(6, event="Seen", userId="joe", anonymousId="d-6")))
    assert seen(follower) == ["m-6"]


def test_a_server_that_was_away_hides_nothing(postgres: Database) -> None:
    warehouse = Warehouse(postgres.url)
    warehouse.send(batch(message(1, event="Seen")))
    follower = Follower(postgres.url, Wanted())
    follower.begin(0)
    postgres.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    insist(warehouse, batch(message(2, event="Seen")))
    with pytest.raises(Unavailable):
        follower.look()
    assert seen(follower) == ["m-2"]
    follower.close()
    warehouse.close()


def test_it_ends_when_it_is_told_to(warehouse: Warehouse, url: str) -> None:
    warehouse.send(batch(message(1, event="Seen")))
    stop = threading.Event()
    found = []
    for each in tail(url, every=0.1, stop=stop):
        found.append(each["messageId"])
        if len(found) == 1:
            warehouse.send(batch(message(2, event="Seen")))
        else:
            stop.set()
    assert found == ["m-1", "m-2"]


def test_wrong_arguments_are_told_at_once(warehouse: Warehouse, url: str) -> None:
    warehouse.send([])
    with pytest.raises(InvalidCall, match="'dance' as type"):
        tail(url, types=["dance"])
    with pytest.raises(InvalidCall, match="-1 as last; want a whole number"):
        tail(url, last=-1)
    for wrong in ({"last": "3"}, {"every": 0}, {"every": "1"}, {"types": "track"}, {"ids": "ada"}):
        with pytest.raises(InvalidCall, match=f"as {next(iter(wrong))}; want"):
            tail(url, **wrong)
    with pytest.raises(ConfigurationError, match="want one such as"):
        tail(None)  # type: ignore[arg-type]
    assert list(tail(url, last=2**70, follow=False)) == []
