"""The code of docs/recipes.md, each block as an app that somebody visits."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
from delivery.tracking_api import tracking_api
from starlette.testclient import TestClient
from web.support import BROWSER_MADE, DOCUMENT, FETCH

from segment_identity.testing import capture

from .oauth_server import CLIENT, CLIENT_SECRET, log_in_server
from .pages import SETTINGS, blocks, rows, running, serving

BLOCKS: Final = {heading: found for heading, found in blocks("docs/recipes.md").items() if found}
# Users in memory, as the reader has them in a database.
USERS: Final = """
from fastapi_users import schemas
from fastapi_users.db import BaseUserDatabase


class UserRead(schemas.BaseUser):
    pass


class UserCreate(schemas.BaseUserCreate):
    pass


class User:
    def __init__(self, said):
        self.id = uuid.uuid4()
        self.is_active, self.is_superuser, self.is_verified = True, False, False
        vars(self).update(said)


class Users(BaseUserDatabase):
    all = {}

    async def get(self, id):
        return self.all.get(id)

    async def get_by_email(self, email):
        return next((each for each in self.all.values() if each.email == email), None)

    async def create(self, said):
        user = User(said)
        self.all[user.id] = user
        return user

    async def update(self, user, said):
        vars(user).update(said)
        return user


async def get_user_db():
    yield Users()

