"""Every link inside the documentation leads somewhere."""

import re
from pathlib import Path

import pytest

from .pages import ROOT

PAGES = sorted(
    str(each.relative_to(ROOT))
    for each in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("tests/*/*.md"))
)


def without_code(text: str) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def links(text: str) -> list[str]:
    """Return where the links of a page lead, but for those to other sites."""
    found = re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", without_code(text))
    return [each for each in found if not re.match(r"[a-z]+:", each)]


def anchors(path: Path) -> set[str]:
    """Return the anchors GitHub gives to the headings of a page."""
    headings = re.findall(r"^#{1,6} (.*)$", without_code(path.read_text("utf-8")), re.MULTILINE)
    seen: dict[str, int] = {}
    found = set()
    for heading in headings:
        words = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        number = seen[words] = seen.get(words, -1) + 1
        found.add(f"{words}-{number}" if number else words)
    return found


def leads_somewhere(page: Path, link: str) -> bool:
    where, _, anchor = link.partition("#")
    target = (page.parent / where).resolve() if where else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or anchor in anchors(target)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    path = ROOT / page
    assert [
        each for each in links(path.read_text("utf-8")) if not leads_somewhere(path, each)
    ] == []


def test_there_are_links_to_follow() -> None:
    found = [each for page in PAGES for each in links((ROOT / page).read_text("utf-8"))]
    assert len(found) > 10
    assert any(each.startswith("#") for each in found)


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        for link in links(page.read_text("utf-8")):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target not in reached:
                waiting.append(target)
    assert set((ROOT / "docs").glob("*.md")) <= reached


@pytest.mark.parametrize(
    "link", ["docs/nowhere.md", "#no-such-heading", "docs/cookies.md#nothing", "../outside.md"]
)
def test_a_link_that_leads_nowhere_is_found(link: str) -> None:
    assert not leads_somewhere(ROOT / "README.md", link)
