"""`segment-identity import`: hand a file of events to a destination."""

from typing import Annotated

import msgspec
import typer

from segment_identity.cli.bar import bar
from segment_identity.cli.signals import stopping
from segment_identity.importing import Imported, import_events


def import_(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="One event a line as JSON, also by gzip.")
    ],
    destination: Annotated[
        str,
        typer.Argument(
            envvar="SEGMENT_IDENTITY_DESTINATION", help="sqlite:///analytics.db, or another URL"
        ),
    ],
    again: Annotated[
        bool, typer.Option("--again", help="Begin anew, whatever was imported before.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Import a file of events, and go on where an earlier import of it ended.

    How far it got stands in FILE.progress; lines that are no events or are refused for good are
    appended to FILE.rejected. SIGTERM and Ctrl-C end it in good order. The exit code is 1 if
    anything was left.
    """
    with stopping() as stop, bar("importing", octets=True) as told:
        report = import_events(file, destination, again=again, progress=told, stop=stop)
    typer.echo(msgspec.json.encode(report) if json else in_words(report))
    if report.abandoned:
        raise typer.Exit(1)


def in_words(report: Imported) -> str:
    """Return a report as a sentence."""
    return (
        f"{report.lines:,} read: {report.delivered:,} delivered, {report.rejected:,} rejected, "
        f"{report.abandoned:,} left; {report.skipped:,} imported before"
    )
