"""Which cookies a response carries, for each way an identity can turn out."""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import ids, persist, presented, visitor
from segment_identity import marker as markers
from segment_identity.cookies import Attributes
from segment_identity.marker import Marker
from segment_identity.reconcile import Reason, Recognised, reconcile
from segment_identity.signing import Memory, MemorySigner
from segment_identity.visitor import Visitor

from .samples import ANON, DAY, KEY, NEW, NOW, OTHER, counted

SIGNER: Final = MemorySigner([KEY])
LOCAL: Final = Attributes(domain=None, secure=False)
SITE: Final = Attributes(domain="example.com", secure=True)
NONCE: Final = "0123456789abcdef"

Verb = Callable[[Visitor], Visitor]


def nothing(who: Visitor) -> Visitor:
    return who


def minted(who: Visitor) -> Visitor:
    return visitor.ensure_id(who, counted())


def identified(user_id: str | None, traits: dict[str, Any] | None = None) -> Verb:
    def verb(who: Visitor) -> Visitor:
        after = visitor.identify(who, user_id, traits or {}, new_id=counted())
        assert after is not None
        return minted(after)

    return verb


def forgot(who: Visitor) -> Visitor:
    return visitor.reset(who, new_id=counted())


def forgot_but_the_device(who: Visitor) -> Visitor:
    return visitor.reset(who, new_id=counted(), keep_device=True)


def grouped(who: Visitor) -> Visitor:
    return minted(visitor.group(who, "acme", {}))


class Answer(NamedTuple):
    """The cookies of one response: written, deleted, and what the signed one says."""

    lines: list[bytes]
    written: dict[str, str]
    gone: frozenset[str]
    memory: Memory | None

    def told(self) -> Marker | None:
        """Return the marker, if the response sets one."""
        return (
            markers.loads([self.written["ajs_sync"].encode()])[0]
            if "ajs_sync" in self.written
            else None
        )


def respond(
    cookies: dict[str, str],
    verb: Verb = nothing,
    *,
    memory: Memory | None = None,
    keeps: bool = True,
    browser: bool = True,
    attributes: Attributes = LOCAL,
    twins: str = "",
) -> Answer:
    """Take a request with these *cookies* and a verified *memory* to its response."""
    header = "; ".join([*(f"{k}={v}" for k, v in cookies.items()), *filter(None, [twins])])
    if memory is not None:
        token = SIGNER.dumps(memory).decode()
        header += f"; {attributes.prefix.decode()}ajs_identity={token}"
    name = attributes.prefix + presented.MEMORY
    seen = presented.read(header.encode(), name, browser=browser)
    found = reconcile(seen, memory, NOW, browser=browser)
    after = verb(found.visitor)
    changed = visitor.has_changed(found.visitor, after)
    if not persist.is_due(found, after, keeps=keeps or changed):
        return sorted_out([])
    return sorted_out(
        persist.set_cookies(
            seen,
            found,
            after,
            changed=changed,
            signer=SIGNER,
            attributes=attributes,
            now=NOW,
            nonce=NONCE,
            browser=browser,
        )
    )


def sorted_out(lines: list[bytes]) -> Answer:
    written: dict[str, str] = {}
    gone: set[str] = set()
    memory = None
    for line in lines:
        name, _, rest = line.decode("ascii").partition("=")
        value = rest.partition(";")[0]
        if "Max-Age=0" in rest:
            gone.add(name)
            continue
        assert name not in written
        written[name] = value
        if name.endswith("ajs_identity"):
            opened = SIGNER.loads(value.encode())
            assert opened is not None
            memory = opened.memory
    return Answer(lines, written, frozenset(gone), memory)


def remembered(
    user_id: str | None = None, group_id: str | None = None, *, age: int = 0, **more: Any
) -> Memory:
    issued = NOW - 40 * DAY
    touched = user_id is not None
    given = {"touched": touched, **more}
    return Memory(ANON, user_id, group_id, issued, NOW - age, NONCE, **given)


DEVICE: Final = {"ajs_anonymous_id": ANON}
ADA: Final = {"ajs_anonymous_id": ANON, "ajs_user_id": "ada"}


