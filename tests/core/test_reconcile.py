"""The decision table of reconcile, row by row."""

from typing import Any, NamedTuple

import msgspec
import pytest

from segment_identity.marker import Marker
from segment_identity.presented import NOTHING, Presented
from segment_identity.reconcile import DAY, Reason, Recognised, reconcile
from segment_identity.signing import Memory

NOW = 1_800_000_000.0
A = "aaaaaaaa-0000-4000-8000-000000000001"
B = "bbbbbbbb-0000-4000-8000-000000000002"
ALICE = "alice"
BOB = "bob"


def plain(*ids: str, user: str | None = None, group: str | None = None, **more: Any) -> Presented:
    return Presented(
        anonymous_ids=ids,
        user_ids=() if user is None else (user,),
        group_id=group,
        has_anonymous=bool(ids),
        has_user=user is not None,
        has_group=group is not None,
        has_marker=more.get("marker") is not None,
        **more,
    )


def memory(
    anonymous_id: str = A,
    user: str | None = None,
    group: str | None = None,
    age: float = 3_600,
    touched: bool = False,
) -> Memory:
    seen = int(NOW - age)
    told = touched or user is not None
    return Memory(anonymous_id, user, group, seen - DAY, seen, "nonce", told)


def settled(anonymous_id: str = A, user: str | None = None, group: str | None = None) -> Marker:
    return Marker(anonymous_id, user, group, settled=True)


def tentative(anonymous_id: str = A) -> Marker:
    return Marker(anonymous_id)


class Row(NamedTuple):
    presented: Presented
    memory: Memory | None
    reason: Reason
    anonymous_id: str | None
    user_id: str | None = None
    claimed: str | None = None
    owes: bool = False
    tell: bool | None = None


R = Reason
ILLEGIBLE = Presented(anonymous_ids=("{bad}",), has_anonymous=True)

