"""What an export is made as, and of which time."""

from typing import Any, Final, Literal, get_args

import msgspec

from segment_identity.errors import InvalidCall
from segment_identity.kinds import instant_of

Format = Literal["ndjson", "parquet"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
# Stands for the standard output.
STDOUT: Final = "-"
_LINES: Final = (".ndjson", ".jsonl", ".json")
_encode: Final = msgspec.json.Encoder().encode


def form(target: str, given: str | None = None, *, is_folder: bool = False) -> Format:
    """Return the format to export to *target* in, which may be *given*; a folder is for Parquet."""
    if given is not None:
        for each in FORMATS:
            if given == each:
                return each
        raise InvalidCall(f"export was given {given!r:.40} as format; want 'ndjson' or 'parquet'")
    if is_folder or target.endswith("/"):
        return "parquet"
    if target == STDOUT or target.lower().removesuffix(".gz").endswith(_LINES):
        return "ndjson"
    raise InvalidCall(
        f"export was given {target!r:.80}; want a file called *.ndjson or *.ndjson.gz, '-' for the "
        "standard output, or a folder for Parquet files"
    )


def is_gzip(target: str) -> bool:
    """Tell whether what is written to *target* is to be compressed."""
    return target.lower().endswith(".gz")


def bound(name: str, given: str | None) -> str | None:
    """Return one end of a window of time in UTC; *given* is ISO 8601, or None for no end."""
    found = instant_of(given) if isinstance(given, str) else None
    if given is not None and found is None:
        raise InvalidCall(
            f"{name} was given {given!r:.40}; want a time such as '2026-01-31' or "
            "'2026-01-31T12:00:00Z'"
        )
    return found


def line(message: dict[str, Any]) -> bytes:
    """Return *message* as a line of NDJSON."""
    return _encode(message) + b"\n"