def test_a_new_visitor_gets_an_id_and_a_tentative_marker() -> None:
    answer = respond({}, minted)
    assert answer.written.keys() == {"ajs_identity", "ajs_anonymous_id", "ajs_sync"}
    assert answer.written["ajs_anonymous_id"] == NEW
    assert answer.memory == Memory(NEW, None, None, NOW, NOW, NONCE)
    assert answer.told() == Marker(NEW, settled=False)
    assert not answer.gone


def test_only_the_memory_is_hidden_from_scripts() -> None:
    hidden = [line for line in respond({}, identified("ada")).lines if b"HttpOnly" in line]
    assert [line.partition(b"=")[0] for line in hidden] == [b"ajs_identity"]


def test_an_id_that_may_not_be_stored_is_not() -> None:
    assert respond({}, minted, keeps=False).lines == []


STEADY: Final = {
    "a device": (DEVICE, remembered()),
    "a user": (ADA, remembered("ada")),
    "a user in a group": (
        {**ADA, "ajs_group_id": "acme"},
        remembered("ada", "acme"),
    ),
    "a claim the server has not signed": (ADA, remembered()),
    "almost a day since renewal": (ADA, remembered("ada", age=DAY)),
    "a marker that the page has not deleted": (
        {**ADA, "ajs_sync": unquote(markers.dumps(Marker(ANON, "ada", None, True)).decode())},
        remembered("ada"),
    ),
}


@pytest.mark.parametrize(("cookies", "memory"), STEADY.values(), ids=STEADY.keys())
def test_a_steady_visitors_response_carries_nothing(
    cookies: dict[str, str], memory: Memory
) -> None:
    assert respond(cookies, memory=memory).lines == []


def test_an_identify_that_repeats_what_is_known_carries_nothing() -> None:
    assert respond(ADA, identified("ada"), memory=remembered("ada")).lines == []


def test_the_cookies_are_renewed_when_the_memory_is_over_a_day_old() -> None:
    answer = respond(ADA, memory=remembered("ada", age=DAY + 1))
    assert answer.written.keys() == {"ajs_identity", "ajs_anonymous_id", "ajs_user_id"}
    assert answer.memory == remembered("ada")
    assert not answer.gone


def test_an_identify_is_told_to_the_page() -> None:
    answer = respond(DEVICE, identified("ada"), memory=remembered())
    assert answer.written.keys() == {"ajs_identity", "ajs_anonymous_id", "ajs_user_id", "ajs_sync"}
    assert answer.written["ajs_anonymous_id"] == ANON
    assert answer.written["ajs_user_id"] == "ada"
    assert answer.told() == Marker(ANON, "ada", settled=True)
    assert answer.memory == remembered("ada")


def test_an_identify_of_a_new_visitor_is_settled_at_once() -> None:
    answer = respond({}, identified("ada"))
    assert answer.told() == Marker(NEW, "ada", settled=True)
    assert answer.memory == Memory(NEW, "ada", None, NOW, NOW, NONCE, True)


def test_a_numeric_user_is_written_so_that_analytics_js_keeps_its_digits() -> None:
    answer = respond(DEVICE, identified("12345678901234567890"), memory=remembered())
    assert answer.written["ajs_user_id"] == "%2212345678901234567890%22"


def test_another_user_gets_another_device() -> None:
    answer = respond(ADA, identified("bob"), memory=remembered("ada"))
    assert answer.written["ajs_anonymous_id"] == NEW
    assert answer.written["ajs_user_id"] == "bob"
    assert answer.told() == Marker(NEW, "bob", settled=True)
    assert answer.memory == Memory(NEW, "bob", None, NOW, NOW, NONCE, True)


def test_traits_alone_reach_the_memory_and_not_the_page() -> None:
    answer = respond(DEVICE, identified(None, {"plan": "pro"}), memory=remembered())
    assert answer.written.keys() == {"ajs_identity"}
    assert answer.memory is not None
    assert answer.memory.touched
    assert answer.memory.traits == {"plan": "pro"}


def test_a_group_is_told_to_the_page() -> None:
    answer = respond(DEVICE, grouped, memory=remembered())
    assert answer.written["ajs_group_id"] == "acme"
    assert answer.told() == Marker(ANON, None, "acme", settled=True)


