"""Deliver around the lifespan of an app, or with a lifespan of our own where it has none."""

from anyio import CapacityLimiter, to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from segment_identity.analytics import Analytics


async def with_delivery(
    app: ASGIApp, analytics: Analytics, scope: Scope, receive: Receive, send: Send
) -> None:
    """Deliver what an earlier process left, and what waits before the app has shut down.

    A server exits as soon as it hears of the latter; delivering after that would lose the queue.
    An app that knows no lifespan (Django) raises or returns at once; the server would then end by
    the bare signal, so it is answered all the same.
    """
    taken = False

    async def receive_for_app() -> Message:
        nonlocal taken
        taken = True
        return await receive()

    async def send_with_delivery(message: Message) -> None:
        nonlocal taken
        taken = True
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            analytics.start()
        elif kind in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            # Not one of the threads of the app, which its own calls may hold for ever.
            await to_thread.run_sync(analytics.close, limiter=CapacityLimiter(1))
        await send(message)

    try:
        await app(scope, receive_for_app, send_with_delivery)
    except Exception:
        if taken:
            raise
    if not taken:
        for kind in ("lifespan.startup", "lifespan.shutdown"):
            await receive()
            await send_with_delivery({"type": f"{kind}.complete"})
