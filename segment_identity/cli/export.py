"""`segment-identity export`: write what is in a warehouse to files."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from segment_identity import exports
from segment_identity.cli.bar import bar
from segment_identity.cli.signals import stopping
from segment_identity.cli.warehouse import AsJson, WarehouseUrl, printed
from segment_identity.destinations import extras

_TIME: Final = "Such as 2026-01-31, or 2026-01-31T12:00:00Z."


def export(
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE|FOLDER|-",
            help="*.ndjson or *.ndjson.gz, a folder for Parquet, or - for the standard output.",
        ),
    ],
    warehouse: WarehouseUrl,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help=f"Calls from then on. {_TIME}")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Calls from before then.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(metavar="ndjson|parquet", help="Unless the name of the target says it."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Write events as NDJSON, which `import` takes, or all tables as Parquet files.

    A file is there when it is whole, and not before. The exit code is 1 if it was stopped by
    SIGTERM or Ctrl-C.
    """
    form = exports.form(target, format, is_folder=Path(target).is_dir())
    loaded = extras.load(
        "segment_identity.warehouse.export", "segment-identity export", "warehouse"
    )
    window = {"since": since, "until": until}
    if form == "parquet":
        if target == exports.STDOUT:
            raise typer.BadParameter("Parquet files want a folder", param_hint="FOLDER")
        Path(target).mkdir(exist_ok=True)
        with bar("exporting tables") as told:
            rows: dict[str, int] = loaded.export_parquet(warehouse, target, progress=told, **window)
        _say({"rows": rows}, _in_words(rows), json=json)
        return
    is_streamed = target == exports.STDOUT
    with stopping() as stop, bar("exporting") as told:
        done = loaded.export_events(
            warehouse,
            sys.stdout.buffer if is_streamed else target,
            progress=told,
            stop=stop,
            **window,
        )
    if is_streamed:
        sys.stdout.buffer.flush()
        typer.echo(f"{done.events:,} events exported", err=True)
    elif done.is_whole:
        _say(done, f"{done.events:,} events exported", json=json)
    if not done.is_whole:
        typer.echo("stopped" if is_streamed else "stopped; nothing was exported", err=True)
        raise typer.Exit(1)


def _say(report: object, words: str, *, json: bool) -> None:
    if json:
        printed(report)
    else:
        typer.echo(words)


def _in_words(rows: dict[str, int]) -> str:
    tables = "".join(f"\n  {table}: {count:,} rows" for table, count in rows.items())
    return f"{len(rows)} tables exported{tables}"