def test_a_reset_deletes_the_person_and_settles_a_new_device() -> None:
    cookies = {**ADA, "ajs_group_id": "acme"}
    answer = respond(cookies, forgot, memory=remembered("ada", "acme"))
    assert answer.gone == {"ajs_user_id", "ajs_group_id"}
    assert answer.written.keys() == {"ajs_identity", "ajs_anonymous_id", "ajs_sync"}
    assert answer.written["ajs_anonymous_id"] == NEW
    assert answer.told() == Marker(NEW, settled=True)
    assert answer.memory == Memory(NEW, None, None, NOW, NOW, NONCE)


def test_a_reset_can_keep_the_device() -> None:
    answer = respond(ADA, forgot_but_the_device, memory=remembered("ada"))
    assert answer.gone == {"ajs_user_id"}
    assert answer.written["ajs_anonymous_id"] == ANON
    assert answer.told() == Marker(ANON, settled=True)


def test_a_reset_of_an_untouched_visitor_carries_nothing() -> None:
    assert respond(DEVICE, forgot, memory=remembered()).lines == []


def test_expired_cookies_are_restored_tentatively() -> None:
    answer = respond({}, memory=remembered("ada", "acme", age=8 * DAY))
    assert answer.written["ajs_anonymous_id"] == ANON
    assert (answer.written["ajs_user_id"], answer.written["ajs_group_id"]) == ("ada", "acme")
    assert answer.told() == Marker(ANON, "ada", "acme", settled=False)
    assert answer.memory == remembered("ada", "acme")


def test_an_id_of_the_browser_is_signed_and_not_written_again() -> None:
    answer = respond(DEVICE)
    assert answer.written.keys() == {"ajs_identity"}
    assert answer.memory == Memory(ANON, None, None, NOW, NOW, NONCE)
    assert not answer.gone


def test_a_claim_of_the_browser_is_neither_signed_nor_deleted() -> None:
    answer = respond(ADA)
    assert answer.written.keys() == {"ajs_identity"}
    assert answer.memory is not None
    assert answer.memory.user_id is None
    assert not answer.gone


def test_a_claim_that_differs_drops_the_signed_user_and_can_still_be_reset() -> None:
    claimed = {**ADA, "ajs_user_id": "bob"}
    answer = respond(claimed, memory=remembered("ada"))
    assert answer.written.keys() == {"ajs_identity"}
    assert answer.memory is not None
    assert (answer.memory.user_id, answer.memory.touched) == (None, True)
    assert respond(DEVICE, forgot, memory=answer.memory).written["ajs_anonymous_id"] == NEW


def test_a_device_whose_user_was_dropped_is_not_passed_on_by_a_later_request() -> None:
    dropped = respond({**ADA, "ajs_user_id": "bob"}, memory=remembered("ada")).memory
    answer = respond(DEVICE, identified("eve"), memory=dropped)
    assert answer.told() == Marker(NEW, "eve", settled=True)


def test_another_device_of_the_browser_replaces_the_signed_one() -> None:
    answer = respond({"ajs_anonymous_id": OTHER}, memory=remembered("ada"))
    assert answer.written.keys() == {"ajs_identity"}
    assert answer.memory == Memory(OTHER, None, None, NOW, NOW, NONCE)


def test_a_missing_user_cookie_is_repaired() -> None:
    answer = respond(DEVICE, memory=remembered("ada"))
    assert answer.written["ajs_user_id"] == "ada"
    assert answer.told() == Marker(ANON, "ada", settled=False)


def test_stale_plain_cookies_are_rewritten_while_the_server_has_the_word() -> None:
    told = unquote(markers.dumps(Marker(ANON, "ada", None, True)).decode())
    stale = {"ajs_anonymous_id": OTHER, "ajs_user_id": "bob", "ajs_sync": told}
    answer = respond(stale, memory=remembered("ada"))
    assert answer.written["ajs_anonymous_id"] == ANON
    assert answer.written["ajs_user_id"] == "ada"
    assert answer.told() == Marker(ANON, "ada", settled=True)


def test_a_stale_user_cookie_is_deleted_after_a_reset_the_page_has_not_heard() -> None:
    told = unquote(markers.dumps(Marker(ANON, None, None, True)).decode())
    answer = respond({**ADA, "ajs_sync": told}, memory=remembered())
    assert answer.gone == {"ajs_user_id"}


