"""What docs/cookies.md says of the cookies is what the code does."""

import re

import msgspec

from segment_identity import attribution, cookies, marker, pending, presented, sessions, signing
from segment_identity.cookies import Attributes
from segment_identity.marker import Marker
from segment_identity.signing import Memory

from .pages import blocks, rows_of, sections

PAGE = "docs/cookies.md"
HIDDEN = {presented.MEMORY, pending.COOKIE, attribution.COOKIE, sessions.COOKIE}
READABLE = {
    presented.ANONYMOUS,
    presented.USER,
    presented.GROUP,
    presented.SYNC,
    presented.RESET,
    presented.OPT_OUT,
}


def named(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_the_page_names_every_cookie_and_which_of_them_scripts_cannot_read() -> None:
    rows = rows_of(sections(PAGE)["What each cookie holds"], "cookie")
    told = {named(cells[0])[0].encode(): "HttpOnly" in cells[1] for cells in rows}
    assert told == dict.fromkeys(HIDDEN, True) | dict.fromkeys(READABLE, False)


def test_the_page_says_how_long_they_live() -> None:
    rows = rows_of(sections(PAGE)["What each cookie holds"], "cookie")
    lives = {named(cells[0])[0]: cells[3] for cells in rows}
    assert lives["ajs_pending"] == "ten minutes"
    assert pending.LIFE == 600
    assert {lives[name] for name in lives if not lives[name].startswith("until")} == {
        "a year",
        "ten minutes",
    }
    readable, hidden = Attributes(domain=None, secure=True).endings(0)
    assert f"Max-Age={cookies.YEAR};".encode() in readable
    assert hidden.endswith(b"HttpOnly")
    assert (cookies.YEAR, signing.LEEWAY) == (365 * 86_400, 5 * 60)


def test_the_page_names_every_field_of_the_signed_memory() -> None:
    rows = rows_of(sections(PAGE)["What each cookie holds"], "field")
    told = [name for cells in rows for name in named(cells[0])]
    assert sorted(told) == sorted(Memory.__struct_fields__)


def test_the_ajs_sync_of_the_page_is_one() -> None:
    (sample,) = blocks(PAGE, "json")["Who spoke last"]
    told, _ = marker.loads([sample.strip().encode()])
    assert told is not None
    assert told == Marker("7e57ab1e-0000-4000-8000-00000000cafe", "u-1", None, settled=True)
    assert msgspec.json.encode(told).decode() == sample.strip()