TABLE = {
    # Nothing, or only what nobody signed.
    "nothing at all": Row(NOTHING, None, R.NOBODY, None),
    "a user claim alone is a hint": Row(plain(user=BOB), None, R.NOBODY, None, None, BOB),
    "an id made by the browser is adopted": Row(plain(A), None, R.ADOPTED, A, owes=True),
    "with its claim as a hint": Row(
        plain(A, user=BOB), None, R.ADOPTED, A, None, BOB, owes=True
    ),
    "a placeholder is no id": Row(plain("null"), None, R.NOBODY, None),
    "a too short id is no id": Row(plain("abc"), None, R.NOBODY, None),
    "a marker without a memory proves nothing": Row(
        plain(A, marker=settled(B, ALICE)), None, R.ADOPTED, A, owes=True
    ),
    # Both sides present and of one mind.
    "anonymous on both sides": Row(plain(A), memory(), R.AGREE, A),
    "one user on both sides": Row(plain(A, user=ALICE), memory(user=ALICE), R.AGREE, A, ALICE),
    "a claim beside an anonymous memory": Row(plain(A, user=BOB), memory(), R.AGREE, A, None, BOB),
    "a tentative marker that still stands": Row(
        plain(A, marker=tentative()), memory(), R.AGREE, A
    ),
    "a settled marker that says the same": Row(
        plain(A, user=ALICE, marker=settled(A, ALICE)), memory(user=ALICE), R.AGREE, A, ALICE
    ),
    "the signed one of several ids": Row(plain(B, A), memory(), R.AGREE, A),
    "an id of any form, if it is the signed one": Row(
        plain("odd id!"), memory("odd id!"), R.AGREE, "odd id!"
    ),
    "due for renewal after a day": Row(
        plain(A), memory(age=DAY + 1), R.AGREE, A, owes=True
    ),
    # The server spoke last.
    "settled: the old user's cookies are stale": Row(
        plain(A, user=ALICE, marker=settled(B)), memory(B), R.SERVER_TOLD, B, owes=True, tell=True
    ),
    "settled: a log-in the page has not heard": Row(
        plain(A, marker=settled(A, ALICE)), memory(user=ALICE), R.SERVER_TOLD, A, ALICE,
        owes=True, tell=True,
    ),
    "settled: plain cookies gone": Row(
        plain(marker=settled()), memory(age=60), R.SERVER_TOLD, A, owes=True, tell=True
    ),
    "settled: the marker is older than the memory": Row(
        plain(A, user=ALICE, marker=settled(A)), memory(user=ALICE), R.SERVER_TOLD, A, ALICE,
        owes=True, tell=True,
    ),
    # The browser spoke last.
    "another anonymousId drops the user": Row(
        plain(B), memory(user=ALICE), R.BROWSER_CHANGED, B, owes=True
    ),
    "another anonymousId with a claim": Row(
        plain(B, user=BOB), memory(user=ALICE), R.BROWSER_CHANGED, B, None, BOB, owes=True
    ),
    "another anonymousId claiming the same user proves nothing": Row(
        plain(B, user=ALICE), memory(user=ALICE), R.BROWSER_CHANGED, B, None, ALICE, owes=True
    ),
    "a tentative marker does not hold the browser": Row(
        plain(B, marker=tentative(A)), memory(), R.BROWSER_CHANGED, B, owes=True
    ),
    "another claimed user drops the trusted one": Row(
        plain(A, user=BOB), memory(user=ALICE), R.CLAIM_DIFFERS, A, None, BOB, owes=True
    ),
    "a missing claim is not another one": Row(
        plain(A), memory(user=ALICE), R.REPAIRED, A, ALICE, owes=True, tell=False
    ),
    # Cookies went.
    "gone within a day is a reset": Row(
        NOTHING, memory(user=ALICE, age=DAY - 1), R.BROWSER_FORGOT, None, owes=True
    ),
    "gone within a day, and the claim that stayed is a hint": Row(
        plain(user=ALICE), memory(user=ALICE, age=60), R.BROWSER_FORGOT, None, None, ALICE,
        owes=True,
    ),
    "gone after a day is expiry": Row(
        NOTHING, memory(user=ALICE, age=DAY), R.RESTORED, A, ALICE, owes=True, tell=False
    ),
    "expiry with another user's claim left over": Row(
        plain(user=BOB), memory(user=ALICE, age=8 * DAY), R.RESTORED, A, None, BOB,
        owes=True, tell=False,
    ),
    "an illegible id is repaired": Row(
        ILLEGIBLE, memory(age=60), R.REPAIRED, A, owes=True, tell=False
    ),
    "an illegible id without the user's claim drops the user": Row(
        ILLEGIBLE, memory(user=ALICE, age=60), R.REPAIRED, A, None, owes=True, tell=False
    ),
    # The page reported a reset.
    "a reported reset drops the memory": Row(
        plain(reset=True), memory(user=ALICE), R.BROWSER_RESET, None, owes=True
    ),
    "the id made after the reset is adopted": Row(
        plain(B, reset=True), memory(user=ALICE), R.BROWSER_RESET, B, owes=True
    ),
    "cookies of before the reset are leftovers": Row(
        plain(A, user=ALICE, reset=True), memory(user=ALICE), R.BROWSER_RESET, None,
        owes=True, tell=True,
    ),
    "a reset outlives a marker of before": Row(
        plain(B, reset=True, marker=settled(A, ALICE)), memory(user=ALICE), R.BROWSER_RESET, B,
        owes=True, tell=True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_row_of_the_table(row: Row) -> None:
    found = reconcile(row.presented, row.memory, NOW)
    assert found.reason is row.reason
    assert found.visitor.anonymous_id == row.anonymous_id
    assert found.visitor.user_id == row.user_id
    assert found.claimed == row.claimed
    assert found.owes is row.owes
    assert found.tell is row.tell
    assert not found.ambiguous
    assert found.link is None


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_a_user_is_trusted_only_if_the_memory_signed_it(row: Row) -> None:
    signed = None if row.memory is None else row.memory.user_id
    assert reconcile(row.presented, row.memory, NOW).visitor.user_id in (None, signed)


def test_an_id_that_the_browser_replaced_is_linked_to_the_older_one() -> None:
    found = reconcile(plain(B, replaced=A), memory(A), NOW)
    assert (found.reason, found.visitor.anonymous_id, found.link) == (R.REPLACED, B, A)


@pytest.mark.parametrize(
    ("presented", "remembered"),
    [
        (plain(B, replaced="cccccccc-somebody-elses"), memory(A)),
        (plain(B, replaced=A), memory(A, user=ALICE)),
        (plain(A, replaced=A), memory(A)),
        (plain(B, replaced=A), None),
    ],
    ids=["not ours", "already somebody's", "not replaced", "nothing signed"],
)
def test_nothing_else_is_linked(presented: Presented, remembered: Memory | None) -> None:
    assert reconcile(presented, remembered, NOW).link is None


@pytest.mark.parametrize(
    ("presented", "age"),
    [
        (plain(A, user=BOB), 60),
        (ILLEGIBLE, 60),
        (plain(user=BOB), 8 * DAY),
    ],
    ids=["another claim", "an illegible id", "another claim after expiry"],
)
def test_a_device_that_keeps_its_id_without_its_person_stays_owned(
    presented: Presented, age: float
) -> None:
    found = reconcile(presented, memory(user=ALICE, age=age), NOW).visitor
    assert (found.anonymous_id, found.user_id, found.owned) == (A, None, True)


def test_of_several_claims_the_signed_one_counts() -> None:
    planted = Presented(anonymous_ids=(A,), user_ids=("mallory", ALICE), has_anonymous=True)
    assert reconcile(planted, memory(user=ALICE), NOW).visitor.user_id == ALICE


def test_several_ids_without_a_memory_are_ambiguous() -> None:
    found = reconcile(plain(A, B), None, NOW)
    assert (found.visitor.anonymous_id, found.ambiguous) == (A, True)


def test_an_id_whose_name_came_encoded_is_ambiguous() -> None:
    assert reconcile(plain(A, encoded_name=True), None, NOW).ambiguous


def test_contradicting_memories_prove_nobody() -> None:
    found = reconcile(plain(A, user=ALICE), None, NOW, contested=True)
    assert (found.visitor.user_id, found.ambiguous, found.owes) == (None, True, True)


def test_a_memory_signed_with_an_old_key_is_signed_again() -> None:
    assert reconcile(plain(A), memory(), NOW, stale_key=True).owes


def test_what_a_marker_says_is_never_taken_for_an_id() -> None:
    found = reconcile(plain(A, marker=settled(B, "mallory")), memory(A), NOW)
    assert found.visitor.anonymous_id == A
    assert found.visitor.user_id is None


def test_the_groups_of_a_visitor_follow_the_browser_until_the_server_speaks() -> None:
    moved = reconcile(plain(A, group="new"), memory(group="old"), NOW)
    told = reconcile(
        plain(A, group="new", marker=settled(A, None, "old")), memory(group="old"), NOW
    )
    assert (moved.visitor.group_id, told.visitor.group_id) == ("new", "old")


@pytest.mark.parametrize(
    ("presented", "heard"),
    [
        (plain(A, group="acme", marker=settled(A, None, "acme")), True),
        (plain(A, group="acme", marker=settled(A, None, "old")), False),
        (plain(A, group="old", marker=settled(A, None, "acme")), False),
    ],
    ids=["all say the same", "the marker is older", "the cookie is stale"],
)
def test_a_group_is_told_until_marker_and_cookie_say_it(presented: Presented, heard: bool) -> None:
    found = reconcile(presented, memory(group="acme"), NOW)
    assert found.visitor.group_id == "acme"
    assert found.tell is (None if heard else True)
    assert found.owes is not heard


def test_another_group_has_none_of_the_traits_of_the_old_one() -> None:
    old = msgspec.structs.replace(memory(group="old"), group_traits={"size": 9})
    assert reconcile(plain(A, group="old"), old, NOW).visitor.group_traits == {"size": 9}
    assert reconcile(plain(A, group="new"), old, NOW).visitor.group_traits == {}


def test_a_person_who_is_dropped_takes_the_group_along() -> None:
    remembered = memory(user=ALICE, group="acme", age=60)
    assert reconcile(ILLEGIBLE, remembered, NOW).visitor.group_id is None
    assert reconcile(plain(A, user=BOB), remembered, NOW).visitor.group_id is None


def test_without_a_browser_side_only_the_memory_counts() -> None:
    found = reconcile(plain(B, user=BOB), memory(user=ALICE, age=30), NOW, browser=False)
    assert (found.visitor.anonymous_id, found.visitor.user_id, found.owes) == (A, ALICE, False)
    assert reconcile(NOTHING, memory(age=10), NOW, browser=False).visitor.anonymous_id == A
    assert reconcile(plain(A), None, NOW, browser=False) == Recognised()
