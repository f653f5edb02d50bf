"""What is remembered of how a visitor came, and what messages tell of it."""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import attribution
from segment_identity.attribution import Attribution, Kept, Touch

from .samples import DAY, NOW

DIRECT: Final = Touch(NOW, landing_page="https://shop.example/")
NEWS: Final = Touch(NOW, {"source": "news", "medium": "email"})
SEARCH: Final = Touch(NOW, referrer="https://www.search.example/")
CLICK: Final = Touch(NOW, click_id="abcd", click_type="gclid")
ALL: Final = (DIRECT, NEWS, SEARCH, CLICK)

texts = st.text(max_size=20)
touches = st.builds(
    Touch,
    st.integers(0, 4_000_000_000),
    st.dictionaries(texts, texts, max_size=3),
    st.none() | texts,
    st.none() | texts,
    st.none() | texts,
    st.none() | texts,
)
attributions = st.builds(Attribution, touches, touches)


def later(touch: Touch, seconds: int = DAY) -> Touch:
    return msgspec.structs.replace(touch, time=touch.time + seconds)


def after(*arrivals: Touch | None) -> Attribution | None:
    known = None
    for each in arrivals:
        known = attribution.after(known, each)
    return known


@pytest.mark.parametrize("touch", ALL)
def test_the_first_arrival_is_first_and_last(touch: Touch) -> None:
    assert after(touch) == Attribution(touch, touch)


@pytest.mark.parametrize("first", ALL)
@pytest.mark.parametrize("last", [NEWS, SEARCH, CLICK])
def test_a_later_arrival_from_somewhere_is_last(first: Touch, last: Touch) -> None:
    assert after(first, later(last)) == Attribution(first, later(last))


@pytest.mark.parametrize("touch", ALL)
def test_a_direct_visit_hides_nothing(touch: Touch) -> None:
    assert after(touch, later(DIRECT), None) == Attribution(touch, touch)


def test_nobody_who_never_arrived_is_known() -> None:
    assert after(None, None) is None


@pytest.mark.parametrize(
    ("first", "again", "repeats"),
    [
        (NEWS, NEWS, True),
        (SEARCH, SEARCH, True),
        (CLICK, CLICK, True),
        (
            Touch(NOW, {"source": "ads"}, "https://search.example/"),
            Touch(NOW, referrer="https://www.search.example/elsewhere"),
            True,
        ),
        (
            Touch(NOW, {"source": "ads"}, "https://search.example/"),
            Touch(NOW, {"source": "ads"}),
            True,
        ),
        (NEWS, Touch(NOW, {"source": "news", "medium": "social"}), False),
        (NEWS, Touch(NOW, NEWS.campaign, "https://mail.example/"), False),
        (NEWS, SEARCH, False),
        (DIRECT, Touch(NOW, referrer="a-page-without-a-host"), False),
        (CLICK, Touch(NOW, click_id="efgh", click_type="gclid"), False),
    ],
)
def test_what_repeats_the_last_arrival_is_none(first: Touch, again: Touch, repeats: bool) -> None:
    known = Attribution(DIRECT, first)
    assert attribution.after(known, later(again, 60)) == (
        known if repeats else Attribution(DIRECT, later(again, 60))
    )


@pytest.mark.parametrize("touch", [NEWS, SEARCH, CLICK])
def test_the_same_arrival_is_another_after_half_an_hour(touch: Touch) -> None:
    known = after(touch, later(touch, 1_800))
    assert known == Attribution(touch, later(touch, 1_800))


@given(st.lists(touches, min_size=1))
def test_the_first_arrival_stays_and_the_last_is_direct_only_if_all_were(
    arrivals: list[Touch],
) -> None:
    known = after(*arrivals)
    assert known is not None
    assert known.first == arrivals[0]
    assert known.last.is_direct is all(each.is_direct for each in arrivals)


