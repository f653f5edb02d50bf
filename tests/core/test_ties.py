"""What ties a person's ids together, what did not, and why."""

from hypothesis import given
from hypothesis import strategies as st

from segment_identity.facts import Id, facts
from segment_identity.inspector.picture import MOST, WIDTH, picture
from segment_identity.stitching import canonical
from segment_identity.ties import family


def call(
    number: int, device: str | None, user: str | None = None, **more: str
) -> dict[str, object]:
    """Return one call, later than those with a lower number."""
    return {
        "type": "track",
        "messageId": f"m-{number:04}",
        "timestamp": f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}.000Z",
        "anonymousId": device,
        "userId": user,
        **more,
    }


ADA, BOB = Id("user_id", "ada"), Id("user_id", "bob")
LAPTOP, PHONE = Id("anonymous_id", "laptop-1"), Id("anonymous_id", "phone-01")


def test_a_shared_device_ties_its_first_user_and_refuses_the_second_in_words() -> None:
    seen = facts(
        [call(1, "laptop-1", "ada"), call(2, "laptop-1", "bob"), call(3, "phone-01", "ada")]
    )
    found = family(seen, LAPTOP)
    assert found.goes_by == ADA
    assert set(found.members) == {ADA, LAPTOP, PHONE}
    assert found.strangers == [BOB]
    assert [(tie.one, tie.other, tie.holds) for tie in found.ties] == [
        (LAPTOP, ADA, True),
        (LAPTOP, BOB, False),
        (PHONE, ADA, True),
    ]
    refused = found.ties[1]
    assert refused.reason == "calls carried both, but the device is ada's, who came earlier"
    assert family(seen, LAPTOP, "last").goes_by == BOB


def test_an_alias_ties_two_users_and_a_device_to_its_user() -> None:
    seen = facts(
        [
            call(1, "laptop-1"),
            call(2, None, "bob", type="alias", previousId="ada"),
            call(3, None, "bob", type="alias", previousId="laptop-1"),
            call(4, None, "ada"),
        ]
    )
    found = family(seen, BOB)
    assert set(found.members) == {ADA, BOB, LAPTOP}
    assert [(tie.kind, tie.holds, tie.reason) for tie in found.ties] == [
        ("alias", True, "an alias joins them"),
        ("alias", True, "an alias names both"),
    ]


IDS = st.sampled_from(["anna-001", "bert-002", "carl-003", "dora-004"])
CALLS = st.lists(
    st.one_of(
        st.tuples(st.just("track"), IDS, st.none() | IDS),
        st.tuples(st.just("alias"), IDS, IDS),
    ),
    min_size=1,
    max_size=12,
)


@given(CALLS)
def test_a_family_is_the_person_and_every_tie_that_holds_is_within(
    calls: list[tuple[str, str, str | None]],
) -> None:
    seen = facts(
        call(number, None, new, type="alias", previousId=old)
        if kind == "alias"
        else call(number, f"device-{old}", new)
        for number, (kind, old, new) in enumerate(calls)
    )
    names = canonical(seen)
    for start in names:
        found = family(seen, start)
        assert set(found.members) == {each for each in names if names[each] == names[start]}
        for tie in found.ties:
            assert tie.holds == (tie.one in found.members and tie.other in found.members)
            assert tie.one in found.members or tie.other in found.members
        drawn = picture(found)
        assert {box.id for box in drawn.boxes} == {*found.members, *found.strangers}
        assert len(drawn.lines) == len(found.ties)
        places = [(box.x, box.y) for box in drawn.boxes]
        assert len(set(places)) == len(places)
        assert all(x >= 0 and x + drawn.box <= WIDTH for x, _ in places)
        assert all(y + 20 <= drawn.height for _, y in places)


def test_a_kiosk_with_thousands_of_users_is_drawn_in_part() -> None:
    seen = facts(call(number, "kiosk-001", f"user-{number:04}") for number in range(3_000))
    drawn = picture(family(seen, Id("anonymous_id", "kiosk-001")))
    assert len(drawn.boxes) == MOST + 1
    assert drawn.hidden == 3_000 - MOST
