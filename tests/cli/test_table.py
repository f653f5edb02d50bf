"""The README's table of commands is that of the code."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
import typer
from docs.pages import rows_of, sections

from segment_identity.cli.app import app

COMMANDS: Final[Mapping[str, Any]] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
ROWS: Final = rows_of(sections("README.md")["The command"], "command | options")


def options(name: str) -> Iterator[str]:
    """Yield the options of a command, but for those that all have."""
    for each in COMMANDS[name].params:
        if each.param_type_name == "option" and not {"--json", "--help"} & set(each.opts):
            yield each.opts[0]


def test_the_table_names_every_command_and_its_options() -> None:
    told = {
        re.findall(r"`([a-z]+)", row[0])[0]: set(re.findall(r"`(--[a-z-]+)", row[1]))
        for row in ROWS
    }
    assert told == {name: set(options(name)) for name in COMMANDS}


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_prints_json_if_asked(name: str) -> None:
    assert any("--json" in each.opts for each in COMMANDS[name].params)


def test_the_arguments_of_the_table_are_those_of_the_commands() -> None:
    for row in ROWS:
        name, *told = re.findall(r"`([^`]+)`", row[0])[0].split()
        taken = [each for each in COMMANDS[name].params if each.param_type_name == "argument"]
        assert len(told) == len(taken), name


@pytest.mark.parametrize("name", list(COMMANDS))
def test_what_exit_code_1_means_stands_in_the_help(name: str) -> None:
    row = next(each for each in ROWS if each[0].startswith(f"`{name}"))
    said = " ".join((COMMANDS[name].help or "").lower().split())
    assert ("exit code" in said and " 1" in said) == bool(row[3])
