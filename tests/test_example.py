"""The example app, visited without a browser."""

import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from browser.shop import open_shop, rows
from starlette.testclient import TestClient

from example_app.app import create_app
from example_app.catalogue import PLANTS
from example_app.secret import VARIABLE, secret_key
from segment_identity import ConfigurationError

ADA = {"name": "Ada", "email": "ada@example.com", "password": "difference engine"}
NOWHERE = Path("nowhere")
HOSTILE = "<script>alert('x')</script>\"{{ 7 * 7 }}"
PANEL_FETCH = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Accept": "text/x-fragment"}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def visitor(database: Path) -> Iterator[TestClient]:
    with new_visitor(database) as client:
        yield client


def new_visitor(database: Path, analytics_js: Path = NOWHERE) -> TestClient:
    """Return somebody who opens pages; the shop runs while they are entered."""
    return TestClient(
        create_app(database, "a-key-for-tests-Rk3vTq9w", analytics_js),
        base_url="http://127.0.0.1:8000",
        headers={"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"},
    )


def anonymous_id(visitor: TestClient) -> str:
    return visitor.cookies["ajs_anonymous_id"]


def sign_up(visitor: TestClient, **changes: str) -> None:
    answer = visitor.post("/sign-up", data={**ADA, **changes})
    assert answer.url.path == "/welcome"


