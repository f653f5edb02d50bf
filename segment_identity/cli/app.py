"""All commands together."""

import logging
from typing import Annotated

import typer

from segment_identity.cli.consume import consume
from segment_identity.cli.doctor import doctor
from segment_identity.cli.forget import forget
from segment_identity.cli.imports import import_
from segment_identity.cli.mtu import mtu
from segment_identity.cli.past_sessions import sessions
from segment_identity.cli.replay import replay
from segment_identity.cli.retain import retain
from segment_identity.cli.whois import whois
from segment_identity.version import __version__

# Typer's own tracebacks show local variables, and so passwords in URLs.
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def start(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Tools for segment_identity.

    Exit codes: 0 done, 1 failed, 2 wrong arguments or a package that is missing.
    """
    logging.basicConfig(format="%(asctime)s %(message)s")


app.command()(consume)
app.command()(replay)
app.command()(doctor)
app.command("import")(import_)
app.command()(whois)
app.command()(mtu)
app.command()(forget)
app.command()(retain)
app.command()(sessions)
