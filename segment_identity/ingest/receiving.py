"""Receive the body of a request, as far as it may go."""

from typing import Final

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from segment_identity.ingest.body import Body, Malformed

# Seconds that a body may take on its way here.
_PATIENCE: Final = 10.0
_TOO_SLOW: Final = 408


async def body_of(receive: Receive, body: Body) -> bytes:
    """Return the whole body; raises `Malformed`, or `ClientDisconnect` if the client is gone."""
    message = await receive()
    if not _put(message, body):
        # Mostly there is one piece, and a timer for it would cost as much as reading it.
        with anyio.move_on_after(_PATIENCE) as scope:
            while not _put(await receive(), body):
                pass
        if scope.cancelled_caught:
            raise Malformed(_TOO_SLOW)
    return body.whole()


def _put(message: Message, body: Body) -> bool:
    """Add a piece; tell whether it was the last."""
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    body.put(message.get("body", b""))
    return not message.get("more_body", False)
