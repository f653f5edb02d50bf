"""What the documentation takes from the code is as the code is now."""

import importlib
import re
from typing import Any

import pytest

from . import states
from .making import PARTS, made
from .pages import ROOT, text
from .reference import CHAPTERS
from .states import State

DOCS = sorted((ROOT / "docs").glob("*.md"))
PATHS, _ = states.walk()
PACKAGES = ("", ".browser", ".destinations", ".inspector", ".spool", ".streaming", ".warehouse")


@pytest.mark.parametrize("page", PARTS)
def test_a_page_is_as_make_docs_makes_it(page: str) -> None:
    assert made(page) == text(page), "make docs"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_in_the_reference(package: str) -> None:
    module: Any = importlib.import_module(f"segment_identity{package}")
    told = {path.rpartition(".")[2] for paths in CHAPTERS.values() for path in paths}
    assert set(module.__all__) - {"__version__"} <= told


def test_every_state_of_the_picture_has_a_name_and_is_reached() -> None:
    assert set(PATHS) == set(states.TITLES)


@pytest.mark.parametrize("path", PATHS.values(), ids=states.TITLES.values())
def test_what_people_do_leads_to_the_same_from_everywhere(path: list[str]) -> None:
    identified = states.after([*path, "server: identify(ada)"])
    assert (identified.memory, identified.plain) == ("ada", "ada")
    signed_out = states.after([*path, "server: reset()"])
    assert (signed_out.memory, signed_out.plain) == ("", "")
    if path:
        left = states.after([*path, "page: reset()"])
        assert (left.plain, left.reset) == (None, True)
        assert states.after([*path, "page: reset()", "the next request"]).memory == ""
        named = states.after([*path, "page: identify(bob)", "the next request"])
        assert named.memory != "bob"


def test_what_is_left_when_both_have_heard_is_in_step() -> None:
    rest = {
        states.after([*path, "the next request", "the page's script"]) for path in PATHS.values()
    }
    assert rest == {State("", ""), State("ada", "ada"), State("", "bob")}


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{each.name}" for each in DOCS)])
def test_what_a_page_imports_is_in_the_reference(page: str) -> None:
    told = {path for paths in CHAPTERS.values() for path in paths}
    imports = re.findall(r"^from (segment_identity[\w.]*) import (.+)$", text(page), re.MULTILINE)
    used = {f"{where}.{name}" for where, names in imports for name in re.findall(r"\w+", names)}
    dotted = re.findall(r"`(segment_identity(?:\.\w+)*\.[A-Za-z]\w*)[`(]", text(page))
    modules = {path.rpartition(".")[0] for path in told}
    assert used | set(dotted) - modules <= told
