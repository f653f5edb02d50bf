"""`segment-identity sessions`: when a person was there."""

from typing import Annotated

import typer

from segment_identity.cli.warehouse import AsJson, WarehouseUrl, opened, printed, shown
from segment_identity.past_sessions import GAP, PastSession


def sessions(
    text: Annotated[
        str, typer.Argument(metavar="ID", help="An anonymousId, a userId or a segment_id.")
    ],
    warehouse: WarehouseUrl,
    gap: Annotated[
        float, typer.Option(metavar="MINUTES", min=0, help="A pause that ends a session.")
    ] = GAP,
    json: AsJson = False,
) -> None:
    """List a person's sessions, on all their devices.

    The exit code is 1 if there are none.
    """
    with opened("sessions", warehouse) as profiles:
        found: list[PastSession] = profiles.sessions(text, gap=gap)
    if json:
        printed(found)
    else:
        for each in found:
            typer.echo(_line(each))
    if not found:
        typer.echo("nobody has this id", err=True)
        raise typer.Exit(1)


def _line(each: PastSession) -> str:
    start = each.start[:19].replace("T", " ")
    counts = f"{each.pages:>4} pages {each.tracks:>4} events"
    return (
        f"{start}  {each.seconds / 60:>6.1f} min {counts}  {shown(each.first_page or '')}".rstrip()
    )
