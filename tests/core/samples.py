"""Values that many tests of the core use."""

from itertools import count
from typing import Final

from hypothesis import strategies as st

from segment_identity import ids
from segment_identity.visitor import NewId

ANON: Final = "bd077b70-816b-448b-ae79-2f5f7d856513"
OTHER: Final = "0c7d2f7e-1f6b-4a52-9d0f-6f0d1f3b8a11"
NEW: Final = "made-00000001"
KEY: Final = b"Vt5-nQ2xWz8RkLm4"
OLD_KEY: Final = b"pJ7_cY3bHs9DfGa6"
NOW: Final = 1_750_000_000
DAY: Final = 86_400

# Letters that mean something to cookies, URLs or JSON, among some that do not.
_TELLING: Final = "\"'[]{}:,\\%;=&+-. \t0123456789eEatrufalsn\u00e9\u6f22\U0001f600"


def counted() -> NewId:
    """Return a source of ids: `NEW`, then the next number, and so on."""
    numbers = count(1)
    return lambda: f"made-{next(numbers):08d}"


def valid_ids() -> st.SearchStrategy[str]:
    """Return any text that may be the id of a user or a group."""
    texts = st.text(min_size=1, max_size=60) | st.text(_TELLING, min_size=1, max_size=24)
    return texts.filter(lambda text: ids.problem(text) is None)
