"""`segment-identity stitch`: make profiles of the calls that are in a warehouse."""

from typing import TYPE_CHECKING, Annotated

import typer

from segment_identity.cli.bar import bar
from segment_identity.cli.signals import stopping
from segment_identity.cli.warehouse import AsJson, WarehouseUrl, opened, printed
from segment_identity.stitching import POLICIES

if TYPE_CHECKING:
    from segment_identity.warehouse.stitch import Stitched


def stitch(
    warehouse: WarehouseUrl,
    policy: Annotated[
        str,
        typer.Option(
            metavar="first|last", help="To whom a device belongs that several users share."
        ),
    ] = "first",
    again: Annotated[
        bool, typer.Option("--again", help="Begin with the first row, wherever it was stopped.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Make profiles of the calls that are in a warehouse, beside what is known already.

    It is for a warehouse that was loaded without profiles, or by Segment. SIGTERM and Ctrl-C stop
    it in good order, with exit code 1; the next run goes on, whatever ended the last one.
    """
    if policy not in POLICIES:
        raise typer.BadParameter(f"{policy!r} is neither 'first' nor 'last'", param_hint="--policy")
    with (
        stopping() as stop,
        bar("stitching") as told,
        opened("stitch", warehouse, policy) as people,
    ):
        done: Stitched = people.stitch(again=again, progress=told, stop=stop)
    if json:
        printed(done)
    else:
        typer.echo(in_words(done))
    if not done.is_whole:
        raise typer.Exit(1)


def in_words(done: "Stitched") -> str:
    """Return what was done as a sentence."""
    tables = ", ".join(f"{table}: {count:,}" for table, count in done.rows.items())
    read = f"{sum(done.rows.values()):,} calls read" + (f" ({tables})" if tables else "")
    before = f", {done.skipped:,} before" if done.skipped else ""
    return f"{read}{before}" + ("" if done.is_whole else "; stopped, and the next run goes on")
