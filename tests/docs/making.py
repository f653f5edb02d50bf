"""Make the parts of the documentation that say what the code does: `make docs`.

They stand between two comments, and `test_made` holds them to the code.
"""

import logging
from typing import Final

from . import decisions, reference, situations, states
from .pages import ROOT

_PART: Final = "<!-- made: {} -->\n"
_END: Final = "<!-- end -->\n"
PARTS: Final = {
    "docs/cookies.md": {"states": states.picture, "decisions": decisions.table},
    "docs/privacy.md": {"situations": situations.table},
    "docs/reference.md": {"reference": reference.reference},
}


def made(page: str) -> str:
    """Return the text of a page with its parts made anew."""
    text = (ROOT / page).read_text("utf-8")
    for name, make in PARTS[page].items():
        start = _PART.format(name)
        before, found, rest = text.partition(start)
        assert found, f"{page} has no place for {name}"
        text = f"{before}{start}\n{make()}\n{_END}{rest.partition(_END)[2]}"
    return text


if __name__ == "__main__":
    # The visitors of the picture have no analytics, which the package would mention each time.
    logging.disable()
    for each in PARTS:
        (ROOT / each).write_text(made(each), "utf-8")
