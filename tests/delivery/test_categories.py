"""Destinations that need consent for what they do get only what was agreed to."""

from typing import Any

import pytest

from segment_identity import Analytics, ConfigurationError
from segment_identity.destinations import Memory

from .support import adds_up


def recorded(analytics: Analytics, *consents: Any) -> None:
    for number, consent in enumerate(consents):
        analytics.identity(user_id="ada", consent=consent).track(f"{number}")
    assert analytics.flush(10)


def names(memory: Memory) -> list[str]:
    return [each["event"] for each in memory.messages]


def test_each_destination_gets_what_was_agreed_to() -> None:
    warehouse, marketing, both = Memory(), Memory(), Memory()
    needs = {"memory": "analytics", "memory 2": ["ads"], "memory 3": ["analytics", "ads"]}
    with Analytics(warehouse, marketing, both, categories=needs) as analytics:
        recorded(
            analytics,
            {"analytics": True, "ads": True},
            {"analytics": True, "ads": False},
            {"analytics": False, "ads": True},
            {"analytics": True},
            {},
            True,
            None,
            False,
        )
        stats = analytics.stats()
    assert names(warehouse) == ["0", "1", "3", "5", "6"]
    assert names(marketing) == ["0", "2", "5", "6"]
    assert names(both) == ["0", "5", "6"]
    # Seven events to three destinations, and one that was for none.
    assert (stats.accepted, stats.delivered, dict(stats.dropped)) == (22, 12, {"consent": 10})
    assert stats.destinations["memory 2"].dropped == {"consent": 3}
    assert adds_up(stats)


def test_a_destination_without_categories_gets_all() -> None:
    free, bound = Memory(), Memory()
    with Analytics(free, bound, categories={"memory 2": "ads"}) as analytics:
        recorded(analytics, {}, {"ads": True})
    assert (names(free), names(bound)) == (["0", "1"], ["1"])


def test_before_send_may_still_say_what_was_agreed_to() -> None:
    def agree(message: dict[str, Any]) -> dict[str, Any]:
        message["context"]["consent"] = {"categoryPreferences": {"ads": message["event"] == "1"}}
        return message

    memory = Memory()
    with Analytics(memory, categories={"memory": "ads"}, before_send=agree) as analytics:
        recorded(analytics, {"ads": True}, {"ads": False})
    assert names(memory) == ["1"]


def test_a_refusal_is_not_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    with Analytics(Memory(), categories={"memory": "ads"}) as analytics:
        recorded(analytics, {})
    assert caplog.records == []


def test_what_is_refused_never_reaches_the_spool(tmp_path: Any) -> None:
    with Analytics(Memory(), categories={"memory": "ads"}, spool=tmp_path) as analytics:
        analytics.identity(user_id="ada", consent={"ads": False}).track("Seen")
        assert analytics.store()
        assert analytics.stats().stored == 0
        assert analytics.stats().dropped == {"consent": 1}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"warehouse": "ads"}, r"'warehouse', which is no destination; there is memory"),
        ({"memory": []}, r"\[\] for memory; want a category or a list"),
        ({"memory": ""}, "want a category"),
        ({"memory": [1]}, "want a category"),
        ({"memory": {"ads": True}}, "want a category"),
        (["memory"], "list; want a mapping"),
    ],
)
def test_a_mistake_is_told_at_once(given: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Analytics("memory:", categories=given)
