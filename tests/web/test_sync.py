"""The server's half of the talk with the page: `ajs_sync` and `ajs_reset`."""

import json
from urllib.parse import quote

from .support import BROWSER_MADE, DAY, OLDER, Acts, Site, Sites, set_cookies

ACTS: Acts = {
    "/ada": lambda identity: identity.identify("ada"),
    "/bob": lambda identity: identity.identify("bob"),
    "/group": lambda identity: identity.group("acme"),
    "/track": lambda identity: identity.track("Clicked"),
    "/out": lambda identity: identity.reset(),
    "/device": lambda identity: identity.set_anonymous_id("device-42"),
}


def hear(site: Site) -> None:
    """Do what the page's script does with a marker when it holds no older id."""
    site.drop("ajs_sync")


def replace(site: Site, older: str) -> None:
    """Do what the page's script does with a tentative marker when it holds an older id."""
    lost = site.cookie("ajs_anonymous_id")
    site.write(ajs_anonymous_id=older, ajs_sync=quote(json.dumps({"replaced": lost})))


def test_new_id_is_tentative(open_site: Sites) -> None:
    site = open_site()
    site.go()
    device = site.cookie("ajs_anonymous_id")
    assert site.marker() == {
        "anonymousId": device,
        "userId": None,
        "groupId": None,
        "settled": False,
    }


def test_restored_identity_is_tentative(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/ada")
    device = site.cookie("ajs_anonymous_id")
    site.forget_plain()
    site.clock.now += 8 * DAY
    site.go()
    assert site.marker() == {
        "anonymousId": device,
        "userId": "ada",
        "groupId": None,
        "settled": False,
    }


def test_what_the_app_changes_is_settled(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go()
    for path in ("/ada", "/group", "/bob", "/out", "/device"):
        hear(site)
        site.go(path)
        said = site.who()
        assert site.marker() == {
            "anonymousId": said["anonymous_id"],
            "userId": said["user_id"],
            "groupId": said["group_id"],
            "settled": True,
        }, path


def test_adopted_id_needs_no_marker(open_site: Sites) -> None:
    site = open_site()
    site.write(ajs_anonymous_id=BROWSER_MADE)
    site.go()
    assert site.marker() is None


def test_settled_marker_lets_the_server_win(open_site: Sites) -> None:
    """The running Analytics.js wrote its old ids back before the script in the page could hear."""
    site = open_site(ACTS)
    site.go("/ada")
    old = site.cookie("ajs_anonymous_id")
    site.go("/out")
    new = site.cookie("ajs_anonymous_id")
    assert old is not None
    site.write(ajs_anonymous_id=old, ajs_user_id="ada")
    site.go()
    assert site.cookie("ajs_anonymous_id") == new
    assert site.cookie("ajs_user_id") is None
    assert site.who()["user_id"] is None


def test_standing_marker_is_not_told_again(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/ada")
    assert "set-cookie" not in site.go().headers


def test_browser_wins_once_it_has_heard(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/ada")
    hear(site)
    site.write(ajs_anonymous_id=BROWSER_MADE, ajs_user_id="bob")
    site.go()
    said = site.who()
    assert (said["anonymous_id"], said["user_id"], said["user_id_hint"]) == (
        BROWSER_MADE,
        None,
        "bob",
    )
    assert site.cookie("ajs_user_id") == "bob"


def test_other_claim_drops_the_trusted_user(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/ada")
    device = site.cookie("ajs_anonymous_id")
    hear(site)
    site.write(ajs_user_id="bob")
    site.go()
    said = site.who()
    assert (said["anonymous_id"], said["user_id"], said["user_id_hint"]) == (device, None, "bob")
    site.write(ajs_user_id="ada")
    site.go()
    assert site.who()["user_id"] is None


def test_claim_of_the_trusted_user_changes_nothing(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/ada")
    hear(site)
    site.write(ajs_user_id="%22ada%22")
    assert site.who()["user_id"] == "ada"


def test_tentative_marker_lets_an_older_id_win_and_links_the_new_one(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/track")
    lost = site.cookie("ajs_anonymous_id")
    replace(site, OLDER)
    site.go("/track")
    site.go("/track")
    assert site.cookie("ajs_anonymous_id") == OLDER
    assert site.marker() is None
    events = site.events()
    assert [each["type"] for each in events] == ["track", "track", "alias", "track"]
    assert (events[2]["userId"], events[2]["previousId"]) == (OLDER, lost)
    assert {each["anonymousId"] for each in events[1:]} == {OLDER}


def test_only_the_id_just_made_can_be_linked(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/track")
    lie = quote(json.dumps({"replaced": "5omebody-e15e"}))
    site.write(ajs_anonymous_id=OLDER, ajs_sync=lie)
    site.go()
    assert site.events("alias") == []


def test_person_is_never_linked_to_an_older_id(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/ada")
    replace(site, OLDER)
    site.go()
    assert site.who()["user_id"] is None
    assert site.events("alias") == []


def test_reset_in_the_browser_is_a_reset(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/ada")
    first = site.cookie("ajs_anonymous_id")
    site.forget_plain()
    site.write(ajs_reset="1")
    site.clock.now += 30 * DAY
    assert site.who()["user_id"] is None
    site.go()
    assert site.cookie("ajs_anonymous_id") not in (None, first)
    assert site.cookie("ajs_reset") is None
    assert "set-cookie" not in site.go().headers


def test_id_made_after_a_reset_in_the_browser_is_taken(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/ada")
    site.forget_plain()
    site.write(ajs_reset="1", ajs_anonymous_id=BROWSER_MADE)
    site.go()
    said = site.who()
    assert (said["anonymous_id"], said["user_id"]) == (BROWSER_MADE, None)
    assert site.cookie("ajs_reset") is None


def test_reset_notice_beats_a_settled_marker(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/ada")
    first = site.cookie("ajs_anonymous_id")
    site.write(ajs_reset="1")
    site.go()
    said = site.who()
    assert said["user_id"] is None
    assert said["anonymous_id"] != first
    assert site.cookie("ajs_user_id") is None


def test_subresource_changes_no_cookie_of_a_visitor_who_owes_some(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/ada")
    site.clock.now += 30 * DAY
    assert "set-cookie" not in site.fetch(Sec_Fetch_Dest="image").headers
    assert "ajs_identity" in set_cookies(site.go())


def test_planted_user_does_not_sign_a_person_out(open_site: Sites) -> None:
    """A sibling's cookie comes first, and a value equal to the signed one is always valid."""
    site = open_site(ACTS)
    site.go("/ada")
    hear(site)
    held = "; ".join(f"{name}={value}" for name, value in site.client.cookies.items())
    site.go("/track", Cookie=f"ajs_user_id=mallory; {held}")
    assert site.events("track")[0]["userId"] == "ada"


def test_device_of_one_person_is_not_given_to_another_by_a_garbage_cookie(
    open_site: Sites,
) -> None:
    site = open_site(ACTS)
    site.go("/ada")
    device = site.cookie("ajs_anonymous_id")
    site.forget_plain()
    site.write(ajs_anonymous_id="%ff")
    site.go("/bob")
    ada, bob = site.events("identify")
    assert ada["anonymousId"] == device
    assert bob["anonymousId"] != device


def test_device_of_a_dropped_user_is_not_given_to_another_later(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/ada")
    device = site.cookie("ajs_anonymous_id")
    hear(site)
    site.write(ajs_user_id="carol")
    site.go()
    site.forget_plain()
    site.clock.now += 2 * DAY
    site.go()
    assert site.who()["user_id"] is None
    site.go("/bob")
    assert site.events("identify")[1]["anonymousId"] != device
