"""What is exported as what, and from when."""

import pytest

from segment_identity.errors import InvalidCall
from segment_identity.exports import bound, form


@pytest.mark.parametrize(
    ("target", "given", "is_folder", "wanted"),
    [
        ("-", None, False, "ndjson"),
        ("events.ndjson", None, False, "ndjson"),
        ("Events.JSONL.GZ", None, False, "ndjson"),
        ("parquet", None, True, "parquet"),
        ("parquet/", None, False, "parquet"),
        ("events", "ndjson", False, "ndjson"),
        ("tables", "parquet", False, "parquet"),
    ],
)
def test_the_name_or_the_format_says_what_is_written(
    target: str, given: str | None, is_folder: bool, wanted: str
) -> None:
    assert form(target, given, is_folder=is_folder) == wanted


@pytest.mark.parametrize(("target", "given"), [("events.csv", None), ("e", None), ("-", "csv")])
def test_another_name_is_told_in_words(target: str, given: str | None) -> None:
    with pytest.raises(InvalidCall, match="export was given"):
        form(target, given)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (None, None),
        ("2026-01-31", "2026-01-31T00:00:00.000Z"),
        ("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00.000Z"),
    ],
)
def test_a_window_is_in_utc(given: str | None, wanted: str | None) -> None:
    assert bound("since", given) == wanted


@pytest.mark.parametrize("given", ["", "soon", "2026-02-30", "1769817600"])
def test_what_is_no_time_is_told_in_words(given: str) -> None:
    with pytest.raises(InvalidCall, match="until was given"):
        bound("until", given)
