"""The lock of the development tools fits pyproject.toml, and can be checked and made anywhere."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT: Final = Path(__file__).parent.parent
TEXT: Final = (ROOT / "requirements-dev.txt").read_text("ascii")
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
STALE: Final = "the lock is older than pyproject.toml: make lock"

# A name and a version, where it is for; then its hashes, and who wants it.
PIN: Final = re.compile(
    r"^(?P<name>[a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==(?P<version>\S+)(?: ; [^\n\\]+)? \\\n"
    r"(?P<hashes>(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)"
    r"(?P<via>(?:    #[^\n]*\n)+)",
    re.MULTILINE,
)
PINS: Final = list(PIN.finditer(TEXT))


def wanted(extra: str | None = None) -> Iterator[Requirement]:
    """Yield what the package needs, or one of its extras with those it is made of."""
    extras = PROJECT["optional-dependencies"]
    for line in PROJECT["dependencies"] if extra is None else extras[extra]:
        requirement = Requirement(line)
        if canonicalize_name(requirement.name) != PROJECT["name"]:
            yield requirement
        for part in requirement.extras if requirement.name == PROJECT["name"] else ():
            yield from wanted(part)


# In one order, as tests that run in several processes must be.
WANTED: Final = sorted({*wanted(), *wanted("dev")}, key=str)


def test_the_lock_is_made_of_pins_and_nothing_else() -> None:
    """No address of an index, no path, nothing without a hash."""
    rest = PIN.sub("", TEXT)
    assert [line for line in rest.splitlines() if not line.startswith("#")] == []
    assert "://" not in TEXT


@pytest.mark.parametrize("requirement", WANTED, ids=str)
def test_what_is_wanted_is_pinned_as_it_is_wanted(requirement: Requirement) -> None:
    versions = defaultdict(list)
    for pin in PINS:
        versions[pin["name"]].append(Version(pin["version"]))
    found = versions[canonicalize_name(requirement.name)]
    assert found, STALE
    assert all(requirement.specifier.contains(each, prereleases=True) for each in found), STALE


def test_what_is_wanted_no_more_is_not_pinned() -> None:
    named = {pin["name"] for pin in PINS if "(pyproject.toml)" in pin["via"]}
    assert named == {canonicalize_name(each.name) for each in WANTED}, STALE
