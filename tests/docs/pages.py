"""The pages of the documentation, as text and as programs."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, chdir, closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from servers import UVICORN, in_process

from segment_identity import Analytics

ROOT: Final = Path(__file__).parents[2]
SECRET: Final = "Rk3vTq9w-YbN2xLm8-tests"
# What a project of the reader has already.
SETTINGS: Final = f"""
from types import SimpleNamespace

settings = SimpleNamespace(secret_key="{SECRET}", broker="memory://")
"""


def text(page: str) -> str:
    """Return a page, named from the root of the project."""
    return (ROOT / page).read_text("utf-8")


def sections(page: str) -> dict[str, str]:
    """Return what stands under each heading of the second level."""
    found = re.findall(r"^## (.*?)$(.*?)(?=^## |\Z)", text(page), re.MULTILINE | re.DOTALL)
    return dict(found)


def blocks(page: str, language: str = "python") -> dict[str, list[str]]:
    """Return the blocks of code under each heading of the second level."""
    fenced = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return {heading: fenced.findall(under) for heading, under in sections(page).items()}


def rows_of(under: str, head: str) -> list[list[str]]:
    """Return the cells of the table whose first head is *head*."""
    lines = under.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def serving(
    folder: Path, program: str
) -> AbstractContextManager[tuple["subprocess.Popen[str]", str]]:
    """Serve a program by uvicorn."""
    (folder / "shop.py").write_text(program)
    return in_process(*UVICORN, "shop:app", folder=folder)


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    """Return what the database of the program answers."""
    with closing(sqlite3.connect(folder / "analytics.db")) as database:
        return database.execute(query).fetchall()


@contextmanager
def running(code: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Run a block in *folder* as a program of the reader, and give what it defines."""
    module = ModuleType("block")
    names = vars(module)
    sys.modules[module.__name__] = module
    try:
        with chdir(folder):
            exec(compile(SETTINGS + code, "a block", "exec"), names)
            yield names
            for each in names.values():
                if isinstance(each, Analytics):
                    assert each.close(10)
    finally:
        del sys.modules[module.__name__]
