"""The README's Python blocks run, in order, as one program."""

import inspect
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from segment_identity import Analytics, Identity, IdentityMiddleware
from segment_identity.browser import TrackingAPI, snippet
from segment_identity.testing import capture

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
# Defaults that the table says in words.
IN_WORDS = {
    "secret_key": "none",
    "secure": "by scheme",
    "clock": "the system's",
    "new_id": "the system's",
}


class Queue:
    """A job queue that runs its jobs at once."""

    def enqueue(self, job: Callable[..., None], *arguments: object) -> None:
        job(*arguments)


def create_user(form: Any) -> SimpleNamespace:
    return SimpleNamespace(id="u-1", email=form["email"])


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Run all blocks, with only what they leave to the reader's own app, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    module = ModuleType("readme_blocks")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    names: dict[str, Any] = vars(module)
    names |= {
        "settings": SimpleNamespace(
            secret_key="k-9f27b1c06dce4f3b", tracking_key="t-51c0b7ae2d9f8e64"
        ),
        "create_user": create_user,
        "queue": Queue(),
    }
    made: list[Analytics] = []
    for number, block in enumerate(BLOCKS):
        exec(compile(block, f"README block {number + 1}", "exec"), names)
        if names["analytics"] not in made:
            made.append(names["analytics"])
    yield names
    for each in made:
        each.close()


def section(title: str) -> str:
    """Return the text of the README under one heading."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def table(text: str, head: str) -> dict[str, str]:
    """Return the second cell by each name of the first, of the table that starts with *head*."""
    rows = text.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {name: each[1] for each in cells for name in re.findall(r"`(\w+)", each[0])}


def options_of(build: Callable[..., object]) -> dict[str, Any]:
    """Return the default of every keyword that a constructor takes."""
    parameters = inspect.signature(build).parameters.values()
    return {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}


def test_the_options_of_the_readme_are_those_of_the_middleware() -> None:
    told = table(section("Options"), "option")
    defaults = options_of(IdentityMiddleware.__init__)
    shown = {name: repr(default).replace("'", '"') for name, default in defaults.items()}
    assert told == {name: IN_WORDS.get(name, f"`{text}`") for name, text in shown.items()}


def test_the_readme_names_every_option_of_the_ingest() -> None:
    told = table(section("First-party tracking"), "option")
    defaults = options_of(TrackingAPI.__init__)
    assert told == {name: f"`{default!r}`" for name, default in defaults.items()}


def test_the_arguments_of_the_readme_are_those_of_the_snippet() -> None:
    told = table(section("In the browser"), "argument")
    in_words = {
        "write_key": "none",
        "script": "Segment's CDN",
        "cdn_url": "Segment's CDN",
        "cdn_settings": "no destinations",
    }
    shown = {name: repr(each).replace("'", '"') for name, each in options_of(snippet).items()}
    assert told == {name: in_words.get(name, f"`{text}`") for name, text in shown.items()}


def test_a_sign_up_of_the_readme_is_made_again_in_the_browser(program: dict[str, Any]) -> None:
    with TestClient(program["app"]) as client:
        welcome = client.post("/join")
        assert welcome.url.path == "/welcome"
        assert '["track","Signed Up",{"plan":"premium"},' in welcome.text
        assert "Signed Up" not in client.get("/welcome").text


def test_the_readme_names_every_option_of_analytics() -> None:
    options = set(options_of(Analytics.__init__)) - {"clock", "new_id"}
    assert {name for name in options if f"`{name}`" not in section("Options")} == set()


def test_the_readme_names_all_that_an_identity_has_and_nothing_else() -> None:
    told = table(section("The identity"), "read") | table(section("The identity"), "call")
    has = {name for name in dir(Identity) if not name.startswith("_")} - {"to_dict"}
    assert set(told) == has
    assert "identity.to_dict()" in section("The identity")


def test_the_readme_has_its_python_blocks() -> None:
    assert len(BLOCKS) > 10


def test_the_shop_of_the_readme_asks_first(program: dict[str, Any]) -> None:
    with capture() as captured, TestClient(program["shop"]) as client:
        assert client.get("/").json() == {"ask": True}
        client.cookies.set("choice", "advertising")
        assert client.get("/").json() == {"ask": False}
        captured.assert_nothing()
        assert list(client.cookies) == ["choice"]
        client.cookies.set("choice", "analytics")
        client.get("/")
        told = captured.assert_tracked("Shop Seen")["context"]["consent"]
    assert told == {"categoryPreferences": {"analytics": True, "advertising": False}}


def test_the_blog_of_the_readme_knows_where_people_came_from(program: dict[str, Any]) -> None:
    with capture() as captured, TestClient(program["blog"]) as client:
        client.get("/plans?utm_source=news")
        said = client.get("/plans").json()
        client.post("/subscribe")
        told = captured.assert_tracked("Signed Up")["context"]
    assert said == {"campaign": {"source": "news"}, "session": told["sessionId"]}
    assert told["campaign"] == {"source": "news"}
    assert told["attribution"]["first"]["landingPage"] == "http://testserver/plans"


def test_the_start_of_the_readme_stays_short() -> None:
    lines = [line for line in BLOCKS[0].splitlines() if line.strip()]
    assert len(lines) <= 20


def test_the_blocks_of_the_readme_run_and_its_test_passes(program: dict[str, Any]) -> None:
    with capture() as captured:
        program["test_sign_up_is_tracked"](captured)


def test_a_sign_up_of_the_readme_lands_in_the_database(
    program: dict[str, Any], tmp_path: Path
) -> None:
    with TestClient(program["app"]) as client:
        client.post("/sign-up", data={"email": "peter@example.com"}, follow_redirects=False)
    with closing(sqlite3.connect(tmp_path / "analytics.db")) as database:
        signed_up = database.execute("SELECT user_id, plan FROM signed_up").fetchall()
        users = database.execute("SELECT id, email FROM users").fetchall()
    assert signed_up == [("u-1", "premium")]
    assert users == [("u-1", "peter@example.com")]