"""
ADA: Final = {"email": "ada@example.com", "password": "a-long-password"}


def end(process: "subprocess.Popen[str]") -> None:
    """Stop a server as an operator does."""
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=30)
    assert "Traceback" not in said, said


def test_fastapi_users_says_who_is_there(tmp_path: Path) -> None:
    (block,) = BLOCKS["Log-in with fastapi-users"]
    block = block.replace("CookieTransport()", "CookieTransport(cookie_secure=False)")
    program = SETTINGS + "import uuid\n" + USERS + block
    with serving(tmp_path, program) as (process, url):
        with httpx.Client(base_url=url) as browser:
            assert browser.get("/").json() == {"user": None}
            device = browser.cookies["ajs_anonymous_id"]
            registered = browser.post("/auth/register", json=ADA)
            assert registered.status_code == 201
            assert browser.get("/").json() == {"user": None}
            ada = registered.json()["id"]
            form = {"username": ADA["email"], "password": ADA["password"]}
            assert browser.post("/auth/login", data=form).status_code == 204
            assert browser.cookies["ajs_user_id"] == ada
            assert browser.get("/").json() == {"user": ada}
            assert browser.cookies["ajs_anonymous_id"] == device
            assert browser.post("/auth/logout").status_code == 204
            assert browser.get("/").json() == {"user": None}
            assert "ajs_user_id" not in browser.cookies
            assert browser.cookies["ajs_anonymous_id"] != device
        end(process)
    assert rows(tmp_path, "SELECT event, anonymous_id, user_id FROM tracks ORDER BY timestamp") == [
        ("signed_up", device, None),
        ("signed_in", device, ada),
    ]
    # Once by the hook, and not again by `user=`.
    assert rows(tmp_path, "SELECT user_id, email FROM identifies") == [(ada, ADA["email"])]
    # What came before the log-in is theirs.
    theirs = "SELECT count(*) FROM profile_events WHERE attributed_user_id = "
    assert rows(tmp_path, f"{theirs}'{ada}' AND name = 'Signed Up'") == [(1,)]


def test_authlib_brings_back_who_it_is(tmp_path: Path) -> None:
    (block,) = BLOCKS["Log-in with Authlib (OAuth, OpenID Connect)"]
    with log_in_server() as issuer:
        given = {"client_id": CLIENT, "client_secret": CLIENT_SECRET, "issuer": issuer}
        program = f"{SETTINGS}\nvars(settings).update({given!r})\n{block}"
        with serving(tmp_path, program) as (process, url):
            with httpx.Client(base_url=url, follow_redirects=True) as browser:
                assert browser.get("/").json() == {"user": None}
                device = browser.cookies["ajs_anonymous_id"]
                assert browser.get("/log-in").json() == {"user": "u-1"}
                assert browser.cookies["ajs_anonymous_id"] == device
                assert browser.cookies["ajs_user_id"] == "u-1"
                out = browser.post("/log-out", follow_redirects=False)
                assert "ajs_user_id=;" in out.headers["set-cookie"]
                assert browser.get("/").json() == {"user": None}
            end(process)
    told = "SELECT event, anonymous_id, user_id, context_page_search FROM tracks"
    (signed_in,) = rows(tmp_path, told)
    assert signed_in == ("signed_in", device, "u-1", "?code=[masked]&state=[masked]")
    assert rows(tmp_path, "SELECT user_id, email FROM identifies") == [("u-1", "ada@example.com")]


def test_subdomains_share_one_identity(tmp_path: Path) -> None:
    (block,) = BLOCKS["Several subdomains"]
    with running(block, tmp_path) as names, capture() as captured:
        sites = {
            f"https://{host}.shop.example": httpx.ASGITransport(names[host])
            for host in ("www", "account")
        }

        async def visit() -> dict[str, str]:
            async with httpx.AsyncClient(mounts=sites, follow_redirects=True) as browser:
                await browser.get("https://www.shop.example/")
                welcome = await browser.post("https://account.shop.example/log-in")
                assert welcome.url.host == "www.shop.example"
                assert {each.domain for each in browser.cookies.jar} == {".shop.example"}
                assert "__Secure-ajs_identity" in browser.cookies
                return dict(browser.cookies)

        cookies = asyncio.run(visit())
    device = cookies["ajs_anonymous_id"]
    before, identified, after = captured.messages
    assert [each["anonymousId"] for each in (before, identified, after)] == [device] * 3
    assert [each["userId"] for each in (before, identified, after)] == [None, "u-1", "u-1"]


def test_a_single_page_app_and_its_api_know_one_visitor(tmp_path: Path) -> None:
    (block,) = BLOCKS["A single-page app with its API on another host"]
    page = {"Origin": "https://www.shop.example"}
    script = {**FETCH, **page, "Sec-Fetch-Site": "same-site"}
    with (
        running(block, tmp_path) as names,
        capture() as captured,
        TestClient(names["app"], base_url="https://api.shop.example") as browser,
    ):
        head = browser.get("/head.html")
        assert "set-cookie" not in head.headers
        assert "domain=shop.example" in head.text
        assert "https://api.shop.example/v1" in head.text
        added = browser.post("/cart", headers=script)
        assert added.headers["access-control-allow-origin"] == page["Origin"]
        assert added.headers["access-control-allow-credentials"] == "true"
        assert "Domain=shop.example" in added.headers["set-cookie"]
        device = captured.assert_tracked("Product Added")["anonymousId"]
        assert browser.cookies["ajs_anonymous_id"] == device
        posted = post(browser, "/v1/t", track("Scrolled"), script)
        assert (posted.status_code, posted.json()) == (200, {"success": True})
        captured.assert_tracked("Scrolled", anonymous_id=device)
        preflight = {**page, "Access-Control-Request-Method": "POST"}
        preflight["Access-Control-Request-Headers"] = "x-anonymous-id"
        assert browser.options("/cart", headers=preflight).status_code == 200
        browser.cookies.clear()
        named = browser.post("/cart", headers={**script, "X-Anonymous-Id": BROWSER_MADE})
        assert "set-cookie" not in named.headers
        captured.assert_tracked("Product Added", anonymous_id=BROWSER_MADE)


def post(browser: TestClient, path: str, said: object, headers: Mapping[str, str]) -> Any:
    """Post as Analytics.js does."""
    content = json.dumps(said).encode()
    return browser.post(path, content=content, headers={"Content-Type": "text/plain", **headers})


def track(event: str) -> dict[str, object]:
    """Return a message as Analytics.js makes it, of a device that the cookies correct."""
    return {
        "type": "track",
        "event": event,
        "messageId": f"ajs-next-{event}",
        "anonymousId": BROWSER_MADE,
        "properties": {},
        "context": {},
    }


def test_only_proxies_are_believed(tmp_path: Path) -> None:
    (block,) = BLOCKS["Behind a proxy or a CDN"]
    with serving(tmp_path, SETTINGS + block) as (process, url):
        forwarded = "6.6.6.6, 198.51.100.7, 203.0.113.9"
        headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https, https"}
        answer = httpx.get(url, headers=headers)
        assert "__Host-ajs_identity=" in answer.headers["set-cookie"]
        end(process)
    assert rows(tmp_path, "SELECT context_ip FROM pages") == [("198.51.100.0",)]


def test_the_same_arrives_as_from_segments_python_sdk(tmp_path: Path) -> None:
    before, now = BLOCKS["Coming from segment-analytics-python"]
    arrived = []
    for block in (before, now):
        with tracking_api() as collector:
            host = collector.url.rpartition("@")[2].removesuffix("/v1")
            given = f"settings.write_key, settings.host = 'key', 'http://{host}'\n"
            given += f"settings.tracking_api = {collector.url!r}\n"
            with running(given + block, tmp_path):
                pass
            arrived.append(sorted(map(shown, collector.taken)))
    old, new = arrived
    assert len(new) == 3
    assert old == new


def shown(message: dict[str, Any]) -> str:
    """Return what a message says, as a text that can be sorted."""
    fields = ("type", "userId", "event", "properties", "traits", "groupId")
    return json.dumps({name: message.get(name) for name in fields}, sort_keys=True)


def test_who_was_there_before_the_server_stays_who_they_are(tmp_path: Path) -> None:
    (block,) = BLOCKS["Coming from Analytics.js in the browser alone"]
    given = "settings.tracking_api = 'memory:'\n"
    with (
        running(given + block, tmp_path) as names,
        capture() as captured,
        TestClient(names["app"]) as browser,
    ):
        browser.cookies.set("ajs_anonymous_id", BROWSER_MADE, domain="testserver.local")
        browser.cookies.set("ajs_user_id", "u-1", domain="testserver.local")
        page = browser.get("/", headers=DOCUMENT)
        assert '"writeKey":"WRITE_KEY"' in page.text
        assert browser.cookies["ajs_identity"]
        captured.assert_nothing()
        posted = post(browser, "/v1/t", track("Clicked"), {**FETCH, "Origin": "http://testserver"})
        assert posted.status_code == 200
        claimed = captured.assert_tracked("Clicked", anonymous_id=BROWSER_MADE)
        assert claimed["userId"] is None
        browser.post("/log-in", headers=DOCUMENT)
        captured.assert_identified("u-1", anonymous_id=BROWSER_MADE)
        captured.assert_tracked("Signed In", user_id="u-1", anonymous_id=BROWSER_MADE)
    assert {each["anonymousId"] for each in captured} == {BROWSER_MADE}
