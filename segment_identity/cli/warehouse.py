"""What the commands that ask a warehouse have in common."""

from typing import Annotated, Any

import msgspec
import typer

from segment_identity.destinations import extras

_WAREHOUSE = typer.Option(
    "--warehouse",
    "-w",
    metavar="URL",
    envvar="SEGMENT_IDENTITY_WAREHOUSE",
    help="sqlite:///analytics.db, or another URL",
)
WarehouseUrl = Annotated[str, _WAREHOUSE]
OptionalWarehouseUrl = Annotated[str | None, _WAREHOUSE]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def opened(command: str, url: str, policy: str = "first") -> Any:
    """Return the profiles of the warehouse at *url*, for *command*."""
    loaded = extras.load(
        "segment_identity.warehouse.profiles", f"segment-identity {command}", "warehouse"
    )
    return loaded.Profiles(url, policy=policy)


def printed(value: object) -> None:
    """Print *value* as JSON."""
    typer.echo(msgspec.json.encode(value))


def shown(value: object) -> str:
    """Return *value* as a text that cannot move the cursor, as what people send may."""
    return "".join(
        each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in str(value)
    )
