"""A handle in several threads of one request: still one visitor, and nobody else's."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response

from segment_identity import Identity

from .support import Page, Site, Sites

THREADS = 4


def in_threads(act: Callable[[Identity, int], object]) -> Page:
    """Return a page that calls *act* in several threads that begin at once."""

    def page(request: Request) -> Response:
        begin = threading.Barrier(THREADS)

        def once(number: int) -> None:
            begin.wait(10)
            act(request.state.identity, number)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(once, range(THREADS)))
        return HTMLResponse("<p>Hi")

    return page


class SlowIds:
    """Makes ids so slowly that every thread asks meanwhile."""

    made = 0

    def __call__(self) -> str:
        self.made += 1
        number = self.made
        time.sleep(0.02)
        return f"made-{number:04d}-{threading.get_ident()}"


def devices(site: Site) -> set[Any]:
    """Return the anonymousIds of what was recorded."""
    return {each["anonymousId"] for each in site.events()}


def test_a_new_visitor_gets_one_id(open_site: Sites) -> None:
    page = in_threads(lambda identity, number: identity.track(f"Event {number}"))
    site = open_site(pages={"/": page}, new_id=SlowIds())
    site.go()
    assert len(site.events("track")) == THREADS
    assert devices(site) == {site.cookie("ajs_anonymous_id")}


def test_reading_the_id_and_recording_agree(open_site: Sites) -> None:
    told: set[str] = set()

    def act(identity: Identity, number: int) -> None:
        if number % 2:
            told.add(identity.anonymous_id)
        else:
            identity.track("Clicked")

    site = open_site(pages={"/": in_threads(act)}, new_id=SlowIds())
    site.go()
    assert devices(site) == told == {site.cookie("ajs_anonymous_id")}


def test_nothing_is_recorded_of_the_last_person_while_the_app_looks_up_who_is_there(
    open_site: Sites,
) -> None:
    there = ["ada"]

    def slowly(_: HTTPConnection) -> str:
        time.sleep(0.05)
        return there[0]

    page = in_threads(lambda identity, number: identity.track("Clicked"))
    site = open_site(pages={"/": page}, user=slowly)
    site.go()
    there[0] = "grace"
    site.go()
    users = [each["userId"] for each in site.events("track")]
    assert users == ["ada"] * THREADS + ["grace"] * THREADS
    assert [each["userId"] for each in site.events("identify")] == ["ada", "grace"]


def test_an_event_is_not_dropped_while_the_app_looks_up_the_consent(open_site: Sites) -> None:
    def slowly(_: HTTPConnection) -> bool:
        time.sleep(0.05)
        return True

    page = in_threads(lambda identity, number: identity.track("Clicked"))
    site = open_site(pages={"/": page}, consent=slowly)
    site.go()
    assert len(site.events("track")) == THREADS
    assert site.dropped() == {}


def test_a_name_given_in_one_thread_stays_whatever_others_do(open_site: Sites) -> None:
    def act(identity: Identity, number: int) -> None:
        if number:
            identity.track("Clicked")
        else:
            identity.identify("ada")

    site = open_site(pages={"/": in_threads(act)}, new_id=SlowIds())
    site.go()
    assert site.who()["user_id"] == "ada"
    assert devices(site) == {site.cookie("ajs_anonymous_id")}


def test_one_event_begins_the_session(open_site: Sites) -> None:
    page = in_threads(lambda identity, number: identity.track("Clicked"))
    site = open_site(pages={"/": page}, sessions=True, new_id=SlowIds())
    site.go()
    contexts = [each["context"] for each in site.events("track")]
    assert len({each["sessionId"] for each in contexts}) == 1
    assert [each.get("sessionStart") for each in contexts].count(True) == 1
