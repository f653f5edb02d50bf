"""Who did not agree is neither remembered nor recorded, and who no longer agrees is forgotten."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from segment_identity import Analytics, Identity, IdentityMiddleware, InvalidCall
from segment_identity.destinations import Memory

from .support import BROWSER_MADE, DOCUMENT, HTTPS, SECRET, Clock, Site, Sites, set_cookies

Asked = Callable[[HTTPConnection], Any]
ACTS: Final[dict[str, Callable[[Identity], object]]] = {
    "/track": lambda identity: identity.track("Seen"),
    "/in": lambda identity: identity.identify("ada", {"plan": "pro"}),
    "/all": lambda identity: _everything(identity),
    "/out": lambda identity: identity.reset(),
    "/opt-out": lambda identity: identity.opt_out(),
    "/opt-in": lambda identity: identity.opt_in(),
}
ANSWERS: Final[dict[str, Any]] = {
    "yes": True,
    "no": False,
    "all": {"analytics": True, "advertising": True},
    "some": {"analytics": True, "advertising": False},
    "others": {"analytics": False, "advertising": True},
}
KEPT: Final = {"ajs_anonymous_id", "ajs_user_id", "ajs_identity", "ajs_sync"}


def _everything(identity: Identity) -> None:
    identity.identify("ada", {"plan": "pro"})
    identity.track("Seen")
    identity.page("Home")
    identity.screen("Home")
    identity.group("acme")
    identity.alias("ada-2")
    identity.set_anonymous_id("device-0042")


def by_cookie(connection: HTTPConnection) -> Any:
    """Tell what a visitor chose, as an app's own banner remembers it."""
    return ANSWERS.get(connection.cookies.get("choice", ""))


def choose(site: Site, answer: str) -> None:
    site.write(choice=answer)


def held(site: Site) -> set[str]:
    return {name for name in site.client.cookies if name != "choice"}


def test_nothing_is_kept_of_who_was_not_asked(open_site: Sites) -> None:
    site = open_site(ACTS, consent=by_cookie, track_pages=True, mint="always")
    for path in ("/", "/track", "/in", "/all", "/out"):
        assert "set-cookie" not in site.go(path).headers
    assert site.events() == []
    assert set(site.dropped()) == {"consent"}


@pytest.mark.parametrize("answer", ["no", "others"])
@pytest.mark.parametrize("mint", ["navigation", "always", "never"])
def test_a_hundred_refused_requests_write_nothing_anywhere(
    tmp_path: Path, answer: str, mint: str
) -> None:
    database, spool = tmp_path / "analytics.db", tmp_path / "spool"
    memory = Memory()

    def serve(request: Request) -> HTMLResponse:
        _everything(request.state.identity)
        in_a_job = analytics.identity(**request.state.identity.to_dict())
        in_a_job.track("Report Ready")
        return HTMLResponse("<p>Hello</p>")

    with Analytics(f"sqlite:///{database}", memory, spool=spool) as analytics:
        options: dict[str, Any] = {"secret_key": SECRET, "analytics": analytics}
        options |= {
            "track_pages": True,
            "attribution": True,
            "sessions": True,
            "consent": by_cookie,
            "mint": mint,
            "user": lambda _: ("ada", {"plan": "pro"}),
        }
        app = Starlette(
            routes=[Route("/", serve)], middleware=[Middleware(IdentityMiddleware, **options)]
        )
        with TestClient(app, headers=DOCUMENT, cookies={"choice": answer}) as client:
            answers = [client.get("/") for _ in range(100)]
            assert list(client.cookies) == ["choice"]
        assert analytics.flush(10)
        stats = analytics.stats()
    assert not any("set-cookie" in each.headers for each in answers)
    assert memory.messages == []
    assert (stats.delivered, stats.pending, set(stats.dropped)) == (0, 0, {"consent"})
    assert stats.accepted == stats.dropped["consent"] == 100 * 7
    assert rows(database) == 0
    assert [rows(each) for each in spool.glob("*.db")] in ([], [0])


