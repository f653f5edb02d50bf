"""Properties and traits as anybody may send them."""

from typing import Any

from hypothesis import strategies as st


def objects(
    keys: st.SearchStrategy[str], scalars: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    """Draw objects with these *keys*, nested and not, whose innermost values are *scalars*."""
    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=5,
    )
    return st.dictionaries(keys, values, max_size=5)
