"""Staff who act as a user leave no trace of it in that user's, or their own, identity."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from segment_identity import ActingAs, Identity

from .support import Site, Sites

ACTS: Final[dict[str, Callable[[Identity], object]]] = {
    "/track": lambda identity: identity.track("Seen"),
    "/in": lambda identity: identity.identify("ada", {"plan": "pro"}),
    "/out": lambda identity: identity.reset(),
}


def staffed(open_site: Sites, said: list[Any], **options: Any) -> Site:
    """Open a site whose log-in says the last of *said*, with staff signed in."""
    site = open_site(ACTS, user=lambda _: said[-1], **options)
    site.go("/track")
    return site


@pytest.mark.parametrize("path", ["/", "/track", "/in", "/out", "/who"])
@pytest.mark.parametrize("record", [False, True])
def test_the_cookies_stay_those_of_staff(open_site: Sites, path: str, record: bool) -> None:
    said: list[Any] = ["staff-7"]
    site = staffed(open_site, said)
    before = dict(site.client.cookies)
    said.append(ActingAs("ada", "staff-7", record))
    for _ in range(2):
        assert "set-cookie" not in site.go(path).headers
        assert "set-cookie" not in site.fetch(path).headers
    assert dict(site.client.cookies) == before
    said.append("staff-7")
    assert site.who()["user_id"] == "staff-7"
    assert len(site.events("identify")) == 1 + 4 * (record and path == "/in")


def test_the_app_sees_the_user(open_site: Sites) -> None:
    site = staffed(open_site, [ActingAs("ada", "staff-7")])
    assert site.who()["user_id"] == "ada"


def test_what_staff_do_is_not_what_the_user_did(open_site: Sites) -> None:
    said: list[Any] = ["staff-7"]
    site = staffed(open_site, said, track_pages=True)
    count = len(site.events())
    said.append(ActingAs("ada", "staff-7"))
    for path in ("/", "/track", "/in"):
        site.go(path)
    assert len(site.events()) == count
    assert site.dropped() == {"acting_as": 3}


def test_what_staff_do_can_be_recorded_with_their_name(open_site: Sites) -> None:
    site = staffed(open_site, [ActingAs("ada", 7, record=True)])
    site.go("/in")
    events = site.events()
    assert [each["type"] for each in events] == ["track", "identify"]
    for each in events:
        assert (each["anonymousId"], each["userId"]) == (None, "ada")
        assert each["context"]["actingAs"] == {"staffId": "7"}


@pytest.mark.parametrize("record", [False, True])
def test_a_job_that_staff_start_is_theirs_too(open_site: Sites, record: bool) -> None:
    carried: list[dict[str, Any]] = []
    site = open_site(
        {"/job": lambda identity: carried.append(identity.to_dict())},
        user=lambda _: ActingAs("ada", "staff-7", record),
    )
    site.go("/job")
    site.analytics.identity(**carried[0]).track("Report Ready")
    assert [each["context"]["actingAs"] for each in site.events()] == [
        {"staffId": "staff-7"} for _ in range(record)
    ]


@pytest.mark.parametrize("wrong", [ActingAs("", "staff-7"), ActingAs("ada", None)])  # type: ignore[arg-type]
def test_ids_that_are_none_are_a_fault_of_the_option(open_site: Sites, wrong: ActingAs) -> None:
    site = open_site(ACTS, user=lambda _: wrong)
    assert site.go("/track").status_code == 200
    assert site.faults()["user"] >= 1
