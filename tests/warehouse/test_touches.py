"""How a person came, by what their calls say of pages."""

from typing import Any

import pytest

from segment_identity.messages import Message
from segment_identity.warehouse import Profiles, Warehouse

from .loading import load
from .scenarios import call, on

HOME = "https://www.shop.example/"


def visit(day: int, name: str, kind: str = "page", link: str = "", **more: Any) -> Message:
    """Return a call on the page *name* of the shop, to which *link* led."""
    page = {"url": HOME + name, "path": f"/{name}", "referrer": link, "search": "?a=b"}
    said = call(day, f"{name} {day}", kind, **on("laptop", more.pop("user", None)))
    return {**said, "context": {"page": page, **more}}


ROAD: list[Message] = [
    visit(1, "landing", campaign={"source": "gazette", "name": "spring"}),
    visit(2, "plants", link=HOME),
    visit(3, "plants", link="https://news.example/item?id=1"),
    visit(4, "sign-up", kind="identify", user="ada", link=HOME),
    visit(5, "welcome", user="ada"),
]


@pytest.mark.parametrize("kind", ["page", "track"])
def test_a_person_came_first_and_last_from_somewhere(
    warehouse: Warehouse, profiles: Profiles, kind: str
) -> None:
    others = {"event": "Seen", "name": None} if kind == "track" else {}
    road = [each if each["type"] != "page" else {**each, "type": kind, **others} for each in ROAD]
    load(warehouse, road[::-1])
    ada = profiles.whois("ada")
    assert ada is not None
    came = profiles.attribution(ada)
    assert came is not None
    assert (came.first.campaign, came.first.landing_page) == (
        {"source": "gazette", "name": "spring"},
        HOME + "landing",
    )
    assert (came.last.referrer, came.last.campaign) == ("https://news.example/item", {})
    assert came.last.time - came.first.time == 2 * 86_400


def test_who_never_named_a_page_came_from_nowhere_known(
    warehouse: Warehouse, profiles: Profiles
) -> None:
    load(warehouse, [call(1, "job", userId="bob"), *ROAD])
    bob = profiles.whois("bob")
    assert bob is not None
    assert profiles.attribution(bob) is None
