"""Outcomes are remembered for a while, in bounded memory, and never longer than they are true."""

import tracemalloc
from typing import Final

import pytest

from segment_identity.cookies import YEAR, Attributes
from segment_identity.recognition import Recogniser
from segment_identity.reconcile import Reason
from segment_identity.signing import LEEWAY, Memory, MemorySigner

from .samples import ANON, DAY, KEY, NOW

SIGNER: Final = MemorySigner([KEY])
MEGABYTE: Final = 1 << 20


def recogniser() -> Recogniser:
    return Recogniser(SIGNER, Attributes(domain=None, secure=False), browser=True)


def header(anonymous_id: str = ANON, user_id: str | None = None, padding: int = 0) -> bytes:
    """Return the Cookie header of a visitor whom the server saw last at `NOW`."""
    memory = Memory(anonymous_id, user_id, None, NOW, NOW, "nonce")
    said = [f"ajs_anonymous_id={anonymous_id}".encode(), b"ajs_identity=" + SIGNER.dumps(memory)]
    said += [f"ajs_user_id={user_id}".encode()] if user_id is not None else []
    return b"; ".join([*said, b"other=" + b"x" * padding])


@pytest.mark.parametrize(
    ("later", "user"),
    [
        (0, "ada"),
        (DAY - 1, "ada"),
        (2 * DAY, "ada"),
        (-LEEWAY, "ada"),
        (-LEEWAY - 1, None),
        (YEAR + LEEWAY, "ada"),
        (YEAR + LEEWAY + 1, None),
    ],
)
def test_what_is_remembered_is_what_would_be_read_anew(later: int, user: str | None) -> None:
    """Whatever the clock does in between: another host's may be behind, and an old one jumps."""
    sent = header(user_id="ada")
    known = recogniser()
    assert known.recognise(sent, NOW).steady
    again = known.recognise(sent, NOW + later)
    assert again.found.visitor.user_id == user
    assert again == recogniser().recognise(sent, NOW + later)


def test_the_same_header_is_the_same_outcome() -> None:
    known = recogniser()
    assert known.recognise(header(), NOW) is known.recognise(header(), NOW + 9)


@pytest.mark.parametrize(
    "sent",
    [b"", b"x=1", b"ajs_anonymous_id=" + ANON.encode(), header().replace(b"ajs_id", b"ajs_ix")],
    ids=["nothing", "no cookie of ours", "nothing signed", "the memory misnamed"],
)
def test_nobody_unsigned_is_steady(sent: bytes) -> None:
    assert not recogniser().recognise(sent, NOW).steady


def test_who_owes_cookies_is_not_steady() -> None:
    found = recogniser().recognise(header(), NOW + DAY + 1)
    assert (found.found.reason, found.found.owes, found.steady) == (Reason.AGREE, True, False)


@pytest.mark.parametrize(
    ("visitors", "padding"), [(6_000, 3_500), (400, 65_536)], ids=["many", "long"]
)
def test_memory_stays_bounded(visitors: int, padding: int) -> None:
    """Everybody who once got a cookie may send it with any other cookies, as often as they like."""
    known = recogniser()
    tracemalloc.start()
    try:
        for number in range(visitors):
            known.recognise(header(f"device-{number:08}", padding=padding), NOW)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert visitors * padding > 20 * MEGABYTE
    assert held < 8 * MEGABYTE