def test_a_reset_in_the_browser_drops_the_memory_and_its_notice() -> None:
    answer = respond({"ajs_reset": "1"}, memory=remembered("ada"), keeps=False)
    assert answer.gone == {"ajs_identity", "ajs_reset"}
    assert not answer.written


def test_after_a_reset_in_the_browser_the_next_page_is_a_new_visitor() -> None:
    answer = respond({"ajs_reset": "1"}, minted, memory=remembered("ada"))
    assert answer.gone == {"ajs_reset"}
    assert answer.written["ajs_anonymous_id"] == NEW
    assert answer.memory == Memory(NEW, None, None, NOW, NOW, NONCE)


def test_cookies_gone_within_a_day_are_a_reset() -> None:
    answer = respond({}, memory=remembered("ada", age=DAY - 1), keeps=False)
    assert answer.gone == {"ajs_identity"}
    assert not answer.written


def test_a_marker_about_somebody_else_is_deleted() -> None:
    told = unquote(markers.dumps(Marker(OTHER)).decode())
    answer = respond({**DEVICE, "ajs_sync": told}, memory=remembered("ada", age=2 * DAY))
    assert answer.told() == Marker(ANON, "ada", settled=False)
    answer = respond({**DEVICE, "ajs_sync": told}, memory=remembered(age=2 * DAY))
    assert answer.gone == {"ajs_sync"}


def test_an_answered_marker_is_deleted() -> None:
    said = '{"replaced":"%s"}' % ANON  # noqa: UP031
    answer = respond({"ajs_anonymous_id": OTHER, "ajs_sync": said}, memory=remembered())
    assert answer.gone == {"ajs_sync"}
    assert answer.written.keys() == {"ajs_identity"}


SERVER_ONLY: Final[dict[str, tuple[Memory | None, Verb]]] = {
    "mint": (None, minted),
    "identify": (remembered(), identified("ada")),
    "another user": (remembered("ada"), identified("bob")),
    "reset": (remembered("ada"), forgot),
    "group": (remembered(), grouped),
    "renewal": (remembered("ada", age=2 * DAY), nothing),
}


@pytest.mark.parametrize(("memory", "verb"), SERVER_ONLY.values(), ids=SERVER_ONLY.keys())
def test_without_a_browser_side_only_the_memory_is_written(
    memory: Memory | None, verb: Verb
) -> None:
    claimed = {"ajs_anonymous_id": OTHER, "ajs_user_id": "eve", "ajs_reset": "1"}
    answer = respond(claimed, verb, memory=memory, browser=False)
    assert answer.written.keys() == {"ajs_identity"}
    assert not answer.gone


def test_without_a_browser_side_a_steady_visitor_costs_nothing() -> None:
    assert respond({}, memory=remembered("ada"), browser=False).lines == []


def test_over_https_the_memory_has_a_prefix_and_the_rest_none() -> None:
    answer = respond({}, identified("ada"), attributes=SITE)
    assert answer.written.keys() == {
        "__Secure-ajs_identity",
        "ajs_anonymous_id",
        "ajs_user_id",
        "ajs_sync",
    }
    assert all(b"; Domain=example.com" in line and b"; Secure" in line for line in answer.lines)


def host_only(lines: Iterable[bytes]) -> list[bytes]:
    return [line.partition(b"=")[0] for line in lines if b"Domain=" not in line]


def test_a_host_only_twin_goes_before_its_domain_cookie_is_written() -> None:
    """Otherwise js-cookie would go on reading the twin, which it meets first."""
    answer = respond(
        DEVICE, memory=remembered("ada"), attributes=SITE, twins=f"ajs_anonymous_id={OTHER}"
    )
    assert host_only(answer.lines) == [b"ajs_anonymous_id", b"ajs_user_id"]
    assert answer.written["ajs_anonymous_id"] == ANON
    names = [line.partition(b"=")[0] for line in answer.lines]
    for name in (b"ajs_anonymous_id", b"ajs_user_id"):
        assert names.count(name) == 2
        first = answer.lines[names.index(name)]
        assert b"Max-Age=0" in first


def test_a_host_only_site_has_no_twins_to_delete() -> None:
    answer = respond(ADA, memory=remembered("ada", age=2 * DAY), twins=f"ajs_anonymous_id={OTHER}")
    assert not answer.gone


