"""What people ask of a warehouse."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from segment_identity import Analytics, ConfigurationError, InvalidCall
from segment_identity.cookieless import DailyIds
from segment_identity.messages import Message
from segment_identity.warehouse import Profiles, Warehouse

from .loading import load, query
from .scenarios import call, on

MONTH: list[Message] = [
    call(1, "a", **on("laptop")),
    call(2, "b", **on("laptop", "ada")),
    call(3, "c", **on("phone", "ada")),
    call(4, "d", **on("stranger-1")),
    call(4, "e", "page", **on("stranger-2")),
    call(5, "f", userId="bob"),
    call(6, "g", "alias", previousId="stranger-3", **on("laptop", "laptop")),
    call(7, "h", **on("null", "undefined")),
]


@pytest.fixture
def month(warehouse: Warehouse) -> Warehouse:
    """Return a warehouse with a January, and a few calls around it."""
    around = [
        {**call(1, "before", **on("early", "eve")), "timestamp": "2025-12-31T23:59:59.999Z"},
        {**call(1, "after", **on("late", "leo")), "timestamp": "2026-02-01T00:00:00.000Z"},
        # Tells in February who the stranger was; in January nobody knew.
        {**call(1, "told", **on("stranger-1", "ada")), "timestamp": "2026-02-02T00:00:00.000Z"},
    ]
    load(warehouse, [*MONTH, *around, *MONTH])
    return warehouse


def test_monthly_tracked_users_are_counted_as_segment_does(
    month: Warehouse, profiles: Profiles
) -> None:
    january = profiles.mtu("2026-01")
    assert (january.users, january.anonymous, january.total) == (2, 2, 4)
    assert profiles.mtu("2025-12").total == 1
    february = profiles.mtu("2026-02")
    assert (february.users, february.anonymous) == (2, 0)
    assert profiles.mtu("2030-12").total == 0


def test_ids_of_one_day_are_counted_apart(warehouse: Warehouse, profiles: Profiles) -> None:
    """A visitor of three days is three of them, and bob's device only looks like one."""
    made = DailyIds(b"a-key-for-tests-Rk3vTq9w")
    days = [
        made.of(day * 86_400.0, site=b"www.shop.example", address="203.0.113.7", agent=b"Browser/1")
        for day in range(3)
    ]
    others = [days[0][:-1], days[0] + "0", days[0].upper(), "d-" + 32 * "g"]
    load(
        warehouse,
        [
            *(call(1 + number, f"day {number}", **on(each)) for number, each in enumerate(days)),
            *(call(9, f"other {number}", **on(each)) for number, each in enumerate(others)),
            call(10, "knows", userId="bob"),
        ],
    )
    january = profiles.mtu("2026-01")
    assert (january.users, january.anonymous, january.daily, january.total) == (1, 4, 3, 5)


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "January", "", "2026-01-01", "\u0662026"])
def test_what_is_no_month_is_told_at_once(profiles: Profiles, month: str) -> None:
    with pytest.raises(InvalidCall, match="want one such as '2026-01'"):
        profiles.mtu(month)


def test_sessions_go_over_devices(month: Warehouse, profiles: Profiles) -> None:
    found = profiles.sessions("phone")
    assert [(each.start[:10], each.tracks, each.was_known) for each in found] == [
        ("2026-01-01", 1, False),
        ("2026-01-02", 1, True),
        ("2026-01-03", 1, True),
        ("2026-01-04", 1, True),
        ("2026-01-06", 0, True),
        ("2026-02-02", 1, True),
    ]
    assert len(profiles.sessions("phone", gap=60 * 24 * 40)) == 1
    assert profiles.sessions("nobody") == []


def test_calls_are_kept_no_longer_than_wanted(month: Warehouse, profiles: Profiles) -> None:
    load(month, [call(1, "signs", "identify", traits={"plan": "free"}, userId="bob")])
    now = datetime(2026, 2, 3, tzinfo=UTC).timestamp()
    assert profiles.retain(400, now=now) == {}
    removed = profiles.retain(10, now=now)
    assert removed["tracks"] == 7
    assert removed["users"] == 1
    assert query(month, "SELECT id FROM profile_events ORDER BY id") == [("after",), ("told",)]
    # Who did nothing for so long is gone; who did keeps all their ids.
    assert profiles.whois("bob") is profiles.whois("eve") is profiles.whois("stranger-2") is None
    ada = profiles.whois("ada")
    assert ada is not None
    assert ada.anonymous_ids == ["laptop", "phone", "stranger-1", "stranger-3"]
    assert query(month, "SELECT count(*) FROM profiles") == [(2,)]
    # And is nobody who must not come back.
    load(month, [call(28, "back", **on("laptop-2", "bob"))])
    assert profiles.whois("bob") is not None


