"""`segment-identity replay`: put dead letters back."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
import typer

from segment_identity import spool
from segment_identity.spool import Replayed


def replay(
    folder: Annotated[
        str,
        typer.Argument(metavar="SPOOL_FOLDER", help="The folder given as Analytics(spool=…)."),
    ],
    destination: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Only those of one destination, named as in the log; else all."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Put the dead letters of a spool back, once what was wrong is mended.

    A running worker with this spool delivers them within ten seconds, else the next one to start.
    What is refused again is a dead letter again.
    """
    report = spool.replay(folder, destination)
    typer.echo(msgspec.json.encode(report) if json else in_words(report))


def in_words(report: Replayed) -> str:
    """Return a report as a sentence."""
    return f"{_counted(report.put_back)} put back, {_counted(report.left)} left"


def _counted(counts: Mapping[str, int]) -> str:
    names = ", ".join(f"{name}: {count:,}" for name, count in counts.items())
    return f"{sum(counts.values()):,}" + (f" ({names})" if names else "")
