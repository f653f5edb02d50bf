"""Every command that the documentation shows is one that the command line takes."""

import re
import shlex

import pytest
import typer.main

from segment_identity.cli.app import app

from .pages import ROOT, text

PAGES = ("README.md", *(f"docs/{each.name}" for each in sorted((ROOT / "docs").glob("*.md"))))
_SHOWN = re.compile(r"^\$ segment-identity (.*?)(?:  +#.*)?$", re.MULTILINE)
_IN_WORDS = re.compile(r"`segment-identity ([a-z]+ [^`]*)`")
_COMMAND = typer.main.get_group(app)


def shown(page: str) -> list[str]:
    """Return the commands of a page, in blocks of code and in its sentences."""
    told = text(page)
    return [*_SHOWN.findall(told), *_IN_WORDS.findall(told)]


COMMANDS = sorted({command for page in PAGES for command in shown(page)})


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_documentation_is_taken(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGMENT_IDENTITY_WAREHOUSE", "sqlite:///analytics.db")
    name, *arguments = shlex.split(line.replace("…", "//shop.example/"))
    # In sentences words in capitals stand for what people say, such as a number of days.
    said = [{"DAYS": "395", "MINUTES": "30"}.get(each, each) for each in arguments]
    command = _COMMAND.commands[name]
    with command.make_context(name, said) as context:
        assert context.command is command


def test_there_are_commands_to_take() -> None:
    assert len(COMMANDS) > 8