def test_a_shared_device_stays_with_who_is_left(warehouse: Warehouse, profiles: Profiles) -> None:
    load(warehouse, [call(1, "old", **on("tablet", "ada")), call(28, "new", **on("tablet", "bob"))])
    profiles.retain(10, now=datetime(2026, 2, 1, tzinfo=UTC).timestamp())
    assert query(warehouse, "SELECT segment_id, canonical_segment_id FROM id_graph ORDER BY 1") == [
        ("anonymous_id:tablet", "user_id:bob"),
        ("user_id:bob", "user_id:bob"),
    ]
    assert query(warehouse, "SELECT id, anonymous_id FROM tracks") == [("new", "tablet")]


@pytest.mark.parametrize("days", [0, -1, float("nan"), "30", True, None])
def test_an_age_that_cannot_be_is_told_at_once(profiles: Profiles, days: Any) -> None:
    with pytest.raises(InvalidCall, match=r"want (more than 0|0 or more|a number)"):
        profiles.retain(days)


@pytest.mark.parametrize("days", [1e6, 1e300, float("inf"), 10**400])
def test_nothing_is_older_than_all_years(month: Warehouse, profiles: Profiles, days: float) -> None:
    assert profiles.retain(days) == {}
    assert profiles.whois("ada") is not None


@pytest.mark.parametrize(
    "text", ["\udcff", "a\x00b", "", "x" * 100_000, "user_id:", "%"], ids=ascii
)
def test_whatever_is_no_id_is_nobodys(profiles: Profiles, text: str) -> None:
    assert profiles.whois(text) is None
    assert profiles.with_family(text) is None
    assert profiles.sessions(text) == []
    assert profiles.forget(text, scrub=False).ids == 0


def test_an_id_is_found_as_it_was_tracked(profiles: Profiles, url: str) -> None:
    with Analytics(url) as analytics:
        analytics.identity(anonymous_id="anonymous_id:x", user_id="user_id:y").track("Seen")
    found = [profiles.whois(each) for each in ("anonymous_id:x", "user_id:y", "user_id:user_id:y")]
    assert [each and each.user_id for each in found] == ["user_id:y"] * 3


@pytest.mark.parametrize(
    "ask",
    [
        lambda profiles: profiles.whois(None),
        lambda profiles: profiles.whois(b"ada"),
        lambda profiles: profiles.forget(7),
        lambda profiles: profiles.with_family(7),
        lambda profiles: profiles.whois("ada", limit=-1),
        lambda profiles: profiles.whois("ada", limit="9"),
        lambda profiles: profiles.whois("ada", limit=2.5),
        lambda profiles: profiles.sessions("ada", gap=float("nan")),
        lambda profiles: profiles.sessions("ada", gap=-1),
        lambda profiles: profiles.sessions("ada", gap="9"),
    ],
)
def test_what_cannot_be_asked_is_told_at_once(
    profiles: Profiles, ask: Callable[[Profiles], object]
) -> None:
    with pytest.raises(InvalidCall, match=r"\(\) was given .*want"):
        ask(profiles)


def test_any_number_of_calls_may_be_asked_for(month: Warehouse, profiles: Profiles) -> None:
    found = profiles.whois("ada", limit=2**70)
    assert found is not None
    assert found.is_whole


@pytest.mark.parametrize("policy", ["frist", None, True])
def test_a_policy_that_is_none_is_told_at_once(url: str, policy: Any) -> None:
    with pytest.raises(ConfigurationError, match="want one of 'first', 'last'"):
        Profiles(url, policy=policy)


def test_a_missing_file_is_told_and_not_made(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("empty")
    with pytest.raises(ConfigurationError, match="no warehouse"):
        Profiles(f"sqlite:///{folder}/none.db")
    assert not list(folder.iterdir())
