"""All commands together."""

import logging
from collections.abc import Sequence
from typing import Annotated

import typer

from segment_identity.cli.codes import FAILED, WRONG_ARGUMENTS
from segment_identity.cli.consume import consume
from segment_identity.cli.doctor import doctor
from segment_identity.cli.export import export
from segment_identity.cli.forget import forget
from segment_identity.cli.imports import import_
from segment_identity.cli.mtu import mtu
from segment_identity.cli.past_sessions import sessions
from segment_identity.cli.replay import replay
from segment_identity.cli.retain import retain
from segment_identity.cli.stitch import stitch
from segment_identity.cli.tail import tail
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

    Exit codes: 0 done, 1 failed or something was found, 2 wrong arguments or a package that is
    missing. With --json a command prints JSON and nothing else; what else there is to say goes to
    stderr.
    """
    logging.basicConfig(format="%(asctime)s %(message)s")


app.command()(doctor)
app.command()(tail)
app.command()(whois)
app.command()(sessions)
app.command()(mtu)
app.command("import")(import_)
app.command()(export)
app.command()(stitch)
app.command()(forget)
app.command()(retain)
app.command()(consume)
app.command()(replay)


def run(arguments: Sequence[str] | None, name: str) -> int:
    """Run a command and return its exit code; raises what only the caller can put into words."""
    try:
        code = app(arguments, prog_name=name, standalone_mode=False)
    except SystemExit as error:
        # Typer and click leave so, and in no other case, when nobody reads what is printed.
        raise BrokenPipeError from error
    except typer.Abort:
        typer.echo(f"{name}: stopped", err=True)
        return FAILED
    except Exception as error:
        # Typer has had errors of click's, and of its own, in one version and another.
        said = getattr(error, "format_message", None)
        if said is None:
            raise
        if said():
            typer.echo(wrong(name, error, said()), err=True)
        return WRONG_ARGUMENTS
    return code if isinstance(code, int) else 0


def wrong(name: str, error: Exception, message: str) -> str:
    """Return in one line what is wrong with the arguments."""
    command = getattr(getattr(error, "ctx", None), "command_path", name)
    return f"{command}: {' '.join(message.split()).rstrip('.')}; see {command} --help"
