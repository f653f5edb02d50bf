"""The code of docs/privacy.md, visited as a browser would, and its numbers."""

import base64
import inspect
import json
from pathlib import Path
from urllib.parse import unquote

import itsdangerous
import pytest
from starlette.testclient import TestClient
from warehouse.support import batch
from web.support import DOCUMENT

from segment_identity import Analytics
from segment_identity.inspector import watching
from segment_identity.recognition import _CAPACITY
from segment_identity.spool import Spool, dead_letters
from segment_identity.testing import capture
from segment_identity.warehouse import Profiles, Warehouse

from .pages import SECRET, blocks, rows, running, sections

PAGE = "docs/privacy.md"
BLOCKS = {heading: found for heading, found in blocks(PAGE).items() if found}


def kept(browser: TestClient) -> set[str]:
    """Return what the browser keeps of an identity."""
    return {name for name in browser.cookies if "ajs" in name}


def test_consent_is_given_and_withdrawn(tmp_path: Path) -> None:
    (block,) = BLOCKS["Consent"]
    with (
        running(block, tmp_path) as names,
        capture() as captured,
        TestClient(names["app"]) as browser,
    ):
        assert browser.get("/", headers=DOCUMENT).json() == {"ask": True}
        assert kept(browser) == set()
        captured.assert_nothing()
        browser.put("/choice", json=["analytics"])
        assert browser.get("/", headers=DOCUMENT).json() == {"ask": False}
        assert "ajs_identity" in kept(browser)
        told = captured.assert_page("Home")["context"]["consent"]
        assert told == {"categoryPreferences": {"analytics": True, "advertising": False}}
        captured.clear()
        browser.put("/choice", json=[])
        browser.get("/", headers=DOCUMENT)
        captured.assert_nothing()
        assert kept(browser) == {"ajs_sync"}
        said = json.loads(unquote(browser.cookies["ajs_sync"]))
        assert said == {"anonymousId": None, "userId": None, "groupId": None, "settled": True}


def test_a_destination_gets_only_what_was_agreed_to(tmp_path: Path) -> None:
    (block,) = BLOCKS["Destinations that need more"]
    block = block.replace("https://WRITE_KEY@api.segment.io", "http://WRITE_KEY@127.0.0.1:9")
    with running(block, tmp_path) as names:
        analytics: Analytics = names["analytics"]
        consent = {"analytics": True, "advertising": False}
        analytics.identity(user_id="u-1", consent=consent).track("Seen")
        assert analytics.flush(10)
        told = analytics.stats().destinations
        assert told["segment"].dropped == {"consent": 1}
        assert told["warehouse"].delivered == 1


def test_who_opts_out_is_not_recorded_until_they_opt_in(tmp_path: Path) -> None:
    (block,) = BLOCKS["Opt-out"]
    with (
        running(block, tmp_path) as names,
        capture() as captured,
        TestClient(names["app"]) as browser,
    ):
        browser.get("/", headers=DOCUMENT)
        before = captured.assert_page("Home")["anonymousId"]
        browser.post("/do-not-record-me")
        assert kept(browser) == {"ajs_optout", "ajs_sync"}
        captured.clear()
        browser.get("/", headers=DOCUMENT)
        captured.assert_nothing()
        browser.post("/record-me-again")
        browser.get("/", headers=DOCUMENT)
        assert captured.assert_page("Home")["anonymousId"] != before


def session(said: dict[str, str]) -> str:
    """Return the cookie of Starlette's session."""
    signer = itsdangerous.TimestampSigner(SECRET)
    return signer.sign(base64.b64encode(json.dumps(said).encode())).decode()


def test_staff_are_not_whom_they_act_as(tmp_path: Path) -> None:
    (block,) = BLOCKS["Staff who act as somebody else"]
    with (
        running(block, tmp_path) as names,
        capture() as captured,
        TestClient(names["app"]) as browser,
    ):
        browser.cookies.set("session", session({"user_id": "staff-7"}))
        assert browser.get("/orders", headers=DOCUMENT).json() == {"of": "staff-7"}
        captured.assert_tracked("Orders Viewed", user_id="staff-7")
        before = {name: browser.cookies[name] for name in kept(browser)}
        captured.clear()
        browser.cookies.set("session", session({"user_id": "staff-7", "impersonated": "u-1"}))
        assert browser.get("/orders", headers=DOCUMENT).json() == {"of": "u-1"}
        captured.assert_nothing()
        assert {name: browser.cookies[name] for name in kept(browser)} == before


def test_before_send_leaves_out_what_it_takes_out(tmp_path: Path) -> None:
    (block,) = BLOCKS["In an event"]
    with running(block, tmp_path) as names:
        visitor = names["analytics"].identity(user_id="u-1", context={"userAgent": "Any"})
        visitor.identify(traits={"email": "ada@example.com", "plan": "pro"})
    columns = {str(column[1]) for column in rows(tmp_path, "PRAGMA table_info(identifies)")}
    assert "plan" in columns
    assert columns.isdisjoint({"email", "context_user_agent"})


def test_old_calls_and_forgotten_people_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = BLOCKS["Retention and erasure"]
    warehouse = Warehouse(f"sqlite:///{tmp_path}/analytics.db")
    for user, when in (("u-1", "2026-01-01"), ("u-2", "2026-01-01"), ("u-3", "2001-01-01")):
        warehouse.send(batch(call(user, f"{when}T00:00:00.000Z")))
    warehouse.close()
    (tmp_path / "spool").mkdir()
    # A number of days that reaches from today to between the calls of the test.
    with running(block.replace("days=395", "days=3_650"), tmp_path):
        pass
    assert rows(tmp_path, "SELECT user_id FROM tracks") == [("u-2",)]
    with Profiles(f"sqlite:///{tmp_path}/analytics.db") as profiles:
        assert profiles.whois("u-1") is None
        assert profiles.whois("u-3") is None
    assert "Erased(" in capsys.readouterr().out


def call(user: str, when: str) -> dict[str, object]:
    """Return one track call."""
    return {
        "type": "track",
        "event": "Seen",
        "messageId": f"m-{user}",
        "anonymousId": f"device-of-{user}",
        "userId": user,
        "properties": {},
        "context": {},
        "timestamp": when,
        "originalTimestamp": when,
    }


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    places = sections(PAGE)["On the server"]
    assert f"{_CAPACITY:,} Cookie headers" in places
    assert f"beyond {dead_letters._MOST >> 20} MiB" in places
    assert f"the last {watching._KEPT} events" in places
    assert "seven days" in places
    assert inspect.signature(Spool).parameters["max_age"].default == 7 * 86_400
