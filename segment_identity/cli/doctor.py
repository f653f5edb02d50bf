"""`segment-identity doctor`: find what keeps an app's identities from working."""

from typing import Annotated

import msgspec
import typer

from segment_identity.cli.codes import FOUND
from segment_identity.diagnosis import Finding, findings
from segment_identity.doctor import browsing, inside
from segment_identity.doctor.checkup import examine, listening
from segment_identity.seen import Seen


def doctor(
    target: Annotated[
        str,
        typer.Argument(
            metavar="URL|MODULE:APP",
            help="A page that people open, or the app as uvicorn is given it.",
        ),
    ],
    path: Annotated[
        str, typer.Option(metavar="PATH", help="The page to open of MODULE:APP.")
    ] = "/",
    host: Annotated[
        str, typer.Option(metavar="HOST", help="The host to open MODULE:APP as.")
    ] = "localhost",
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Open a page as several browsers do, and say what is wrong with its identities.

    It sends a dozen GET requests, each of a new or returning visitor. The exit code is 1 if
    anything was found.
    """
    with listening() as said:
        seen = _looked_at(target, f"http://{host}{path}")
    found = findings(msgspec.structs.replace(seen, said=tuple(said)))
    typer.echo(msgspec.json.encode(found) if json else in_words(found, seen))
    if found:
        raise typer.Exit(FOUND)


def _looked_at(target: str, page: str) -> Seen:
    if "://" in target:
        return examine(browsing.checked(target), browsing.fetch)
    app = inside.imported(target)
    with inside.running(app) as running:
        return examine(page, running.fetch, layers=lambda: inside.layers(app))


def in_words(found: list[Finding], seen: Seen) -> str:
    """Return findings as lines to read."""
    if not found:
        names = ", ".join(sorted(each.name for each in seen.first.ours))
        return f"Nothing wrong with {seen.first.url}: {names}"
    return "\n\n".join(f"✗ {each.what}\n  → {each.do}  [{each.code}]" for each in found)
