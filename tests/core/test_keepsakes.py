"""Signed cookies that belong to one visitor, and to nobody after them."""

from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import cookies, keepsakes
from segment_identity.keepsakes import Keepsake
from segment_identity.signing import Seal
from segment_identity.visitor import Visitor

from .samples import ANON, KEY, OLD_KEY, OTHER

NAME: Final = b"ajs_kept"
SEAL: Final = Seal([KEY], b"for tests")
FOREIGN: Final = (
    Seal([OLD_KEY], b"for tests"),
    Seal([KEY], b"for something else"),
)
HERS: Final = Keepsake(ANON, "u-1", [1, 2])
DEVICES: Final = Keepsake(ANON, None, [3])


def loads(header: bytes, seal: Seal = SEAL) -> list[Keepsake[list[int]]]:
    return keepsakes.loads(cookies.values(header, NAME), seal, list[int])


def cookie(keepsake: Keepsake[list[int]], seal: Seal = SEAL) -> bytes:
    return NAME + b"=" + keepsakes.dumps(keepsake, seal)


@pytest.mark.parametrize(
    ("kept", "who", "belongs"),
    [
        (DEVICES, Visitor(ANON), True),
        (DEVICES, Visitor(ANON, "u-1"), True),
        (DEVICES, Visitor(OTHER), False),
        (DEVICES, Visitor(OTHER, "u-1"), False),
        (DEVICES, Visitor(), False),
        (HERS, Visitor(ANON, "u-1"), True),
        (HERS, Visitor(ANON, "u-2"), False),
        (HERS, Visitor(ANON), False),
        (HERS, Visitor(OTHER, "u-1"), False),
    ],
)
def test_what_is_kept_belongs_to_the_visitor_it_was_kept_for(
    kept: Keepsake[list[int]], who: Visitor, belongs: bool
) -> None:
    assert kept.belongs_to(who) is belongs


def test_the_short_lived_id_of_a_device_passes_on_what_was_kept_for_it() -> None:
    assert Keepsake(OTHER, None, 1).belongs_to(Visitor(ANON), OTHER)
    assert not Keepsake(OTHER, "u-1", 1).belongs_to(Visitor(ANON), OTHER)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (Visitor(), Visitor(ANON), True),
        (Visitor(), Visitor(ANON, "u-1"), True),
        (Visitor(ANON), Visitor(ANON, "u-1"), True),
        (Visitor(ANON, "u-1"), Visitor(ANON, "u-1", "acme"), True),
        (Visitor(ANON), Visitor(OTHER), False),
        (Visitor(ANON, "u-1"), Visitor(ANON), False),
        (Visitor(ANON, "u-1"), Visitor(ANON, "u-2"), False),
    ],
)
def test_who_says_who_they_are_is_the_same_and_everybody_else_is_not(
    before: Visitor, after: Visitor, same: bool
) -> None:
    assert keepsakes.is_same(before, after) is same


def test_it_is_settled_for_the_ids_it_was_kept_with_under_the_key_of_now() -> None:
    assert HERS.is_settled(Visitor(ANON, "u-1"))
    assert not DEVICES.is_settled(Visitor(ANON, "u-1"))
    assert not HERS.is_settled(Visitor(ANON))
    assert not Keepsake(ANON, "u-1", [1, 2], stale_key=True).is_settled(Visitor(ANON, "u-1"))


@given(st.text(), st.none() | st.text(), st.lists(st.integers(-(2**62), 2**62)))
def test_what_is_written_is_read(anonymous_id: str, user_id: str | None, held: list[int]) -> None:
    kept = Keepsake(anonymous_id, user_id, held)
    try:
        header = cookie(kept)
    except UnicodeEncodeError:
        return
    assert loads(header) == [kept]
    assert loads(NAME + b'="' + header.partition(b"=")[2] + b'"') == [kept]


@pytest.mark.parametrize("foreign", FOREIGN)
def test_what_another_key_or_purpose_signed_is_absent(foreign: Seal) -> None:
    assert loads(cookie(HERS, foreign)) == []
    assert loads(cookie(HERS, foreign) + b"; " + cookie(DEVICES)) == [DEVICES]


def test_an_old_key_still_verifies() -> None:
    held = loads(cookie(HERS), Seal([OLD_KEY, KEY], b"for tests"))
    assert held == [Keepsake(ANON, "u-1", [1, 2], stale_key=True)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"{}",
        b"[]",
        b"[1]",
        b'[1,"a",null]',
        b'[1,"a",null,"text"]',
        b'[1,"a",null,[1.5]]',
        b"[1,7,null,[1]]",
        b'[2,"a",null,[1]]',
        b"\xff",
        b"[" * 5_000,
    ],
)
def test_what_is_signed_and_holds_something_else_is_absent(content: bytes) -> None:
    assert loads(NAME + b"=" + SEAL.signed(content)) == []


@given(st.binary(max_size=300))
def test_no_bytes_of_a_stranger_raise_or_hold_anything(raw: bytes) -> None:
    assert loads(raw) == []
    assert loads(NAME + b"=" + raw) == []


@given(st.data())
def test_no_single_changed_character_passes(data: st.DataObject) -> None:
    header = bytearray(cookie(HERS))
    place = data.draw(st.integers(len(NAME) + 1, len(header) - 1))
    header[place] = data.draw(st.integers(33, 126).filter(lambda each: each != header[place]))
    assert loads(bytes(header)) == []


def test_of_several_the_first_that_belongs_to_the_visitor_is_theirs() -> None:
    held = loads(cookie(HERS) + b"; " + cookie(DEVICES) + b"; " + cookie(Keepsake(OTHER, None, [])))
    assert keepsakes.mine(held, Visitor(ANON, "u-1")) == HERS
    assert keepsakes.mine(held, Visitor(ANON, "u-2")) == DEVICES
    assert keepsakes.mine(held, Visitor(OTHER)) == Keepsake(OTHER, None, [])
    assert keepsakes.mine(held, Visitor("somebody-else")) is None


def test_a_keepsake_takes_any_struct() -> None:
    class Point(msgspec.Struct, frozen=True):
        x: int

    kept = Keepsake(ANON, None, Point(3))
    assert keepsakes.loads([keepsakes.dumps(kept, SEAL)], SEAL, Point) == [kept]
