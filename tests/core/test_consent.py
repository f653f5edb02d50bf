"""What answers mean, and Segment's tables of which destination gets what."""

import json
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import consent
from segment_identity.consent import AGREED, REFUSED, UNASKED, Agreement
from segment_identity.errors import InvalidCall

BOTH: Final = {"analytics": True, "advertising": True}
ONE: Final = {"analytics": True, "advertising": False}
NONE: Final = {"analytics": False, "advertising": False}


@pytest.mark.parametrize(
    ("answer", "agreement"),
    [
        pytest.param(None, UNASKED, id="not asked yet"),
        pytest.param(True, AGREED, id="yes"),
        pytest.param(False, REFUSED, id="no"),
        pytest.param(BOTH, Agreement(True, preferences=BOTH), id="yes to all"),
        pytest.param(ONE, Agreement(True, preferences=ONE), id="yes to what recording needs"),
        pytest.param(NONE, Agreement(False, preferences=NONE), id="no to all"),
        pytest.param({}, Agreement(False, preferences={}), id="nothing"),
        pytest.param(
            {"advertising": True},
            Agreement(False, preferences={"advertising": True}),
            id="yes to something else",
        ),
    ],
)
def test_what_an_answer_means(answer: object, agreement: Agreement) -> None:
    assert consent.read(answer, "analytics") == agreement


@pytest.mark.parametrize(
    "answer",
    ["yes", 1, 0, ["analytics"], {"analytics": 1}, {"analytics": "true"}, {"a": None}, {1: True}],
)
def test_what_is_no_answer_is_refused(answer: object) -> None:
    with pytest.raises(TypeError):
        consent.read(answer, "analytics")
    with pytest.raises(InvalidCall, match=r"identity\(\) was given .* as consent"):
        consent.given("identity", answer)  # type: ignore[arg-type]


@given(st.one_of(st.none(), st.booleans(), st.dictionaries(st.text(), st.booleans())))
def test_nothing_but_true_agrees(answer: Any) -> None:
    agreement = consent.read(answer, "analytics")
    said_yes = answer is True or (isinstance(answer, dict) and answer.get("analytics") is True)
    assert agreement.allows is said_yes
    assert agreement.asked is (answer is not None)


def test_an_answer_is_copied() -> None:
    answer = dict(BOTH)
    agreement = consent.read(answer, "analytics")
    answer["advertising"] = False
    assert agreement.preferences == BOTH


SALE: Final = ("advertising",)


@pytest.mark.parametrize(
    ("agreement", "gpc", "told"),
    [
        pytest.param(AGREED, SALE, ONE, id="a plain yes becomes one without sale"),
        pytest.param(Agreement(True, preferences=BOTH), SALE, ONE, id="sale beats a yes to it"),
        pytest.param(Agreement(True, preferences=ONE), SALE, ONE, id="a no stays"),
        pytest.param(AGREED, ("analytics",), False, id="what recording needs may be sale"),
        pytest.param(AGREED, True, False, id="all is refused"),
        pytest.param(AGREED, False, True, id="none is refused"),
        pytest.param(AGREED, (), True, id="no category is refused"),
        pytest.param(REFUSED, SALE, False, id="no is no"),
        pytest.param(UNASKED, SALE, None, id="nobody was asked"),
        pytest.param(UNASKED, True, None, id="nobody was asked, and all is refused"),
    ],
)
def test_what_gpc_leaves(agreement: Agreement, gpc: consent.Gpc, told: consent.Consent) -> None:
    assert consent.told(consent.under_gpc(agreement, gpc, "analytics")) == told


class Row(NamedTuple):
    """A row of "Reconcile consent object and integrations object conflicts"."""

    context: Any
    integrations: Any
    # Which destinations each category has, and which get the event.
    mapped: dict[str, set[str]]
    flows: set[str]


ALL: Final = {"facebook", "google-ads", "amplitude", "unmapped"}
ADS: Final = {"ad": {"facebook", "google-ads"}}
APART: Final = {**ADS, "analytics": {"amplitude"}}
SHARED: Final = {**ADS, "analytics": {"facebook", "amplitude"}}
ONE_OFF: Final = {"facebook": True, "amplitude": False}
BOTH_OFF: Final = {"facebook": False, "amplitude": False}


