"""What `user=` says while a tracker posts, whose answers store no identity."""

from typing import Any

import pytest

from .support import Sites


def test_the_apps_log_in_is_recorded_once_however_often_a_tracker_posts(open_site: Sites) -> None:
    signed_in: list[str | None] = [None]
    site = open_site(middleware={"user": lambda connection: signed_in[0]})
    site.open()
    device = site.cookie("ajs_anonymous_id")
    signed_in[0] = "u-1"
    for number in range(3):
        said: dict[str, Any] = {"event": "Seen", "messageId": f"m-{number}", "anonymousId": device}
        assert site.post(said).status_code == 200
    posted = site.events()
    assert [each["type"] for each in posted] == ["track"] * 3
    assert {(each["anonymousId"], each["userId"]) for each in posted} == {(device, "u-1")}
    site.open()
    (identify,) = (each for each in site.events() if each["type"] == "identify")
    assert (identify["anonymousId"], identify["userId"]) == (device, "u-1")


@pytest.mark.parametrize("next_user", ["u-2", None])
def test_what_a_tracker_posts_after_a_change_is_never_the_other_persons(
    open_site: Sites, next_user: str | None
) -> None:
    signed_in: list[str | None] = ["u-1"]
    site = open_site(middleware={"user": lambda connection: signed_in[0]})
    site.open()
    device = site.cookie("ajs_anonymous_id")
    before = len(site.events())
    signed_in[0] = next_user
    for number in range(3):
        said = {"event": "Seen", "messageId": f"m-{number}", "anonymousId": device, "userId": "u-1"}
        assert site.post(said).status_code == 200
    posted = site.events()[before:]
    assert [each["type"] for each in posted] == ["track"] * 3
    assert {each["userId"] for each in posted} <= {next_user, None}
    assert device not in {each["anonymousId"] for each in posted}
