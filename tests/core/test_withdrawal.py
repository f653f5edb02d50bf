"""What a browser is told that must keep no identity."""

from typing import Final
from urllib.parse import unquote

import pytest

from segment_identity import presented, reconcile, withdrawal
from segment_identity.cookies import Attributes
from segment_identity.marker import Marker, dumps, loads
from segment_identity.reconcile import Reason
from segment_identity.visitor import NOBODY

NOW: Final = 1_750_000_000.0
SITE: Final = Attributes(domain="shop.example", secure=True)
FORGOTTEN: Final = Marker(settled=True)
NOTICE: Final = "ajs_sync=" + dumps(FORGOTTEN).decode()
TOLD: Final = "ajs_sync=" + dumps(Marker("device-0042", "ada", None, True)).decode()


def lines(header: str, *, tell: bool = True, site: Attributes = SITE) -> list[str]:
    octets = header.encode()
    seen = presented.read(octets, site.prefix + presented.MEMORY)
    made = withdrawal.set_cookies(octets, seen, attributes=site, now=NOW, tell=tell)
    return [line.decode() for line in made]


def deleted(made: list[str]) -> set[str]:
    return {line.partition("=")[0] for line in made if "Max-Age=0" in line}


@pytest.mark.parametrize("header", ["", "session=1; theme=dark", "ajs_other=1"])
def test_who_brings_nothing_gets_nothing(header: str) -> None:
    assert lines(header) == []


@pytest.mark.parametrize(
    "name",
    [
        "ajs_anonymous_id",
        "ajs_user_id",
        "ajs_group_id",
        "ajs_reset",
        "ajs_identity",
        "__Host-ajs_identity",
        "__Secure-ajs_identity",
        "ajs_pending",
        "__Host-ajs_pending",
        "__Secure-ajs_pending",
        "ajs_user",
    ],
)
def test_what_is_brought_is_deleted_and_the_page_hears(name: str) -> None:
    made = lines(f"{name}=something")
    assert deleted(made) == {name}
    assert len([line for line in made if line.startswith(f"{name}=")]) == 2, "domain and host-only"
    assert [line for line in made if line.startswith(NOTICE)] == made[-1:]


def test_the_notice_names_nobody() -> None:
    notice = lines("ajs_user_id=ada")[-1]
    assert "ada" not in unquote(notice)
    assert "HttpOnly" not in notice


def test_a_notice_stands_until_the_page_heard() -> None:
    assert lines(NOTICE) == []
    assert deleted(lines(f"{NOTICE}; ajs_anonymous_id=device-0042")) == {"ajs_anonymous_id"}


def test_what_the_server_said_before_is_void() -> None:
    assert lines(TOLD)[-1].startswith(NOTICE)
    assert deleted(lines(TOLD, tell=False)) == {"ajs_sync"}


def test_a_notice_is_read_as_it_was_written() -> None:
    assert loads([dumps(FORGOTTEN)]) == (FORGOTTEN, None)


@pytest.mark.parametrize("text", [b"{}", b'{"settled":false}', b'{"userId":"ada"}'])
def test_a_marker_of_nobody_that_is_not_settled_is_none(text: bytes) -> None:
    assert loads([text]) == (None, None)


def test_what_the_page_still_shows_is_not_taken_up_again() -> None:
    """Analytics.js restores from localStorage what nobody has deleted there yet."""
    seen = presented.read(f"{NOTICE}; ajs_anonymous_id=device-0042".encode(), b"ajs_identity")
    found = reconcile.reconcile(seen, None, NOW)
    assert (found.visitor, found.reason) == (NOBODY, Reason.WITHDRAWN)
    assert (found.tell, found.owes) == (True, False)
