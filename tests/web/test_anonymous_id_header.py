"""Apps without cookies name their device in a header, and nobody else by it."""

from typing import Any

import pytest

from segment_identity.errors import ConfigurationError

from .support import BROWSER_MADE, OLDER, Sites, set_cookies

APP: dict[str, Any] = {"anonymous_id_header": "X-Anonymous-Id"}
DEVICE = {"X_Anonymous_Id": BROWSER_MADE}


def test_what_an_app_does_on_the_server_is_its_devices(open_site: Sites) -> None:
    site = open_site({"/buy": lambda identity: identity.track("Bought")}, **APP)
    answer = site.fetch("/buy", **DEVICE)
    assert "set-cookie" not in answer.headers
    (event,) = site.events()
    assert (event["anonymousId"], event["userId"]) == (BROWSER_MADE, None)


def test_the_device_is_known_and_nobody_is_new(open_site: Sites) -> None:
    said = open_site(**APP).client.get("/who", headers={"X-Anonymous-Id": BROWSER_MADE}).json()
    assert (said["anonymous_id"], said["user_id"], said["is_new"]) == (BROWSER_MADE, None, False)
    assert said["is_provisional"] is False


def test_who_logs_in_is_told_and_kept_in_no_cookie(open_site: Sites) -> None:
    site = open_site({"/log-in": lambda identity: identity.identify("u-1")}, **APP)
    answer = site.submit("/log-in", **DEVICE)
    assert "set-cookie" not in answer.headers
    (event,) = site.events()
    assert (event["anonymousId"], event["userId"]) == (BROWSER_MADE, "u-1")
    assert (
        site.client.get("/who", headers={"X-Anonymous-Id": BROWSER_MADE}).json()["user_id"] is None
    )


def test_the_apps_log_in_is_known_and_not_said_with_every_call(open_site: Sites) -> None:
    acts: dict[str, Any] = {"/buy": lambda identity: identity.track("Bought")}
    site = open_site(acts, user=lambda connection: "u-1", **APP)
    for _ in range(3):
        site.fetch("/buy", **DEVICE)
    said = [(each["type"], each["anonymousId"], each["userId"]) for each in site.events()]
    assert said == [("track", BROWSER_MADE, "u-1")] * 3


def test_cookies_win(open_site: Sites) -> None:
    site = open_site(**APP)
    site.write(ajs_anonymous_id=OLDER)
    answer = site.fetch("/who", **DEVICE)
    assert answer.json()["anonymous_id"] == OLDER


@pytest.mark.parametrize("value", ["", "null", "0" * 36, "short", "a b c d e f", "x" * 65, "é" * 9])
def test_what_can_be_no_id_is_none(open_site: Sites, value: str) -> None:
    site = open_site(**APP)
    answer = site.client.get("/who", headers={b"X-Anonymous-Id": value.encode("latin-1")})
    assert answer.json()["anonymous_id"] != value
    assert answer.json()["is_new"] is True


def test_without_the_option_the_header_says_nothing(open_site: Sites) -> None:
    said = open_site().fetch("/who", **DEVICE).json()
    assert said["anonymous_id"] != BROWSER_MADE
    assert said["is_new"] is True


def test_a_page_without_the_header_is_stored_as_ever(open_site: Sites) -> None:
    assert "ajs_anonymous_id" in set_cookies(open_site(**APP).go())


def test_no_consent_is_none_for_apps_too(open_site: Sites) -> None:
    acts: dict[str, Any] = {"/buy": lambda identity: identity.track("Bought")}
    site = open_site(acts, consent=lambda connection: False, **APP)
    site.fetch("/buy", **DEVICE)
    assert site.events() == []


@pytest.mark.parametrize("value", ["", "a b", "X-Id:", "Cookie", "Authorization", "é", 7, b"x"])
def test_a_mistake_is_told(open_site: Sites, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="anonymous_id_header was given"):
        open_site(anonymous_id_header=value).fetch()
