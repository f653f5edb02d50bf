"""`segment-identity consume`: feed a destination from a Kafka topic."""

from typing import Annotated

import msgspec
import typer

from segment_identity.cli.signals import stopping
from segment_identity.consumption import Report
from segment_identity.destinations import extras


def consume(
    url: Annotated[
        str,
        typer.Argument(
            envvar="SEGMENT_IDENTITY_TOPIC",
            help="kafka://broker1:9092,broker2:9092/topic?option=value",
        ),
    ],
    destination: Annotated[
        str,
        typer.Argument(
            envvar="SEGMENT_IDENTITY_DESTINATION", help="sqlite:///analytics.db, or another URL"
        ),
    ],
    group: Annotated[
        str, typer.Option(metavar="NAME", help="Readers of one group share the topic.")
    ] = "segment_identity",
    batch: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=10_000,
            help="How many records are read between two commits; else as many as the destination "
            "takes at once.",
        ),
    ] = None,
    until_idle: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="End when the topic is read to its end and nothing came for so long.",
        ),
    ] = None,
    dead_letters: Annotated[
        str | None,
        typer.Option(
            metavar="TOPIC",
            help="Where records go that cannot be delivered; else the topic's name and "
            "'.dead-letters'.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Hand the events on a Kafka topic to a destination.

    An offset is committed when the destination took its event, so none is left out; one that comes
    twice has the same messageId, and makes one row in a warehouse. Start as many as the topic has
    partitions; they share the work. SIGTERM and Ctrl-C end it in good order, with exit code 0.
    """
    streaming = extras.load("segment_identity.streaming", "segment-identity consume", "kafka")
    with stopping() as stop:
        report: Report = streaming.consume(
            url,
            destination,
            group=group,
            batch=batch,
            until_idle=until_idle,
            dead_letters=dead_letters,
            stop=stop,
        )
    typer.echo(msgspec.json.encode(report) if json else in_words(report))


def in_words(report: Report) -> str:
    """Return a report as a sentence."""
    dead = sum(report.dead_lettered.values())
    reasons = ", ".join(f"{reason}: {count:,}" for reason, count in report.dead_lettered.items())
    return (
        f"{report.read:,} read: {report.delivered:,} delivered, "
        f"{dead:,} among the dead letters{f' ({reasons})' if dead else ''}, "
        f"{report.abandoned:,} left to the next reader; {report.retries:,} attempts made again"
    )
