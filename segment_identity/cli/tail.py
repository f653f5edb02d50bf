"""`segment-identity tail`: see events as they are loaded."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import typer

from segment_identity import listening, tailing
from segment_identity.cli.signals import stopping
from segment_identity.cli.warehouse import OptionalWarehouseUrl, shown
from segment_identity.errors import ConfigurationError


def tail(
    inspector: Annotated[
        str | None, typer.Argument(metavar="[INSPECTOR]", help="http://host/inspector")
    ] = None,
    warehouse: OptionalWarehouseUrl = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN", envvar="SEGMENT_IDENTITY_TOKEN", help="The inspector's, if it has one."
        ),
    ] = None,
    last: Annotated[
        int, typer.Option("--last", "-n", metavar="N", min=0, help="How many to begin with.")
    ] = 10,
    type: Annotated[
        list[str] | None, typer.Option(metavar="TYPE", help="Only such calls: track, page …")
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only track events of this name.")
    ] = None,
    id: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Only who has this anonymousId or userId."),
    ] = None,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="How often to look at a warehouse.")
    ] = 1.0,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on until Ctrl-C; else end.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print messages as NDJSON.")] = False,
) -> None:
    """Show the last events of a warehouse, and then each one that is loaded, a line for each.

    With the address of an inspector it shows those of a running app, as they happen in the process
    that answers. The token is not for the address, which ends up in logs.

    --type, --event and --id may be given more than once. What is committed late comes late, and
    nothing is left out. While the database is away it is asked again. Ctrl-C, SIGTERM and a reader
    that closes the pipe end it.
    """
    url = inspector or warehouse
    if url is None:
        raise ConfigurationError("tail has nothing to follow; want --warehouse or an inspector")
    if inspector is not None and not listening.is_inspector(inspector):
        raise ConfigurationError("tail was given no address of an inspector; a warehouse wants -w")
    with stopping() as stop:
        for message in tailing.tail(
            url,
            token=token,
            last=last,
            types=type or (),
            events=event or (),
            ids=id or (),
            every=every,
            follow=follow,
            waiting=_note,
            stop=stop,
        ):
            typer.echo(msgspec.json.encode(message) if json else in_words(message))


def in_words(message: Mapping[str, Any]) -> str:
    """Return a message as one line."""
    when = str(message.get("timestamp") or "")[:19].replace("T", " ")
    names = (message.get(key) for key in ("event", "name", "groupId", "previousId"))
    name = shown(next((each for each in names if each), ""))
    who = shown(message.get("userId") or message.get("anonymousId") or "")
    return f"{when:<19}  {message['type']:<8}  {name:<32}  {who}".rstrip()


def _note(why: str) -> None:
    typer.echo(f"{why}; waiting for it", err=True)
