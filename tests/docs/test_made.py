"""What the documentation takes from the code is as the code is now."""

import importlib
from typing import Any

import pytest

from . import states
from .making import PARTS, made
from .pages import text
from .reference import CHAPTERS
from .states import State

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