def test_a_reset_deletes_both_scopes() -> None:
    answer = respond(ADA, forgot, memory=remembered("ada"), attributes=SITE)
    gone = [line for line in answer.lines if line.startswith(b"ajs_user_id=;")]
    assert len(gone) == 2
    assert sum(b"Domain=example.com" in line for line in gone) == 1


def test_the_first_issue_is_remembered_while_the_device_stays() -> None:
    kept = respond(DEVICE, identified("ada"), memory=remembered())
    rotated = respond(ADA, identified("bob"), memory=remembered("ada"))
    assert kept.memory is not None
    assert rotated.memory is not None
    assert kept.memory.issued == NOW - 40 * DAY
    assert rotated.memory.issued == NOW


@pytest.mark.parametrize(
    ("owes", "before", "after", "keeps", "wanted"),
    [
        pytest.param(False, Visitor(), Visitor(), True, False, id="nobody stays nobody"),
        pytest.param(False, Visitor(), Visitor(NEW), True, True, id="minted"),
        pytest.param(False, Visitor(), Visitor(NEW), False, False, id="provisional"),
        pytest.param(True, Visitor(), Visitor(), False, True, id="nobody, with debts"),
        pytest.param(True, Visitor(), Visitor(NEW), False, False, id="provisional, with debts"),
        pytest.param(False, Visitor(ANON), Visitor(ANON), True, False, id="steady"),
        pytest.param(True, Visitor(ANON), Visitor(ANON), False, True, id="steady, with debts"),
        pytest.param(
            False, Visitor(ANON), Visitor(ANON, touched=True), False, True, id="touched now"
        ),
        pytest.param(False, Visitor(ANON), Visitor(ANON, "ada"), False, True, id="identified"),
    ],
)
def test_cookies_are_due_only_when_something_is_to_be_said(
    owes: bool, before: Visitor, after: Visitor, keeps: bool, wanted: bool
) -> None:
    found = Recognised(before, Reason.AGREE, owes=owes)
    assert persist.is_due(found, after, keeps=keeps) is wanted


TRAITS: Final = {"plan": "pro", "email": "ada@example.com"}
WHO: Final = Visitor(ANON, "ada", "acme", TRAITS, {"plan": "team"})


@pytest.mark.parametrize(
    ("remember", "traits", "group_traits"),
    [
        pytest.param(False, {}, {}, id="none"),
        pytest.param(True, TRAITS, {"plan": "team"}, id="all"),
        pytest.param(["plan"], {"plan": "pro"}, {"plan": "team"}, id="those allowed"),
        pytest.param(frozenset(), {}, {}, id="none allowed"),
        pytest.param(["age"], {}, {}, id="others allowed"),
    ],
)
def test_only_traits_that_may_be_kept_are(
    remember: persist.Remember, traits: dict[str, Any], group_traits: dict[str, Any]
) -> None:
    kept, all_fitted = persist.rememberable(WHO, remember)
    assert kept == Visitor(ANON, "ada", "acme", traits, group_traits)
    assert all_fitted


def test_a_trait_too_large_is_left_out_and_the_smaller_ones_stay() -> None:
    who = Visitor(ANON, traits={"bio": "x" * 1_024, "plan": "pro"})
    kept, all_fitted = persist.rememberable(who, True)
    assert kept.traits == {"plan": "pro"}
    assert not all_fitted


@pytest.mark.parametrize(("spare", "fits"), [(0, True), (-1, False)])
def test_the_budget_is_counted_in_bytes_of_json(spare: int, fits: bool) -> None:
    room = persist.TRAITS_BUDGET - len('{"bio":""}') - spare
    who = Visitor(ANON, traits={"bio": "x" * room})
    kept, all_fitted = persist.rememberable(who, True)
    assert all_fitted is fits
    assert (kept == who) is fits


def test_a_trait_that_is_not_allowed_needs_no_room() -> None:
    who = Visitor(ANON, traits={"bio": "x" * 1_024, "plan": "pro"})
    assert persist.rememberable(who, ["plan"])[1]


