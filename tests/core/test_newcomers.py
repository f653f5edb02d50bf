"""A newcomer gets the cookies that anybody else in that place would get."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import newcomers, persist
from segment_identity.cookies import Attributes
from segment_identity.newcomers import Newcomers
from segment_identity.presented import NOTHING
from segment_identity.reconcile import STRANGER, Reason, Recognised
from segment_identity.signing import MemorySigner
from segment_identity.visitor import Visitor

from .samples import ANON, KEY, NOW

SIGNER: Final = MemorySigner([KEY])
SITES: Final = [
    (Attributes(domain=domain, secure=secure), browser)
    for domain in (None, "example.com")
    for secure in (True, False)
    for browser in (True, False)
]
WRITERS: Final = [Newcomers(SIGNER, *site[:1], browser=site[1]) for site in SITES]
NONCES: Final = st.text("0123456789abcdef", min_size=16, max_size=16)
UUIDS: Final = st.uuids(version=4).map(str)
IDS: Final = (
    UUIDS
    | st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True)
    | st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)
    | st.sampled_from(("an-id", "a-nonce", "true", "null", "12", "1e5", "-1", "1e-5", "{a}", ", "))
)


def written(site: int, who: Visitor, now: float, nonce: str) -> list[bytes]:
    """Return what anybody gets who came with nothing and is *who* now."""
    attributes, browser = SITES[site]
    return persist.set_cookies(
        NOTHING,
        STRANGER,
        who,
        changed=False,
        signer=SIGNER,
        attributes=attributes,
        now=now,
        nonce=nonce,
        browser=browser,
    )


@given(
    st.integers(0, len(SITES) - 1),
    st.lists(st.tuples(IDS, st.floats(0, 2**33), NONCES), min_size=1, max_size=4),
)
def test_a_newcomers_cookies_are_those_of_anybody_to_the_byte(
    site: int, visits: list[tuple[str, float, str]]
) -> None:
    for device, now, nonce in visits:
        who = Visitor(device)
        if newcomers.is_newcomer(STRANGER, who, changed=False):
            ours = WRITERS[site].set_cookies(who, now=now, nonce=nonce)
            assert ours == written(site, who, now, nonce)


@given(UUIDS)
def test_whoever_came_with_nothing_and_got_an_id_is_a_newcomer(device: str) -> None:
    assert newcomers.is_newcomer(STRANGER, Visitor(device), changed=False)


@pytest.mark.parametrize(
    ("found", "now", "changed"),
    [
        pytest.param(STRANGER, Visitor(ANON), True, id="the app chose the id"),
        pytest.param(STRANGER, Visitor(), False, id="without an id"),
        pytest.param(STRANGER, Visitor(ANON, "ada"), False, id="identified"),
        pytest.param(STRANGER, Visitor(ANON, group_id="acme"), False, id="in a group"),
        pytest.param(STRANGER, Visitor(ANON, touched=True), False, id="told something"),
        pytest.param(STRANGER, Visitor(ANON, traits={"a": 1}), False, id="with traits"),
        pytest.param(STRANGER, Visitor(ANON, group_traits={"a": 1}), False, id="group traits"),
        pytest.param(STRANGER, Visitor(ANON, owned=True), False, id="left behind"),
        pytest.param(STRANGER, Visitor("12345678"), False, id="an id like a number"),
        pytest.param(STRANGER, Visitor("a, b"), False, id="an id to be encoded"),
        pytest.param(
            Recognised(Visitor(ANON), Reason.ADOPTED, owes=True),
            Visitor(ANON),
            False,
            id="who brought an id",
        ),
        pytest.param(Recognised(claimed="ada"), Visitor(ANON), False, id="who claims a user"),
        pytest.param(
            Recognised(reason=Reason.BROWSER_RESET, owes=True), Visitor(ANON), False, id="reset"
        ),
    ],
)
def test_nobody_else_is_a_newcomer(found: Recognised, now: Visitor, changed: bool) -> None:
    assert not newcomers.is_newcomer(found, now, changed=changed)


def test_a_newcomer_is_told_of_in_the_second_of_the_visit() -> None:
    writer, who = WRITERS[0], Visitor(ANON)
    for now in (NOW, NOW + 0.999, NOW + 1, NOW):
        assert writer.set_cookies(who, now=now, nonce="") == written(0, who, now, "")
