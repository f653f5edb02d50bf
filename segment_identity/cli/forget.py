"""`segment-identity forget`: remove a person for good."""

from typing import Annotated

import typer

from segment_identity.cli.warehouse import AsJson, WarehouseUrl, opened, printed, shown
from segment_identity.erasing import Erased


def forget(
    text: Annotated[
        str, typer.Argument(metavar="ID", help="An anonymousId, a userId or a segment_id.")
    ],
    warehouse: WarehouseUrl,
    spool: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Look through this spool and its dead letters, too."),
    ] = None,
    scrub: Annotated[
        bool,
        typer.Option(
            "--scrub/--no-scrub",
            help="Vacuum the database, so that its file holds nothing of them either.",
        ),
    ] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: AsJson = False,
) -> None:
    """Remove a person: all their ids, calls and traits.

    What still comes of theirs is not loaded, now or later. Exit code 1 if you say no, or if nobody
    has the id, which is kept from loading all the same.
    """
    with opened("forget", warehouse) as profiles:
        if not yes:
            known = profiles.whois(text, limit=0)
            who = "an id that nobody has yet" if known is None else shown(known.segment_id)
            typer.confirm(f"Forget {who}, for good?", abort=True, err=True)
        done: Erased = profiles.forget(text, spool=spool, scrub=scrub)
    if json:
        printed(done)
    else:
        typer.echo("\n".join(in_words(done)))
    if not done.ids:
        raise typer.Exit(1)


def in_words(done: Erased) -> list[str]:
    """Return what was done line by line."""
    lines = [f"{done.ids:,} ids forgotten" if done.ids else "nobody has this id"]
    lines += [f"  {table}: {count:,} rows" for table, count in done.rows.items()]
    if done.dead_letters or done.spooled:
        lines.append(f"  spool: {done.spooled:,} events, {done.dead_letters:,} dead letters")
    if done.in_use:
        lines.append(f"{done.in_use:,} spool files are in use; what they hold will not be loaded")
    if not done.is_scrubbed:
        lines.append("the database's file may hold some of it until it is vacuumed")
    return lines
