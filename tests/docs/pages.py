"""The pages of the documentation, as text and as programs."""

import re
import sqlite3
import subprocess
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Final

from servers import UVICORN, in_process

ROOT: Final = Path(__file__).parents[2]
# What a project of the reader has already.
SETTINGS: Final = """
from types import SimpleNamespace

settings = SimpleNamespace(secret_key="Rk3vTq9w-YbN2xLm8-tests", broker="memory://")
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
