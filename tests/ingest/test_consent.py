"""What a page posts is under the same consent as what the server records."""

from typing import Any, Final

import pytest
from starlette.requests import HTTPConnection

from segment_identity import ActingAs
from segment_identity.consent import narrowed

from .support import DEVICE, SECRET, Sites

TRACK: Final = {"event": "Clicked", "anonymousId": DEVICE, "messageId": "m-1"}
SOME: Final = {"analytics": True, "advertising": False}
ANSWERS: Final[dict[str, Any]] = {"yes": True, "no": False, "some": SOME}


def by_cookie(connection: HTTPConnection) -> Any:
    return ANSWERS.get(connection.cookies.get("choice", ""))


def claimed(**preferences: Any) -> dict[str, Any]:
    return {**TRACK, "context": {"consent": {"categoryPreferences": preferences}}}


@pytest.mark.parametrize("choice", [None, "no"])
def test_what_a_refusing_visitor_posts_is_dropped(open_site: Sites, choice: str | None) -> None:
    site = open_site(middleware={"consent": by_cookie}, rate=None)
    if choice:
        site.write(choice=choice)
    for number in range(100):
        answer = site.post({**TRACK, "messageId": f"m-{number}"})
        assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    assert site.events() == []
    assert site.analytics.stats().dropped == {"consent": 100}


def test_preferences_are_stamped(open_site: Sites) -> None:
    site = open_site(middleware={"consent": by_cookie})
    site.write(choice="some")
    site.post(TRACK)
    assert site.event()["context"]["consent"] == {"categoryPreferences": SOME}


def test_a_page_cannot_agree_to_more_than_the_server_knows(open_site: Sites) -> None:
    site = open_site(middleware={"consent": by_cookie})
    site.write(choice="some")
    site.post(claimed(analytics=False, advertising=True, functional=True))
    assert site.event()["context"]["consent"] == {
        "categoryPreferences": {"analytics": False, "advertising": False, "functional": True}
    }


def test_without_a_say_of_the_server_the_page_decides(open_site: Sites) -> None:
    site = open_site()
    site.post(claimed(advertising=True))
    assert site.event()["context"]["consent"] == {"categoryPreferences": {"advertising": True}}


@pytest.mark.parametrize("said", [None, "yes", [], {}, {"categoryPreferences": "all"}])
def test_what_a_page_says_wrongly_is_not_asked(open_site: Sites, said: Any) -> None:
    site = open_site(middleware={"consent": by_cookie})
    site.write(choice="some")
    site.post({**TRACK, "context": {"consent": said}})
    assert site.event()["context"]["consent"] == {"categoryPreferences": SOME}


@pytest.mark.parametrize("consent", [None, True, False])
def test_a_plain_answer_leaves_what_a_page_said(consent: bool | None) -> None:
    assert narrowed(consent, {"consent": {"categoryPreferences": {"a": True}}}) is None


def test_gpc_refuses_for_the_page_too(open_site: Sites) -> None:
    site = open_site()
    site.client.headers["Sec-GPC"] = "1"
    site.post(claimed(analytics=False, advertising=True))
    assert site.event()["context"]["consent"] == {
        "categoryPreferences": {"analytics": False, "advertising": False}
    }


def test_a_server_with_a_secret_answers_for_itself(open_site: Sites) -> None:
    site = open_site(middleware={"consent": by_cookie}, secret_keys=[SECRET])
    site.post({**claimed(advertising=True), "writeKey": SECRET, "userId": "u-1"}, headers={})
    assert site.event()["context"]["consent"] == {"categoryPreferences": {"advertising": True}}


def test_a_withdrawal_reaches_a_page_that_only_posts(open_site: Sites) -> None:
    site = open_site(middleware={"consent": by_cookie})
    site.write(choice="yes")
    site.open("/log-in")
    site.write(choice="no")
    site.post(TRACK)
    assert sorted(site.client.cookies) == ["ajs_sync", "choice"]


def test_while_staff_act_a_page_speaks_for_nobody(open_site: Sites) -> None:
    site = open_site(middleware={"user": lambda _: ActingAs("u-1", "staff-7", record=True)})
    site.write(ajs_anonymous_id=DEVICE)
    site.post(TRACK)
    assert site.events() == []
    assert site.analytics.stats().dropped == {"acting_as": 1}


def test_without_cookies_a_page_is_the_visitor_of_the_day(open_site: Sites) -> None:
    site = open_site(middleware={"cookieless": True, "user": lambda _: "u-1"})
    site.post(TRACK)
    event = site.event()
    assert event["anonymousId"].startswith("d-")
    assert (event["userId"], event["context"]["unverified"]) == (None, {"anonymousId": DEVICE})
