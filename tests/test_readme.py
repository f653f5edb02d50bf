"""The README's Python blocks run, in order, as one program."""

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

from segment_identity import Analytics
from segment_identity.testing import capture

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)


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
        "settings": SimpleNamespace(secret_key="k-9f27b1c06dce4f3b"),
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


def test_the_readme_has_its_python_blocks() -> None:
    assert len(BLOCKS) == 7


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
