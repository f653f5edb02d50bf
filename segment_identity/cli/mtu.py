"""`segment-identity mtu`: monthly tracked users."""

from typing import Annotated

import msgspec
import typer

from segment_identity.cli.warehouse import AsJson, WarehouseUrl, opened, printed


def mtu(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-01.")],
    warehouse: WarehouseUrl,
    json: AsJson = False,
) -> None:
    """Count the monthly tracked users, as Segment does.

    These are the users of the month, and the devices that carried no user in that month. Ids that
    last a day (cookieless) are no people and counted apart.
    """
    with opened("mtu", warehouse) as profiles:
        found = profiles.mtu(month)
    if json:
        printed({**msgspec.structs.asdict(found), "total": found.total})
    else:
        daily = f"; besides, {found.daily:,} ids of one day" if found.daily else ""
        typer.echo(
            f"{found.month}: {found.total:,} tracked, {found.users:,} of them users "
            f"and {found.anonymous:,} anonymous{daily}"
        )
