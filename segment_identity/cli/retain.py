"""`segment-identity retain`: keep no call for longer than is wanted."""

from typing import Annotated

import typer

from segment_identity.cli.warehouse import AsJson, WarehouseUrl, opened, printed


def retain(
    days: Annotated[
        float, typer.Argument(metavar="DAYS", help="How old a call may be; 395 is 13 months.")
    ],
    warehouse: WarehouseUrl,
    json: AsJson = False,
) -> None:
    """Remove calls that are older, and people of whom no call is left."""
    with opened("retain", warehouse) as profiles:
        removed: dict[str, int] = profiles.retain(days)
    if json:
        printed(removed)
    else:
        lines = [f"  {table}: {count:,} rows" for table, count in removed.items()]
        typer.echo("\n".join([f"{sum(removed.values()):,} rows removed", *lines]))
