"""A newcomer gets the cookies that anybody else in that place would get."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import newcomers, persist
from segment_identity.cookies import Attributes
from segment_identity.newcomers import Newcomers
from segment_identity.presented import NOTHING, Presented
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
    st.lists(st.tuples(UUIDS, st.floats(0, 2**33), NONCES), min_size=1, max_size=4),
)
def test_a_newcomers_cookies_are_those_of_anybody_to_the_byte(
    site: int, visits: list[tuple[str, float, str]]
) -> None:
    for device, now, nonce in visits:
        ours = WRITERS[site].set_cookies(device, now, nonce)
        assert ours == written(site, Visitor(device), now, nonce)


@pytest.mark.parametrize("now", [Visitor(), Visitor(ANON)])
def test_whoever_came_with_nothing_and_did_nothing_is_a_newcomer(now: Visitor) -> None:
    assert newcomers.is_newcomer(NOTHING, STRANGER, now)


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(Visitor(ANON, "ada"), id="identified"),
        pytest.param(Visitor(ANON, group_id="acme"), id="in a group"),
        pytest.param(Visitor(ANON, touched=True), id="told something"),
        pytest.param(Visitor(ANON, traits={"a": 1}), id="with traits"),
        pytest.param(Visitor(ANON, group_traits={"a": 1}), id="group traits"),
        pytest.param(Visitor(ANON, owned=True), id="left behind"),
    ],
)
def test_whoever_did_something_is_no_newcomer(now: Visitor) -> None:
    assert not newcomers.is_newcomer(NOTHING, STRANGER, now)


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        pytest.param(
            NOTHING,
            Recognised(Visitor(ANON), Reason.ADOPTED, owes=True),
            id="who brought an id",
        ),
        pytest.param(NOTHING, Recognised(claimed="ada"), id="who claims a user"),
        pytest.param(NOTHING, Recognised(reason=Reason.BROWSER_RESET, owes=True), id="reset"),
        pytest.param(Presented(tokens=(b"forged",)), STRANGER, id="a forged memory"),
    ],
)
def test_whoever_came_with_something_is_no_newcomer(seen: Presented, found: Recognised) -> None:
    assert not newcomers.is_newcomer(seen, found, Visitor(ANON))


def test_a_newcomer_is_told_of_in_the_second_of_the_visit() -> None:
    for now in (NOW, NOW + 0.999, NOW + 1, NOW):
        assert WRITERS[0].set_cookies(ANON, now, "") == written(0, Visitor(ANON), now, "")
