"""What a page sends is part of the visitor's session, and a sign-up there tells how they came."""

from typing import Any

import pytest

from .support import DEVICE, SECRET, Site, Sites


@pytest.fixture
def site(open_site: Sites) -> Site:
    return open_site(middleware={"sessions": True, "attribution": True})


def said(event: str, number: int, **more: Any) -> dict[str, Any]:
    return {"event": event, "messageId": f"m-{event}-{number}", "type": "track", **more}


def contexts(site: Site) -> list[dict[str, Any]]:
    return [each["context"] for each in site.events()]


def test_events_of_a_page_and_of_the_server_are_one_session(site: Site) -> None:
    site.open("/")
    site.post(said("Clicked", 1))
    site.post({"batch": [said("Clicked", 2), said("Clicked", 3)]}, "/v1/batch")
    ids = [each["sessionId"] for each in contexts(site)]
    assert len(ids) == 3
    assert len(set(ids)) == 1
    assert [each.get("sessionStart", False) for each in contexts(site)] == [True, False, False]


def test_a_repeated_message_begins_nothing(site: Site) -> None:
    site.open("/")
    for _ in range(2):
        site.post(said("Clicked", 1))
    assert len(contexts(site)) == 1


def test_a_sign_up_in_the_page_tells_how_its_visitor_came(site: Site) -> None:
    site.open("/?utm_source=news")
    site.post(said("Signed Up", 1))
    site.post(said("Clicked", 1))
    signed_up, clicked = contexts(site)
    assert signed_up["campaign"] == {"source": "news"}
    assert signed_up["attribution"]["first"]["campaign"] == {"source": "news"}
    assert not {"attribution", "campaign"} & set(clicked)


def test_what_the_page_says_itself_comes_first(site: Site) -> None:
    site.open("/?utm_source=news")
    own = {"sessionId": 1_234_567_890, "campaign": {"source": "page"}}
    site.post(said("Signed Up", 1, context=own))
    (context,) = contexts(site)
    assert (context["sessionId"], context["campaign"]) == (1_234_567_890, {"source": "page"})


def test_a_device_of_which_the_server_saw_nothing_has_no_session(site: Site) -> None:
    site.post(said("Clicked", 1, anonymousId=DEVICE))
    assert "sessionId" not in contexts(site)[0]


def test_a_server_speaks_for_no_session_of_the_visitor(open_site: Sites) -> None:
    site = open_site(middleware={"sessions": True}, secret_keys=[SECRET])
    site.open("/")
    site.post(said("Renewed", 1, userId="u-1", writeKey=SECRET), headers={})
    assert "sessionId" not in contexts(site)[0]


def test_posts_renew_the_session_and_mostly_set_nothing(site: Site) -> None:
    site.open("/")
    first = site.post(said("Clicked", 1))
    assert first.headers["set-cookie"].startswith("__Host-ajs_session=")
    assert first.headers["cache-control"] == "no-store"
    assert "set-cookie" not in site.post(said("Clicked", 2)).headers