def rows(path: Path) -> int:
    """Count what is in all tables of a database, which there need not be."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        counts = (database.execute(f'SELECT count(*) FROM "{name}"') for (name,) in names)
        return sum(count.fetchone()[0] for count in counts)


@pytest.mark.parametrize("answer", [None, "no"])
def test_an_id_can_be_used_without_consent_and_lasts_for_the_request(
    open_site: Sites, answer: str | None
) -> None:
    site = open_site(ACTS, consent=by_cookie)
    if answer:
        choose(site, answer)
    site.write(ajs_anonymous_id=BROWSER_MADE)
    first, second = _who_untouched(site), _who_untouched(site)
    assert first["anonymous_id"] not in (None, BROWSER_MADE, second["anonymous_id"])
    assert (first["is_new"], first["is_provisional"]) == (True, True)


def _who_untouched(site: Site) -> dict[str, Any]:
    said: dict[str, Any] = site.fetch("/who").json()
    return said


def test_who_agrees_is_remembered_from_then_on(open_site: Sites) -> None:
    site = open_site(ACTS, consent=by_cookie)
    site.go("/track")
    choose(site, "yes")
    site.go("/track")
    site.go("/track")
    events = site.events()
    assert [each["anonymousId"] for each in events] == [site.cookie("ajs_anonymous_id")] * 2


def test_who_was_not_asked_again_yet_keeps_what_is_stored(open_site: Sites) -> None:
    site = open_site(ACTS, consent=by_cookie)
    choose(site, "yes")
    site.go("/in")
    before = dict(site.client.cookies)
    site.drop("choice")
    assert "set-cookie" not in site.go("/track").headers
    assert site.who()["user_id"] is None
    choose(site, "yes")
    assert site.who()["user_id"] == "ada"
    assert dict(site.client.cookies) == before


@pytest.mark.parametrize("answer", ["no", "others"])
@pytest.mark.parametrize("options", [{}, {"cookie_domain": "shop.example"}, {"browser": False}])
@pytest.mark.parametrize("base_url", [HTTPS, "http://www.shop.example"])
def test_a_withdrawal_deletes_every_cookie(
    open_site: Sites, answer: str, options: dict[str, Any], base_url: str
) -> None:
    site = open_site(ACTS, consent=by_cookie, base_url=base_url, **options)
    choose(site, "all")
    site.go("/in")
    assert held(site)
    site.drop("choice")
    site.write(choice=answer)
    site.fetch("/track")
    told = {"ajs_sync"} if options.get("browser", True) else set()
    assert held(site) == told
    assert len(site.events()) == 1


def test_a_withdrawal_is_told_to_the_page_until_it_heard(open_site: Sites) -> None:
    site = open_site(ACTS, consent=by_cookie)
    choose(site, "yes")
    site.go("/in")
    choose(site, "no")
    site.go()
    assert site.marker() == {
        "anonymousId": None,
        "userId": None,
        "groupId": None,
        "settled": True,
    }
    for path in ("/", "/track", "/in"):
        assert "set-cookie" not in site.go(path).headers
    site.drop("ajs_sync")
    assert "set-cookie" not in site.go("/in").headers


def test_who_agrees_again_before_the_page_forgot_is_new(open_site: Sites) -> None:
    """Without the notice, localStorage would bring the forgotten id back."""
    site = open_site(ACTS, consent=by_cookie)
    choose(site, "yes")
    site.go("/in")
    old = site.cookie("ajs_anonymous_id")
    assert old is not None
    choose(site, "no")
    site.go()
    site.write(ajs_anonymous_id=old, ajs_user_id="ada")
    choose(site, "yes")
    site.go("/track")
    marker = site.marker()
    assert marker is not None
    assert (marker["settled"], marker["userId"]) == (True, None)
    assert site.cookie("ajs_anonymous_id") == marker["anonymousId"] != old
    assert [each["userId"] for each in site.events("track")] == [None]


def test_a_withdrawal_waits_for_an_answer_that_is_not_shared(open_site: Sites) -> None:
    pages = {"/public": lambda _: HTMLResponse("", headers={"Cache-Control": "public"})}
    site = open_site(ACTS, pages=pages, consent=by_cookie)
    choose(site, "yes")
    site.go("/in")
    choose(site, "no")
    assert "set-cookie" not in site.go("/public").headers
    site.go()
    assert held(site) == {"ajs_sync"}


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda _: 1 / 0, id="raises"),
        pytest.param(lambda _: "yes", id="text"),
        pytest.param(lambda _: 1, id="number"),
        pytest.param(lambda _: {"analytics": "true"}, id="text for a category"),
        pytest.param(lambda _: {"analytics": True, "advertising": 1}, id="number for a category"),
        pytest.param(lambda _: ["analytics"], id="list"),
    ],
)
def test_a_consent_function_that_fails_keeps_nothing_and_deletes_nothing(
    open_site: Sites, wrong: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    before = open_site(ACTS)
    before.go("/in")
    site = open_site(ACTS, consent=wrong, cookies=before.client.cookies)
    for _ in range(3):
        answer = site.go("/track")
        assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    assert site.events() == []
    assert (site.faults(), site.dropped()) == ({"consent": 3}, {"consent": 3})
    assert len([each for each in caplog.records if "consent failed" in each.message]) == 1


def test_a_consent_function_may_look_at_the_identity(open_site: Sites) -> None:
    def ask(connection: HTTPConnection) -> bool:
        connection.state.identity.track("Asked")
        return connection.state.identity.user_id is None

    site = open_site(ACTS, consent=ask)
    site.go("/track")
    assert [each["event"] for each in site.events()] == ["Seen"]
    assert site.cookie("ajs_anonymous_id") is not None


def test_consent_is_asked_once_a_request(open_site: Sites) -> None:
    asked: list[str] = []

    def ask(connection: HTTPConnection) -> bool:
        asked.append(connection.url.path)
        return True

    site = open_site(ACTS, consent=ask, track_pages=True)
    site.go("/all")
    assert asked == ["/all"]


def test_a_category_nobody_asks_about_is_pointed_out(
    open_site: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(ACTS, consent=lambda _: {"Analytics": True})
    site.go("/track")
    site.go("/track")
    assert site.events() == []
    assert [each.message for each in caplog.records if "consent_category" in each.message] != []
    named = open_site(ACTS, consent=lambda _: {"Analytics": True}, consent_category="Analytics")
    named.go("/track")
    assert len(named.events()) == 1


@pytest.mark.parametrize(
    ("answer", "read", "stamped"),
    [
        ("yes", True, None),
        ("all", ANSWERS["all"], ANSWERS["all"]),
        ("some", ANSWERS["some"], ANSWERS["some"]),
    ],
)
def test_preferences_are_on_every_message(
    open_site: Sites, answer: str, read: Any, stamped: Any
) -> None:
    seen: list[Any] = []

    def act(identity: Identity) -> None:
        _everything(identity)
        seen.append(identity.consent)

    site = open_site({"/all": act}, consent=by_cookie)
    choose(site, answer)
    site.go("/all")
    assert seen == [read]
    events = site.events()
    assert len(events) == 6
    for each in events:
        said = each["context"].get("consent")
        assert said == (None if stamped is None else {"categoryPreferences": stamped})


def test_a_job_carries_what_was_agreed_to(open_site: Sites) -> None:
    carried: list[dict[str, Any]] = []
    site = open_site(
        {"/job": lambda identity: carried.append(identity.to_dict())}, consent=by_cookie
    )
    for answer in ("some", "yes", "no"):
        choose(site, answer)
        site.go("/job")
    assert [bool(data["context"]) for data in carried] == [True, True, False]
    for data in carried:
        job = site.analytics.identity(**data)
        job.track("Report Ready")
    assert [site.analytics.identity(**data).consent for data in carried] == [
        ANSWERS["some"],
        None,
        False,
    ]
    assert [each["context"].get("consent") for each in site.events()] == [
        {"categoryPreferences": ANSWERS["some"]},
        None,
    ]
    assert site.dropped() == {"consent": 1}


def test_a_job_can_be_told_what_was_agreed_to(open_site: Sites) -> None:
    analytics = open_site().analytics
    assert analytics.identity(user_id="ada", consent={"a": True}).consent == {"a": True}
    with pytest.raises(InvalidCall, match="consent"):
        analytics.identity(user_id="ada", consent="yes")  # type: ignore[arg-type]


def test_without_the_option_nobody_was_asked(open_site: Sites) -> None:
    seen: list[Any] = []
    site = open_site({"/": lambda identity: seen.append(identity.consent)})
    site.go()
    assert seen == [None]


@pytest.mark.parametrize(
    ("signal", "options", "read"),
    [
        ("1", {}, {"analytics": True, "advertising": False}),
        ("0", {}, None),
        ("1", {"gpc": False}, None),
        ("1", {"gpc": ["sale"]}, {"analytics": True, "sale": False}),
        ("1", {"gpc": True}, False),
        ("1", {"consent": lambda _: ANSWERS["all"]}, ANSWERS["some"]),
        ("1", {"consent": lambda _: True}, {"analytics": True, "advertising": False}),
        ("1", {"consent": lambda _: None}, None),
        ("0", {"gpc": True}, None),
    ],
)
def test_what_global_privacy_control_refuses(
    open_site: Sites, signal: str, options: dict[str, Any], read: Any
) -> None:
    seen: list[Any] = []

    def act(identity: Identity) -> None:
        identity.track("Seen")
        seen.append(identity.consent)

    site = open_site({"/": act}, **options)
    site.go(Sec_GPC=signal)
    assert seen == [read]
    said = [each["context"].get("consent") for each in site.events()]
    if read is False or ("consent" in options and read is None):
        assert said == []
    else:
        assert said == [None if read is None else {"categoryPreferences": read}]


def test_gpc_as_an_opt_out_forgets(open_site: Sites) -> None:
    site = open_site(ACTS, gpc=True)
    site.go("/in")
    site.go("/track", Sec_GPC="1")
    assert held(site) == {"ajs_sync"}
    assert site.dropped() == {"gpc": 1}


def test_who_opts_out_stays_out_until_they_opt_in(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/in")
    answer = site.submit("/opt-out")
    assert set_cookies(answer)["ajs_optout"]["max-age"] == "31536000"
    assert held(site) == {"ajs_sync", "ajs_optout"}
    assert site.marker() == {"anonymousId": None, "userId": None, "groupId": None, "settled": True}
    for path in ("/", "/track", "/in", "/opt-out"):
        site.go(path)
    assert held(site) <= {"ajs_sync", "ajs_optout"}
    assert [each["type"] for each in site.events()] == ["identify"]
    site.submit("/opt-in")
    assert "ajs_optout" not in held(site)
    site.go("/track")
    assert len(site.events("track")) == 1


def test_an_opt_out_holds_at_once(open_site: Sites) -> None:
    def act(identity: Identity) -> None:
        identity.opt_out()
        identity.track("Too Late")
        identity.identify("bob")
        assert identity.consent is False

    site = open_site({**ACTS, "/": act}, user=lambda _: "ada", track_pages=True)
    site.go("/track")
    site.go()
    assert "bob" not in [each["userId"] for each in site.events()]
    assert {"ajs_anonymous_id", "ajs_user_id", "ajs_identity"}.isdisjoint(held(site))


def test_opting_in_without_having_opted_out_changes_nothing(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/in")
    assert "set-cookie" not in site.go("/opt-in").headers


def test_an_opt_out_after_the_answer_began_says_that_it_is_too_late(
    open_site: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    def page(request: Request) -> HTMLResponse:
        return HTMLResponse("", background=BackgroundTask(request.state.identity.opt_out))

    site = open_site(pages={"/late": page})
    site.go("/late")
    assert any("opt_out()" in each.message for each in caplog.records)


def test_a_job_can_opt_out(open_site: Sites) -> None:
    site = open_site()
    job = site.analytics.identity(user_id="ada")
    job.opt_out()
    job.track("Report Ready")
    assert (site.events(), job.consent) == ([], False)


def test_an_excluded_path_deletes_nothing(open_site: Sites) -> None:
    site = open_site(ACTS, consent=by_cookie, exclude=["/health"])
    choose(site, "yes")
    site.go("/in")
    before = held(site)
    choose(site, "no")
    assert "set-cookie" not in site.go("/health").headers
    assert held(site) == before == KEPT


@pytest.mark.parametrize("clock", [Clock()])
def test_a_steady_visitor_who_agrees_gets_no_cookie(open_site: Sites, clock: Clock) -> None:
    site = open_site(ACTS, consent=lambda _: True, clock=clock)
    site.go("/in")
    assert "set-cookie" not in site.go("/track").headers
    assert "set-cookie" not in site.go().headers
