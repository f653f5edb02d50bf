"""What each verb makes of a visitor: the rules of Analytics.js as a table."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import visitor as verbs
from segment_identity.visitor import OnUserChange, Visitor

from .samples import ANON, NEW, OTHER, counted

POLICIES: Final[tuple[OnUserChange, ...]] = ("rotate", "keep", "refuse")
ADA: Final = Visitor(ANON, "ada", traits={"plan": "pro"}, touched=True)


def identified(
    before: Visitor, user_id: str | None, traits: dict[str, Any] | None = None, **how: Any
) -> Visitor | None:
    return verbs.identify(before, user_id, traits or {}, new_id=counted(), **how)


class Identify(NamedTuple):
    before: Visitor
    user_id: str | None
    traits: dict[str, Any]
    after: Visitor | None
    how: Mapping[str, Any] = MappingProxyType({})


IDENTIFY: Final = {
    "the first identify keeps the anonymousId": Identify(
        Visitor(ANON), "ada", {}, Visitor(ANON, "ada", touched=True)
    ),
    "the first identify keeps the traits of the anonymous time": Identify(
        Visitor(ANON, traits={"email": "a@b.c"}, touched=True),
        "ada",
        {"plan": "pro"},
        Visitor(ANON, "ada", traits={"email": "a@b.c", "plan": "pro"}, touched=True),
    ),
    "the same user again keeps everything": Identify(ADA, "ada", {}, ADA),
    "traits of the same user merge and the newer wins": Identify(
        ADA,
        "ada",
        {"plan": "free", "age": 36},
        Visitor(ANON, "ada", traits={"plan": "free", "age": 36}, touched=True),
    ),
    "traits alone keep the user and merge": Identify(
        ADA,
        None,
        {"age": 36},
        Visitor(ANON, "ada", traits={"plan": "pro", "age": 36}, touched=True),
    ),
    "traits alone leave an anonymous visitor anonymous": Identify(
        Visitor(ANON), None, {"age": 36}, Visitor(ANON, traits={"age": 36}, touched=True)
    ),
    "another user rotates the anonymousId and drops the traits": Identify(
        ADA, "bob", {"age": 7}, Visitor(NEW, "bob", traits={"age": 7}, touched=True)
    ),
    "another user keeps the group, as in Analytics.js": Identify(
        Visitor(ANON, "ada", "acme", {"plan": "pro"}, {"size": 9}, touched=True),
        "bob",
        {},
        Visitor(NEW, "bob", "acme", {}, {"size": 9}, touched=True),
    ),
    "keep: another user keeps the anonymousId and still drops the traits": Identify(
        ADA, "bob", {}, Visitor(ANON, "bob", touched=True), {"on_user_change": "keep"}
    ),
    "refuse: another user is refused": Identify(ADA, "bob", {}, None, {"on_user_change": "refuse"}),
    "refuse: the first user is taken": Identify(
        Visitor(ANON),
        "ada",
        {},
        Visitor(ANON, "ada", touched=True),
        {"on_user_change": "refuse"},
    ),
    "refuse: the same user is taken": Identify(ADA, "ada", {}, ADA, {"on_user_change": "refuse"}),
    "refuse: traits alone are taken": Identify(ADA, None, {}, ADA, {"on_user_change": "refuse"}),
    "a claimed other user counts as the previous one": Identify(
        Visitor(ANON, traits={"plan": "pro"}),
        "bob",
        {},
        Visitor(NEW, "bob", touched=True),
        {"claimed": "ada"},
    ),
    "a claim of the same user rotates nothing": Identify(
        Visitor(ANON), "ada", {}, Visitor(ANON, "ada", touched=True), {"claimed": "ada"}
    ),
    "keep: a claimed other user keeps the anonymousId": Identify(
        Visitor(ANON, traits={"plan": "pro"}),
        "bob",
        {},
        Visitor(ANON, "bob", touched=True),
        {"claimed": "ada", "on_user_change": "keep"},
    ),
    "a claim weighs nothing against the trusted user": Identify(
        ADA, "ada", {}, ADA, {"claimed": "bob"}
    ),
    "a claim does not matter to traits alone": Identify(
        Visitor(ANON),
        None,
        {"age": 7},
        Visitor(ANON, traits={"age": 7}, touched=True),
        {"claimed": "ada"},
    ),
    "an ambiguous anonymousId is tied to nobody": Identify(
        Visitor(ANON), "ada", {}, Visitor(NEW, "ada", touched=True), {"ambiguous": True}
    ),
    "keep: an ambiguous anonymousId is tied to nobody either": Identify(
        Visitor(ANON),
        "ada",
        {},
        Visitor(NEW, "ada", touched=True),
        {"ambiguous": True, "on_user_change": "keep"},
    ),
    "traits alone tie no person, so an ambiguous id stays": Identify(
        Visitor(ANON), None, {}, Visitor(ANON, touched=True), {"ambiguous": True}
    ),
    "a device that lost its person is not passed on": Identify(
        Visitor(ANON, traits={"plan": "pro"}, touched=True, owned=True),
        "bob",
        {"age": 7},
        Visitor(NEW, "bob", traits={"age": 7}, touched=True),
    ),
    "keep: a device that lost its person stays, without the traits": Identify(
        Visitor(ANON, traits={"plan": "pro"}, touched=True, owned=True),
        "bob",
        {},
        Visitor(ANON, "bob", touched=True),
        {"on_user_change": "keep"},
    ),
    "refuse: a device that lost its person is not passed on either": Identify(
        Visitor(ANON, touched=True, owned=True),
        "bob",
        {},
        Visitor(NEW, "bob", touched=True),
        {"on_user_change": "refuse"},
    ),
    "traits alone tie no person to a device that lost its own": Identify(
        Visitor(ANON, touched=True, owned=True),
        None,
        {"age": 7},
        Visitor(ANON, traits={"age": 7}, touched=True, owned=True),
    ),
    "without an anonymousId there is none to replace": Identify(
        Visitor(user_id="ada"), "bob", {}, Visitor(user_id="bob", touched=True)
    ),
}


@pytest.mark.parametrize("case", IDENTIFY.values(), ids=IDENTIFY.keys())
def test_identify_makes_of_a_visitor(case: Identify) -> None:
    assert identified(case.before, case.user_id, case.traits, **case.how) == case.after


def test_identify_copies_the_traits_it_was_given() -> None:
    traits = {"plan": "pro"}
    after = identified(Visitor(ANON), "ada", traits)
    traits["plan"] = "free"
    assert after is not None
    assert after.traits == {"plan": "pro"}


@pytest.mark.parametrize(
    ("before", "group_id", "traits", "wanted"),
    [
        pytest.param(None, "acme", {"size": 9}, {"size": 9}, id="the first group"),
        pytest.param("acme", "acme", {"city": "Rome"}, {"old": 1, "city": "Rome"}, id="the same"),
        pytest.param("acme", "acme", {"old": 2}, {"old": 2}, id="the same, newer traits win"),
        pytest.param("acme", "initech", {"size": 9}, {"size": 9}, id="another drops the traits"),
    ],
)
def test_group_traits_merge_only_while_the_group_stays(
    before: str | None, group_id: str, traits: dict[str, Any], wanted: dict[str, Any]
) -> None:
    held = {"old": 1} if before else {}
    after = verbs.group(Visitor(ANON, "ada", before, group_traits=held), group_id, traits)
    assert after == Visitor(ANON, "ada", group_id, group_traits=wanted, touched=True)


def test_traits_of_a_group_not_named_yet_are_kept_when_it_is() -> None:
    unnamed = Visitor(ANON, group_traits={"size": 9})
    after = verbs.group(unnamed, "acme", {"city": "Rome"})
    assert after.group_traits == {"size": 9, "city": "Rome"}


def test_group_needs_no_anonymous_id_and_makes_none() -> None:
    assert verbs.group(Visitor(), "acme", {}).anonymous_id is None


@pytest.mark.parametrize(
    ("before", "given_id", "wanted"),
    [
        pytest.param(Visitor(ANON, "ada"), "old-ada", "old-ada", id="the given one"),
        pytest.param(Visitor(ANON, "ada"), None, "ada", id="else the user"),
        pytest.param(Visitor(ANON), None, ANON, id="else the device"),
        pytest.param(Visitor(), None, None, id="else none"),
    ],
)
def test_alias_finds_the_previous_id_and_changes_no_id(
    before: Visitor, given_id: str | None, wanted: str | None
) -> None:
    after, previous = verbs.alias(before, given_id)
    assert previous == wanted
    assert (after.anonymous_id, after.user_id) == (before.anonymous_id, before.user_id)


TOUCHED: Final = {
    "a user": Visitor(ANON, "ada"),
    "a group": Visitor(ANON, group_id="acme"),
    "traits": Visitor(ANON, traits={"plan": "pro"}),
    "group traits": Visitor(ANON, group_traits={"size": 9}),
    "an identify with traits": identified(Visitor(ANON), None, {"plan": "pro"}),
    "an identify whose traits are not kept": Visitor(ANON, touched=True),
    "an alias": verbs.alias(Visitor(ANON), "ada")[0],
}


@pytest.mark.parametrize("before", TOUCHED.values(), ids=TOUCHED.keys())
def test_reset_forgets_who_was_told(before: Visitor) -> None:
    assert verbs.reset(before, new_id=counted()) == Visitor(NEW)


@pytest.mark.parametrize("before", [Visitor(), Visitor(ANON)], ids=["nobody", "a mere device"])
@pytest.mark.parametrize("keep_device", [False, True])
def test_reset_of_an_untouched_visitor_changes_nothing(before: Visitor, keep_device: bool) -> None:
    assert verbs.reset(before, new_id=counted(), keep_device=keep_device) is before


def test_reset_heeds_a_claimed_user() -> None:
    """Otherwise a log-out would leave the device of somebody the browser still knows."""
    assert verbs.reset(Visitor(ANON), new_id=counted(), claimed="ada") == Visitor(NEW)


def test_reset_twice_is_reset_once() -> None:
    new_id = counted()
    once = verbs.reset(ADA, new_id=new_id)
    assert verbs.reset(once, new_id=new_id) is once


def test_reset_can_keep_the_device() -> None:
    after = verbs.reset(ADA, new_id=counted(), keep_device=True)
    assert after == Visitor(ANON, touched=True)


def test_a_kept_device_is_still_forgotten_by_a_full_reset() -> None:
    kept = verbs.reset(ADA, new_id=counted(), keep_device=True)
    assert verbs.reset(kept, new_id=counted()) == Visitor(NEW)


def test_set_anonymous_id_keeps_the_person() -> None:
    after = verbs.set_anonymous_id(ADA, OTHER)
    assert after == Visitor(OTHER, "ada", traits={"plan": "pro"}, touched=True)


def test_another_device_was_nobodys() -> None:
    lost = Visitor(ANON, touched=True, owned=True)
    assert verbs.set_anonymous_id(lost, OTHER) == Visitor(OTHER, touched=True)
    assert verbs.reset(lost, new_id=counted()) == Visitor(NEW)


def test_a_group_does_not_make_a_lost_device_nobodys() -> None:
    lost = Visitor(ANON, touched=True, owned=True)
    assert verbs.group(lost, "acme", {}).owned


def test_set_anonymous_id_to_the_same_changes_nothing() -> None:
    assert verbs.set_anonymous_id(ADA, ANON) is ADA


def test_an_id_is_made_only_where_there_is_none() -> None:
    assert verbs.ensure_id(Visitor(), counted()) == Visitor(NEW)
    assert verbs.ensure_id(ADA, counted()) is ADA


@pytest.mark.parametrize(
    ("user_id", "wanted"),
    [
        ("ada@example.com", True),
        ("ada+news@mail.example.co.uk", True),
        ("ada", False),
        ("@example.com", False),
        ("ada@", False),
        ("ada@localhost", False),
        ("507f191e810c19729de860ea", False),
        ("ada lovelace@example.com", False),
        ("", False),
    ],
)
def test_an_email_address_is_told_from_an_id(user_id: str, wanted: bool) -> None:
    assert verbs.looks_like_email(user_id) is wanted


@pytest.mark.parametrize(
    ("held", "said", "wanted"),
    [
        pytest.param(None, None, None, id="nobody is nobody"),
        pytest.param("ada", "ada", None, id="the same"),
        pytest.param(None, "ada", "identify", id="signed in"),
        pytest.param("ada", "bob", "identify", id="somebody else"),
        pytest.param("ada", None, "reset", id="signed out"),
    ],
)
def test_the_apps_word_becomes_a_verb(
    held: str | None, said: str | None, wanted: str | None
) -> None:
    assert verbs.app_says(Visitor(ANON, held), said) == wanted


@pytest.mark.parametrize(
    ("policy", "wanted"), [("rotate", "rotate"), ("keep", "keep"), ("refuse", "rotate")]
)
def test_what_the_app_says_is_never_refused(policy: OnUserChange, wanted: str) -> None:
    assert verbs.authoritative(policy) == wanted


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        pytest.param(Visitor(), Visitor(ANON), False, id="the first anonymousId"),
        pytest.param(Visitor(ANON), Visitor(OTHER), True, id="another anonymousId"),
        pytest.param(Visitor(ANON), Visitor(), True, id="no anonymousId any more"),
        pytest.param(Visitor(ANON), Visitor(ANON, "ada"), True, id="a user"),
        pytest.param(Visitor(ANON), Visitor(ANON, group_id="acme"), True, id="a group"),
        pytest.param(Visitor(ANON), Visitor(ANON, traits={"a": 1}), False, id="traits"),
        pytest.param(ADA, ADA, False, id="nothing"),
    ],
)
def test_the_page_hears_of_a_changed_id(before: Visitor, after: Visitor, wanted: bool) -> None:
    assert verbs.has_changed(before, after) is wanted


PEOPLE: Final = ("ada", "bob", "eve")
STEPS: Final = st.one_of(
    st.tuples(st.just("identify"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("traits"), st.none()),
    st.tuples(st.just("group"), st.sampled_from(("acme", "initech"))),
    st.tuples(st.just("alias"), st.none()),
    st.tuples(st.just("reset"), st.none()),
)


@given(st.lists(STEPS, max_size=12), st.sampled_from(POLICIES), st.sampled_from((None, *PEOPLE)))
def test_no_person_gets_the_traits_or_the_device_of_another(
    steps: list[tuple[str, str | None]], policy: OnUserChange, claimed: str | None
) -> None:
    """Every trait names whom it was told of; every device remembers who was tied to it."""
    new_id = counted()
    now = Visitor(ANON)
    tied: dict[str | None, set[str]] = {ANON: {claimed} if claimed else set()}
    for verb, name in steps:
        before = now
        if verb == "identify":
            assert name is not None
            told = {f"of-{name}": name}
            after = verbs.identify(
                before,
                name,
                told,
                new_id=new_id,
                on_user_change=policy,
                claimed=claimed if before.anonymous_id == ANON and not before.user_id else None,
            )
            now = before if after is None else after
        elif verb == "traits":
            owned: dict[str, Any] = {f"of-{before.user_id}": before.user_id}
            merged = verbs.identify(before, None, owned, new_id=new_id, on_user_change=policy)
            assert merged is not None
            now = merged
        elif verb == "group":
            assert name is not None
            now = verbs.group(before, name, {name: name})
        elif verb == "alias":
            now, _ = verbs.alias(before, None)
        else:
            now = verbs.reset(before, new_id=new_id, claimed=claimed)
        if now.user_id is not None:
            tied.setdefault(now.anonymous_id, set()).add(now.user_id)
        assert set(now.traits.values()) <= {now.user_id, None}
        assert set(now.group_traits.values()) <= {now.group_id}
        if policy != "keep":
            assert len(tied.get(now.anonymous_id, ())) <= 1
