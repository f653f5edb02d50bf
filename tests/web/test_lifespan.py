"""Delivering at the end of an app whose own threads are all taken."""

import threading
from typing import Any

import anyio
from anyio import to_thread
from starlette.applications import Starlette
from starlette.types import Message

from segment_identity import Analytics, IdentityMiddleware
from segment_identity.destinations import Memory

from .support import SECRET

_PATIENCE = 20.0


def test_delivering_waits_for_no_call_of_the_app_that_hangs() -> None:
    memory, over = Memory(), threading.Event()
    analytics = Analytics(memory)
    app = IdentityMiddleware(Starlette(), secret_key=SECRET, analytics=analytics)
    said: list[str] = []
    hanging: list[str] = []

    def hang() -> None:
        hanging.append("one")
        over.wait(_PATIENCE)

    async def run() -> None:
        threads = int(to_thread.current_default_thread_limiter().total_tokens)
        events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

        async def receive() -> Message:
            if len(events) == 1:
                for _ in range(threads):
                    calls.start_soon(to_thread.run_sync, hang)
                while len(hanging) < threads:
                    await anyio.sleep(0.01)
                analytics.identity(user_id="ada").track("Last")
            return events.pop(0)

        async def send(message: Message) -> None:
            said.append(message["type"])

        scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        async with anyio.create_task_group() as calls:
            try:
                with anyio.fail_after(_PATIENCE / 2):
                    await app(scope, receive, send)
            finally:
                over.set()

    anyio.run(run)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert [each["event"] for each in memory.messages] == ["Last"]