@given(attributions, st.integers(0, 4_000_000_000))
def test_what_a_cookie_keeps_is_what_was_known(known: Attribution, now: int) -> None:
    wire = msgspec.json.encode(attribution.kept(known, now))
    held = msgspec.json.decode(wire, type=Kept)
    assert attribution.opened(held) == known
    assert not attribution.is_due(attribution.kept(known, now), held)


def test_the_cookie_is_written_for_another_arrival_and_every_month() -> None:
    known = Attribution(NEWS, NEWS)
    held = attribution.kept(known, NOW)
    month = NOW + 30 * DAY
    assert attribution.is_due(attribution.kept(Attribution(NEWS, later(SEARCH)), NOW), held)
    assert not attribution.is_due(attribution.kept(known, month), held)
    assert attribution.is_due(attribution.kept(known, month + 1), held)


def test_a_message_tells_both_and_the_last_stands_in_for_the_request() -> None:
    last = Touch(
        NOW, {"name": "spring"}, "https://a.example/", "https://b.example/", "abcd", "gclid"
    )
    assert attribution.stamp(Attribution(DIRECT, last), {}, NOW) == {
        "attribution": {
            "first": {
                "timestamp": "2025-06-15T15:06:40.000Z",
                "landingPage": "https://shop.example/",
            },
            "last": {
                "timestamp": "2025-06-15T15:06:40.000Z",
                "campaign": {"name": "spring"},
                "referrer": {"id": "abcd", "type": "gclid", "url": "https://a.example/"},
                "landingPage": "https://b.example/",
            },
        },
        "campaign": {"name": "spring"},
        "referrer": {"id": "abcd", "type": "gclid", "url": "https://a.example/"},
    }


def test_what_the_request_says_itself_is_not_said_again() -> None:
    said = attribution.stamp(Attribution(NEWS, NEWS), {"campaign": {"name": "now"}}, NOW)
    assert set(said) == {"attribution"}
    said = attribution.stamp(Attribution(SEARCH, SEARCH), {"referrer": {"id": "x"}}, NOW)
    assert set(said) == {"attribution"}


@pytest.mark.parametrize(("age", "stands_in"), [(0, True), (90 * DAY, True), (90 * DAY + 1, False)])
def test_an_old_touch_stands_in_for_nothing(age: int, stands_in: bool) -> None:
    said = attribution.stamp(Attribution(NEWS, NEWS), {}, NOW + age)
    assert ("campaign" in said) is stands_in
    assert "attribution" in said


@given(st.builds(Attribution, touches, touches))
def test_what_is_told_is_heard(known: Attribution) -> None:
    heard = attribution.heard(msgspec.json.decode(msgspec.json.encode(attribution.told(known))))
    assert heard == known


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(), each, max_size=2),
    max_leaves=6,
)


@pytest.mark.parametrize("broken", [None, 7, "x", [], {}, {"first": 1, "last": 2}])
def test_a_context_that_tells_nothing_is_heard_as_nothing(broken: object) -> None:
    assert attribution.heard({"attribution": broken}) is None
    assert attribution.heard({}) is None


@given(
    st.fixed_dictionaries(
        {"timestamp": st.just("2026-01-31T12:00:00Z") | json_values},
        optional={
            "campaign": json_values,
            "referrer": json_values,
            "landingPage": json_values,
        },
    )
)
def test_no_value_in_a_context_raises(said: dict[str, Any]) -> None:
    heard = attribution.heard({"attribution": {"first": said, "last": said}})
    assert heard is None or isinstance(heard, Attribution)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.Shop.Example:8443/a?b", "shop.example"),
        ("http://shop.example.", "shop.example"),
        ("https://shop.example?x", "shop.example"),
        ("http://[::1]:80/", "[::1]"),
        ("/path", ""),
        ("", ""),
    ],
)
def test_a_host_is_the_same_whatever_is_around_it(url: str, host: str) -> None:
    assert attribution.host(url) == host
