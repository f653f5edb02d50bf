"""`segment-identity whois`: who has an id, and what they did."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer

from segment_identity.cli.warehouse import AsJson, WarehouseUrl, opened, printed, shown
from segment_identity.profile import Call, Profile


def whois(
    text: Annotated[
        str, typer.Argument(metavar="ID", help="An anonymousId, a userId or a segment_id.")
    ],
    warehouse: WarehouseUrl,
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, help="How many calls to show; the newest are shown.")
    ] = 100,
    json: AsJson = False,
) -> None:
    """Tell who has an id, all their ids and traits, and what they did before and since.

    The exit code is 1 if nobody has it.
    """
    with opened("whois", warehouse) as profiles:
        found: Profile | None = profiles.whois(text, limit=limit)
    if json:
        printed(found)
    elif found is not None:
        typer.echo("\n".join(in_words(found)))
    else:
        typer.echo("nobody has this id", err=True)
    if found is None:
        raise typer.Exit(1)


def in_words(found: Profile) -> Iterator[str]:
    """Yield a profile line by line."""
    yield shown(found.user_id or found.segment_id)
    yield f"  first seen  {_time(found.first_seen)}"
    yield f"  known since {_time(found.known_since) if found.known_since else 'not known yet'}"
    for title, ids in (("user ids", found.user_ids), ("devices", found.anonymous_ids)):
        yield f"  {title:<11} {shown(', '.join(ids)) or 'none'}"
    for name, value in found.traits.items():
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        yield f"  {shown(name)}: {shown(text)}"
    if not found.is_whole:
        yield f"  (the newest {len(found.timeline):,} calls)"
    was_known = False
    for call in found.timeline:
        if call.was_known and not was_known:
            yield f"---- known as {shown(found.user_id)} ----"
        was_known = call.was_known
        yield _line(call)


def _line(call: Call) -> str:
    name, who = shown(call.name or ""), shown(call.user_id or call.anonymous_id or "")
    return f"{_time(call.timestamp)}  {call.type:<8}  {name:<32}  {who}".rstrip()


def _time(text: str) -> str:
    return text[:19].replace("T", " ")