def panel_with(visitor: TestClient, text: str) -> str:
    """Ask for the panel, as its script does, until *text* has arrived in it."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        panel = visitor.get("/panel", headers=PANEL_FETCH).text
        if text in panel:
            return panel
        time.sleep(0.02)
    pytest.fail(f"{text!r} never came to the panel")


def test_a_whole_visit_ends_up_in_the_warehouse(database: Path) -> None:
    with new_visitor(database) as visitor:
        visitor.get("/")
        first = anonymous_id(visitor)
        visitor.get("/plants/zz")
        visitor.post("/plants/zz/add")
        visitor.post("/newsletter", data={"email": "ada@example.com"})
        sign_up(visitor)
        user = visitor.cookies["ajs_user_id"]
        visitor.post("/account", data={"name": "Ada", "email": ADA["email"], "room": "The loft"})
        assert anonymous_id(visitor) == first
        visitor.post("/log-out")
        second = anonymous_id(visitor)
        assert second != first
        visitor.post("/log-in", data=ADA)
        assert anonymous_id(visitor) == second

    assert rows(database, "SELECT anonymous_id, user_id, email FROM identifies ORDER BY rowid") == [
        (first, None, "ada@example.com"),
        (first, user, "ada@example.com"),
        (first, user, None),
        (second, user, "ada@example.com"),
    ]
    assert rows(database, "SELECT id, name, email, room FROM users") == [
        (user, "Ada", "ada@example.com", "The loft")
    ]
    assert rows(database, "SELECT event, anonymous_id, user_id FROM tracks ORDER BY rowid") == [
        ("product_viewed", first, None),
        ("product_added", first, None),
        ("newsletter_subscribed", first, None),
        ("signed_up", first, user),
        ("profile_updated", first, user),
        ("signed_in", second, user),
    ]
    assert rows(database, "SELECT name, email, anonymous_id, user_id FROM signed_up") == [
        ("Ada", "ada@example.com", first, user)
    ]
    paths = "SELECT context_page_path, anonymous_id, user_id FROM pages ORDER BY rowid"
    assert rows(database, paths) == [
        ("/", first, None),
        ("/plants/zz", first, None),
        ("/basket", first, None),
        ("/newsletter", first, None),
        ("/welcome", first, user),
        ("/account", first, user),
        ("/", second, None),
        ("/", second, user),
    ]
    assert rows(database, "SELECT product_id, price, quantity FROM product_added") == [
        ("zz", 28, 1)
    ]


def test_the_first_visit_makes_the_only_id_of_an_anonymous_visitor(
    visitor: TestClient, database: Path
) -> None:
    visitor.get("/")
    first = anonymous_id(visitor)
    for path in ("/plants/pilea", "/basket", "/newsletter", "/sign-up"):
        visitor.get(path)
    visitor.post("/newsletter", data={"email": "ada@example.com", "name": "Ada"})
    visitor.get("/")
    assert anonymous_id(visitor) == first


def test_every_page_answers(visitor: TestClient) -> None:
    sign_up(visitor)
    paths = [
        "/",
        "/basket",
        "/newsletter",
        "/sign-up",
        "/log-in",
        "/welcome",
        "/account",
        "/privacy",
    ]
    for path in paths + [f"/plants/{plant.slug}" for plant in PLANTS]:
        answer = visitor.get(path)
        assert (path, answer.status_code) == (path, 200)
        assert "<h1>" in answer.text
        assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_what_does_not_exist_is_a_friendly_404(visitor: TestClient) -> None:
    for answer in (visitor.get("/plants/triffid"), visitor.post("/plants/triffid/add")):
        assert answer.status_code == 404
        assert "Nothing grows here" in answer.text


def test_the_basket_adds_up(visitor: TestClient) -> None:
    visitor.post("/plants/pilea/add")
    visitor.post("/plants/zz/add")
    answer = visitor.post("/plants/pilea/add")
    assert answer.url.path == "/basket"
    assert "2 \N{MULTIPLICATION SIGN} €16" in answer.text
    assert "<strong>€60</strong>" in answer.text


@pytest.mark.parametrize(
    ("path", "data", "status", "message"),
    [
        ("/newsletter", {"email": ""}, 422, "Please fill this in."),
        ("/newsletter", {"email": "nowhere"}, 422, "does not look like an e-mail"),
        ("/sign-up", {**ADA, "email": "new@example.com", "password": ""}, 422, "fill this in"),
        ("/sign-up", {**ADA, "name": "A" * 201}, 422, "under 200 characters"),
        ("/sign-up", {**ADA, "email": "ADA@example.com"}, 422, "There is an account"),
        ("/log-in", {"email": "ada@example.com", "password": ""}, 422, "fill this in"),
        ("/log-in", {"email": "ada@example.com", "password": "wrong"}, 401, "do not belong"),
        ("/log-in", {"email": "eve@example.com", "password": "wrong"}, 401, "do not belong"),
        ("/account", {"name": "", "email": "ada@example.com"}, 422, "fill this in"),
        ("/account", {"name": "Ada", "email": "bob@example.com"}, 422, "Somebody else"),
    ],
)
def test_a_wrong_form_comes_back_with_a_reason_and_records_nothing(
    database: Path, path: str, data: dict[str, str], status: int, message: str
) -> None:
    with new_visitor(database) as visitor:
        sign_up(visitor, email="bob@example.com")
        visitor.post("/log-out")
        sign_up(visitor)
        answer = visitor.post(path, data=data)
    assert answer.status_code == status
    assert message in answer.text
    assert "aria-invalid" in answer.text
    assert ADA["password"] not in answer.text
    assert rows(database, "SELECT event FROM tracks") == [("signed_up",), ("signed_up",)]


@pytest.mark.parametrize("path", ["/account", "/welcome"])
def test_strangers_are_asked_to_log_in(visitor: TestClient, path: str) -> None:
    assert visitor.get(path).url.path == "/log-in"


def test_a_stranger_cannot_change_an_account(visitor: TestClient) -> None:
    answer = visitor.post("/account", data={"name": "Eve", "email": "eve@example.com"})
    assert answer.url.path == "/log-in"


def test_an_unchanged_profile_is_not_an_event(database: Path) -> None:
    with new_visitor(database) as visitor:
        sign_up(visitor)
        visitor.post("/account", data={"name": ADA["name"], "email": ADA["email"], "room": ""})
    assert rows(database, "SELECT event FROM tracks") == [("signed_up",)]


def test_hostile_input_is_shown_as_text(visitor: TestClient) -> None:
    sign_up(visitor, name=HOSTILE)
    visitor.post("/account", data={"name": HOSTILE, "email": ADA["email"], "room": HOSTILE})
    in_panel = panel_with(visitor, "room: ")
    pages = [visitor.get("/welcome").text, visitor.get("/account").text, in_panel]
    pages.append(visitor.post("/sign-up", data={**ADA, "name": HOSTILE}).text)
    for page in pages:
        assert "alert(&#39;x&#39;)" in page
        assert "<script>alert" not in page
        assert "{{ 7 * 7 }}" in page


def test_the_panel_shows_who_is_there_and_what_they_did(visitor: TestClient) -> None:
    visitor.get("/")
    visitor.post("/newsletter", data={"email": "ada@example.com"})
    sign_up(visitor)
    panel = panel_with(visitor, "/welcome")
    assert anonymous_id(visitor) in panel
    assert visitor.cookies["ajs_user_id"] in panel
    assert "Newsletter Subscribed" in panel
    assert "Signed Up" in panel
    assert "email: ada@example.com, name: Ada" in panel
    assert "known user" in panel


def test_after_log_out_the_panel_shows_somebody_new(visitor: TestClient) -> None:
    sign_up(visitor)
    before = anonymous_id(visitor)
    user = visitor.cookies["ajs_user_id"]
    visitor.post("/log-out")
    panel = panel_with(visitor, 'class="what">/<')
    assert before not in panel
    assert user not in panel
    assert "anonymous visitor" in panel


def test_who_objects_is_forgotten_and_not_recorded(visitor: TestClient, database: Path) -> None:
    visitor.get("/plants/zz")
    before = anonymous_id(visitor)
    visitor.post("/privacy", data={"advertising": "on"})
    assert sorted(visitor.cookies) == ["ajs_sync", "shop_choice"]
    for path in ("/plants/pilea", "/basket", "/newsletter"):
        assert "ajs_" not in "".join(visitor.get(path).headers.get_list("set-cookie"))
    visitor.post("/newsletter", data={"email": "ada@example.com"})
    panel = visitor.get("/panel", headers=PANEL_FETCH).text
    assert "not recorded: you have not agreed" in panel
    assert "plants/zz" not in panel
    visitor.post("/privacy", data={"analytics": "on"})
    assert anonymous_id(visitor) != before
    panel_with(visitor, 'class="what">/privacy<')
    visitor.close()
    paths = rows(database, "SELECT context_page_path FROM pages")
    assert {path for (path,) in paths} == {"/plants/zz", "/privacy"}
    assert rows(database, "SELECT name FROM sqlite_master WHERE name = 'identifies'") == []


def test_what_a_visitor_agreed_to_is_on_what_is_recorded(
    visitor: TestClient, database: Path
) -> None:
    visitor.post("/privacy", data={"analytics": "on", "advertising": "on"})
    panel_with(visitor, 'class="what">/privacy<')
    asked = "SELECT context_consent_category_preferences_advertising FROM pages"
    assert rows(database, asked)[-1] == (1,)
    page = visitor.get("/privacy").text
    assert page.count(" checked>") == 2


def test_the_panel_never_shows_a_signed_cookie(visitor: TestClient) -> None:
    sign_up(visitor)
    panel = panel_with(visitor, "Signed Up")
    for name in ("ajs_identity", "shop_session"):
        assert name in panel
        assert visitor.cookies[name][:12] not in panel


def test_the_panel_shows_only_ones_own_events(database: Path) -> None:
    with new_visitor(database) as visitor:
        sign_up(visitor)
        panel_with(visitor, "Signed Up")
        visitor.cookies.clear()
        visitor.get("/")
        panel = panel_with(visitor, 'class="what">/<')
    assert "Signed Up" not in panel


def test_asking_for_the_panel_leaves_no_trace(database: Path) -> None:
    with new_visitor(database) as visitor:
        answer = visitor.get("/panel", headers=PANEL_FETCH)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert "not made yet" in answer.text
    assert rows(database, "SELECT name FROM sqlite_master WHERE name = 'pages'") == []


def test_a_customer_who_is_gone_is_asked_to_log_in(visitor: TestClient, database: Path) -> None:
    sign_up(visitor)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM customers")
    assert visitor.get("/account").url.path == "/log-in"


def test_passwords_are_not_stored(visitor: TestClient, database: Path) -> None:
    sign_up(visitor)
    (stored,) = rows(database, "SELECT password FROM customers")[0]
    salt, _, digest = stored.partition("$")
    assert (len(salt), len(digest)) == (32, 128)
    assert ADA["password"] not in stored


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_what_happened_just_before_the_end_is_kept(database: Path, how: signal.Signals) -> None:
    with open_shop(database) as shop:
        httpx.get(f"{shop.url}/plants/zz")
        assert shop.stop(how) == ""
    assert rows(database, "SELECT event FROM tracks") == [("product_viewed",)]
    assert rows(database, "SELECT context_page_path FROM pages") == [("/plants/zz",)]


def test_without_analytics_js_the_shop_runs_on_the_server_alone_and_says_so(
    visitor: TestClient, database: Path
) -> None:
    page = visitor.get("/").text
    assert "/static/browser.js" not in page
    assert "Not installed, as it comes with npm." in page
    assert visitor.post("/v1/t", json={}).status_code == 404
    with open_shop(database) as shop:
        told = shop.told.splitlines()
    assert told[0].startswith("Analytics.js is not installed")
    assert told[1].startswith("The shop is open")


def test_analytics_js_runs_by_the_nonce_of_its_page(database: Path, tmp_path: Path) -> None:
    (tmp_path / "index.js").write_text("// Analytics.js")
    with new_visitor(database, tmp_path) as visitor:
        answers = [visitor.get("/"), visitor.get("/plants/triffid")]
        assert visitor.get("/analytics/index.js").text == "// Analytics.js"
    nonces = set()
    for answer in answers:
        (nonce,) = set(re.findall(r'<script nonce="([^"]+)">', answer.text))
        assert f"script-src 'self' 'nonce-{nonce}';" in answer.headers["content-security-policy"]
        nonces.add(nonce)
    assert len(nonces) == 2


def test_the_sign_up_waits_for_the_welcome_page(database: Path, tmp_path: Path) -> None:
    (tmp_path / "index.js").write_text("// Analytics.js")
    with new_visitor(database, tmp_path) as visitor:
        answer = visitor.post("/sign-up", data=ADA)
        again = visitor.get("/welcome")
    assert answer.url.path == "/welcome"
    assert '["track","Signed Up",{"name":"Ada","email":"ada@example.com"}' in answer.text
    assert 'Signed Up"' not in again.text
    assert len(rows(database, "SELECT id FROM signed_up")) == 1


def test_the_session_cookie_is_same_site_and_out_of_reach_of_scripts(visitor: TestClient) -> None:
    answer = visitor.post("/plants/zz/add", follow_redirects=False)
    session = next(
        value for value in answer.headers.get_list("set-cookie") if value.startswith("shop_session")
    )
    assert "samesite=lax" in session
    assert "httponly" in session


def test_the_secret_key_is_made_once_and_only_readable_by_its_owner(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    made = secret_key(database)
    (file,) = database.parent.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(made) > 40
    assert secret_key(database) == made


def test_a_key_that_protects_nothing_keeps_the_shop_closed(database: Path) -> None:
    """Not only at the first visit, as uvicorn would have it."""
    with pytest.raises(ConfigurationError, match="secret_key was given one of 5 characters"):
        create_app(database, "short")


@pytest.mark.parametrize(
    ("where", "key", "told"),
    [
        ("shop.db", "short", "secret_key was given one of 5 characters"),
        ("nowhere/shop.db", "", "No such file or directory"),
    ],
)
def test_a_shop_that_cannot_open_says_why(tmp_path: Path, where: str, key: str, told: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "example_app", "--port", "0", "--database", str(tmp_path / where)],
        cwd=Path(__file__).parents[1],
        env={**os.environ, VARIABLE: key},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("The shop cannot open: ")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_the_secret_key_may_come_from_the_environment(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "from the environment")
    assert secret_key(database) == "from the environment"
    assert list(database.parent.iterdir()) == []


def test_the_inspector_shows_a_customer_on_this_machine_only(database: Path) -> None:
    with new_visitor(database) as visitor:
        visitor.get("/")
        sign_up(visitor)
        panel_with(visitor, "Signed Up")
        user = visitor.cookies["ajs_user_id"]
        path = f"/inspector/people?id={user}"
        assert visitor.get(path).status_code == 404
        here = TestClient(visitor.app, "http://127.0.0.1:8000", client=("127.0.0.1", 1))
        page = here.get(path)
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert anonymous_id(visitor) in page.text
        assert "Known as" in page.text
        assert "set-cookie" not in page.headers