def test_user_and_group_share_one_budget() -> None:
    who = Visitor(ANON, traits={"a": "x" * 700}, group_traits={"b": "x" * 700})
    kept, all_fitted = persist.rememberable(who, True)
    assert kept.traits == who.traits
    assert kept.group_traits == {}
    assert not all_fitted


def test_traits_kept_when_they_may_no_longer_be_are_forgotten() -> None:
    memory = remembered("ada", traits={"plan": "pro"})
    answer = respond(ADA, lambda who: persist.rememberable(who, False)[0], memory=memory)
    assert answer.memory == remembered("ada")


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=30),
        st.text(st.characters(codec="utf-8"), max_size=300) | st.integers(-(2**53), 2**53),
        max_size=12,
    ),
    st.booleans(),
)
def test_remembered_traits_fit_one_cookie(traits: dict[str, Any], for_group: bool) -> None:
    who = (
        Visitor("x" * 64, "u" * ids.MAX_ENCODED, group_traits=traits)
        if for_group
        else Visitor("x" * 64, "u" * ids.MAX_ENCODED, traits=traits)
    )
    kept, all_fitted = persist.rememberable(who, True)
    encoded = msgspec.json.encode([kept.traits, kept.group_traits])
    assert len(encoded) <= persist.TRAITS_BUDGET + 8
    assert all_fitted == (kept == who)
    memory = Memory(ANON, kept.user_id, None, NOW, NOW, NONCE, True, kept.traits, kept.group_traits)
    _, ending = SITE.endings(NOW)
    assert len(b"__Secure-ajs_identity=" + SIGNER.dumps(memory) + ending) <= 4_096


def jar_after(cookies: dict[str, str], answer: Answer) -> dict[str, str]:
    """Return what a browser holds after *answer*, without the memory, which `respond` adds."""
    held = {**cookies, **answer.written}
    return {k: v for k, v in held.items() if k not in answer.gone and k != "ajs_identity"}


IDS: Final = st.sampled_from((ANON, OTHER))
PEOPLE: Final = st.sampled_from(("ada", "bob"))
GROUPS: Final = st.sampled_from(("acme", "initech"))
MARKERS: Final = st.builds(Marker, IDS, st.none() | PEOPLE, st.none() | GROUPS, st.booleans()).map(
    lambda told: unquote(markers.dumps(told).decode())
)
JARS: Final = st.fixed_dictionaries(
    {},
    optional={
        "ajs_anonymous_id": IDS | st.sampled_from(("null", "%ff", "")),
        "ajs_user_id": PEOPLE | st.sampled_from(("undefined", "%ff", "")),
        "ajs_group_id": GROUPS | st.just("%ff"),
        "ajs_sync": MARKERS | IDS.map('{{"replaced":"{}"}}'.format) | st.just("oops"),
        "ajs_reset": st.just("1"),
    },
)
MEMORIES: Final = st.none() | st.builds(
    lambda user_id, group_id, age: remembered(user_id, group_id, age=age),
    st.none() | PEOPLE,
    st.none() | GROUPS,
    st.sampled_from((0, DAY - 1, DAY + 1, 9 * DAY)),
)
VERBS: Final = st.sampled_from(
    (minted, identified("ada"), identified("bob"), forgot, grouped, forgot_but_the_device)
)


def recognised(jar: dict[str, str], memory: Memory) -> Visitor:
    header = "; ".join(f"{name}={value}" for name, value in jar.items()).encode()
    return reconcile(presented.read(header, presented.MEMORY), memory, NOW).visitor


@given(JARS, MEMORIES, VERBS)
def test_browser_and_server_agree_after_a_response_whatever_came(
    jar: dict[str, str], memory: Memory | None, verb: Verb
) -> None:
    """The next request is the same person on the same device, and soon nothing is left to say.

    A group that came without a device is taken up with the second request only.
    """
    answer = respond(jar, lambda who: minted(verb(who)), memory=memory)
    held, kept = jar_after(jar, answer), answer.memory or memory
    assert kept is not None
    who = recognised(held, kept)
    assert (who.anonymous_id, who.user_id) == (kept.anonymous_id, kept.user_id)
    second = respond(held, minted, memory=kept)
    held, kept = jar_after(held, second), second.memory or kept
    assert respond(held, minted, memory=kept).lines == []
    who = recognised(held, kept)
    assert who.group_id == kept.group_id
