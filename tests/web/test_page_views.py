"""`track_pages`: one page message for each document a person sees."""

import pytest
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from .support import Acts, Sites

ACTS: Acts = {
    "/named": lambda identity: identity.page("Home", {"theme": "dark"}),
    "/json": lambda _: JSONResponse({}),
    "/away": lambda _: RedirectResponse("/", 303),
    "/lost": lambda _: HTMLResponse("<p>No such page", 404),
    "/broken": lambda _: HTMLResponse("<p>Sorry", 500),
    "/empty": lambda _: Response(status_code=204),
    "/xhtml": lambda _: HTMLResponse("<p>Hi", media_type="application/xhtml+xml"),
    "/public": lambda _: HTMLResponse("<p>Hi", headers={"Cache-Control": "public"}),
}


def test_document_is_recorded_once(open_site: Sites) -> None:
    site = open_site(ACTS, track_pages=True)
    site.go("/?utm_source=news&token=s3cret", Referer="https://news.example/today")
    (event,) = site.events()
    assert event["type"] == "page"
    assert event["anonymousId"] == site.cookie("ajs_anonymous_id")
    page = event["properties"]
    assert page["path"] == "/"
    assert page["referrer"] == "https://news.example/today"
    assert page["url"] == "http://www.shop.example/?utm_source=news&token=[masked]"
    assert event["context"]["campaign"] == {"source": "news"}


def test_nothing_is_recorded_unless_asked_for(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go()
    assert site.events() == []


def test_explicit_page_is_not_doubled(open_site: Sites) -> None:
    site = open_site(ACTS, track_pages=True)
    site.go("/named")
    (event,) = site.events()
    assert (event["name"], event["properties"]["theme"]) == ("Home", "dark")


def test_xhtml_is_a_page(open_site: Sites) -> None:
    site = open_site(ACTS, track_pages=True)
    site.go("/xhtml")
    assert len(site.events()) == 1


@pytest.mark.parametrize("path", ["/json", "/lost", "/broken", "/empty"])
def test_what_shows_no_page_is_not_recorded(open_site: Sites, path: str) -> None:
    site = open_site(ACTS, track_pages=True)
    site.go(path)
    assert site.events() == []


def test_redirect_is_recorded_where_it_ends(open_site: Sites) -> None:
    site = open_site(ACTS, track_pages=True)
    site.go("/away")
    assert [each["properties"]["path"] for each in site.events()] == ["/"]


def test_answer_to_a_form_is_not_a_page_view(open_site: Sites) -> None:
    site = open_site(ACTS, track_pages=True)
    site.submit()
    assert site.events() == []


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        pytest.param("GET", {"Sec-Fetch-Dest": "empty"}, id="fetch"),
        pytest.param("GET", {"Sec-Fetch-Dest": "iframe"}, id="iframe"),
        pytest.param("GET", {"Sec-Purpose": "prefetch"}, id="prefetch"),
        pytest.param("GET", {"User-Agent": "Examplebot/1.0"}, id="bot"),
        pytest.param("GET", {"Cookie": "ajs_optout=1"}, id="opted-out"),
        pytest.param("HEAD", {}, id="head"),
    ],
)
def test_what_no_person_sees_is_not_recorded(
    open_site: Sites, method: str, headers: dict[str, str]
) -> None:
    site = open_site(ACTS, track_pages=True)
    site.client.request(method, "/", headers={"Sec-Fetch-Dest": "document", **headers})
    assert site.events() == []


def test_excluded_page_is_not_recorded(open_site: Sites) -> None:
    site = open_site(ACTS, track_pages=True, exclude=["/health"])
    site.go("/health")
    assert site.events() == []


def test_steady_visitor_is_recorded_without_a_cookie(open_site: Sites) -> None:
    site = open_site(ACTS, track_pages=True)
    site.go()
    assert "set-cookie" not in site.go().headers
    assert len({each["anonymousId"] for each in site.events()}) == 1
    assert len(site.events()) == 2


def test_page_of_a_shared_cache_is_recorded_without_a_cookie(open_site: Sites) -> None:
    site = open_site(ACTS, track_pages=True)
    assert "set-cookie" not in site.go("/public").headers
    assert len(site.events()) == 1