def agreed(**preferences: bool) -> dict[str, Any]:
    return {"consent": {"categoryPreferences": preferences}}


SEGMENT: Final = {
    "no consent object": Row({}, {}, APART, ALL),
    "empty consent object": Row({"consent": {}}, {}, APART, ALL),
    "empty preferences": Row(agreed(), {}, APART, {"unmapped"}),
    "no consent object, integrations": Row({}, ONE_OFF, APART, ALL - {"amplitude"}),
    "empty consent object, integrations": Row({"consent": {}}, ONE_OFF, APART, {"unmapped"}),
    "empty preferences, integrations": Row(agreed(), ONE_OFF, APART, {"unmapped"}),
    "nothing is mapped": Row(agreed(ad=True, analytics=False), {}, {}, ALL),
    "only ads are mapped": Row(agreed(ad=True, analytics=False), {}, ADS, ALL),
    "analytics is refused": Row(agreed(ad=True, analytics=False), {}, APART, ALL - {"amplitude"}),
    "ads flow though integrations name one": Row(
        agreed(ad=True, analytics=False), ONE_OFF, APART, ALL - {"amplitude"}
    ),
    "integrations narrow what ads may have": Row(
        agreed(ad=True, analytics=False), BOTH_OFF, APART, {"google-ads", "unmapped"}
    ),
    "both categories are needed": Row(
        agreed(ad=True, analytics=False), ONE_OFF, SHARED, {"google-ads", "unmapped"}
    ),
    "both categories are agreed to": Row(
        agreed(ad=True, analytics=True), ONE_OFF, SHARED, ALL - {"amplitude"}
    ),
    "the other category is refused": Row(
        agreed(ad=False, analytics=True), ONE_OFF, SHARED, {"unmapped"}
    ),
    "a category of the app that nothing needs": Row(agreed(advertising=True), {}, {}, ALL),
    "a category that the app does not ask about": Row(
        agreed(ad=True), {}, {"functional": {"amplitude"}}, ALL - {"amplitude"}
    ),
}


def encoded(context: object, integrations: object = None) -> bytes:
    return json.dumps({"type": "track", "context": context, "integrations": integrations}).encode()


@pytest.mark.parametrize("name", SEGMENT)
def test_who_gets_an_event_as_segment_documents_it(name: str) -> None:
    row = SEGMENT[name]
    needs: dict[str, frozenset[str]] = {}
    for category, destinations in row.mapped.items():
        for each in destinations:
            needs[each] = needs.get(each, frozenset()) | {category}
    closed = consent.closed_to(encoded(row.context, row.integrations), needs)
    # Integrations are Segment's to apply, and can only narrow what consent lets through.
    off = {each for each, said in row.integrations.items() if said is False}
    assert ALL - set(closed) - off == row.flows


@pytest.mark.parametrize(
    "context",
    [
        {"consent": None},
        {"consent": True},
        {"consent": "yes"},
        {"consent": ["ad"]},
        {"consent": {"categoryPreferences": None}},
        {"consent": {"categoryPreferences": ["ad"]}},
        {"consent": {"categoryPreferences": {"ad": 1}}},
        {"consent": {"categoryPreferences": {"ad": "true"}}},
        {"consent": {"categoryPreferences": {"ad": None}}},
        {"consent": {"categoryPreference": {"ad": True}}},
        None,
        [],
        "context",
    ],
)
def test_a_consent_object_that_is_wrong_agrees_to_nothing(context: object) -> None:
    assert consent.closed_to(encoded(context), {"ads": frozenset({"ad"})}) == ["ads"]


@pytest.mark.parametrize("event", [b"", b"{", b"[]", b"\xff", b'{"context":' + b"[" * 5_000])
def test_what_cannot_be_read_agrees_to_nothing(event: bytes) -> None:
    assert consent.granted(event) == frozenset()


@given(st.dictionaries(st.text(), st.booleans()))
def test_what_is_stamped_is_what_is_granted(preferences: dict[str, bool]) -> None:
    stamped = consent.stamp(preferences)
    assert consent.preferences_in(stamped) == preferences
    granted = frozenset(name for name, yes in preferences.items() if yes)
    assert consent.granted(encoded(stamped)) == granted


@pytest.mark.parametrize("said", [None, True, False])
def test_a_plain_answer_stamps_nothing(said: bool | None) -> None:
    assert consent.stamp(said) == {}
