"""A collector for events that behaves as a script says: a real HTTP server on loopback.

How this works
--------------
It listens on two ports: one takes events as the Tracking API does, the other controls it and is
always well. Both are printed as one line of JSON on standard output. The script is looked up
whenever bytes or requests come, and by a timer, which closes and opens the port.

    python -m faults.collector [--keep]

The control port has `POST /script` (a list of steps), `POST /clear`, `GET /report`, `GET /order`
and `GET /messages` (with `--keep`). It ends when its standard input does, so that no collector
outlives the test that started it.
"""

import argparse
import asyncio
import sys
import time
import zlib
from typing import Any, Final

import msgspec

from .record import Batch, Record, Sent, decoded
from .script import Script, Step
from .wire import Malformed, Reader, Request, answer

_steps: Final = msgspec.json.Decoder(list[Step])
_TICK: Final = 0.01


class Collector:
    """What all connections share."""

    def __init__(self, *, keep: bool) -> None:
        self.record = Record(keep=keep)
        self.script = Script([], 0.0)
        self.connections: set[Intake] = set()
        self._listener: asyncio.Server | None = None
        self.port = 0

    async def listen(self) -> None:
        """Open the port for events, the same one every time."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Intake(self), "127.0.0.1", self.port, reuse_address=True, backlog=1_024
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def tend(self) -> None:
        """Close and open the port as the script says, for ever."""
        while True:
            refuses = self.script.at(time.monotonic()).refuse
            if refuses and self._listener is not None:
                self._listener.close()
                self._listener = None
                for each in tuple(self.connections):
                    each.transport.abort()
            elif not refuses and self._listener is None:
                await self.listen()
            await asyncio.sleep(_TICK)

    def control(self, request: Request) -> bytes:
        """Answer the test."""
        match request.method, request.path:
            case "POST", "/script":
                self.script = Script(_steps.decode(request.body), time.monotonic())
                return answer(200)
            case "POST", "/clear":
                self.record.clear()
                return answer(200)
            case "GET", "/report":
                return answer(200, msgspec.json.encode(self.record.report()))
            case "GET", "/order":
                return answer(200, msgspec.json.encode(self.record.order))
            case "GET", "/messages":
                return answer(200, msgspec.json.encode(self.record.messages))
        return answer(404)


class Connection(asyncio.Protocol):
    """Reads requests; what becomes of one is the heirs' affair."""

    transport: asyncio.Transport

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self._reader = Reader()

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Handle the requests that *data* completes."""
        try:
            for request in self._reader.feed(data):
                self.handle(request)
        except Malformed as error:
            self.transport.write(answer(400, msgspec.json.encode(str(error))))
            self.transport.close()

    def handle(self, request: Request) -> None:
        """Answer one request."""
        raise NotImplementedError


class Control(Connection):
    """The test's own line."""

    def handle(self, request: Request) -> None:
        """Answer the test."""
        self.transport.write(self.collector.control(request))


class Intake(Connection):
    """One connection that brings events."""

    def connection_made(self, transport: Any) -> None:
        """Be known, so that all can be closed at once."""
        super().connection_made(transport)
        self.collector.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Be forgotten."""
        self.collector.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Read as fast as the script allows."""
        rate = self.collector.script.at(time.monotonic()).rate
        if rate is not None:
            self.transport.pause_reading()
            loop = asyncio.get_running_loop()
            loop.call_later(len(data) / rate, self._read_on, data)
        else:
            super().data_received(data)

    def _read_on(self, data: bytes) -> None:
        if not self.transport.is_closing():
            super().data_received(data)
            self.transport.resume_reading()

    def handle(self, request: Request) -> None:
        """Take events in, or not, as the script says."""
        step = self.collector.script.request(time.monotonic())
        try:
            batch = decoded(request)
            status = step.status
        except (ValueError, KeyError, OSError, EOFError, zlib.error):
            batch, status = Batch([]), 400
        if any(event.event == step.poison for event in batch.batch if step.poison):
            status = 400
        if status == 200 and not step.hang:
            self.collector.record.take(batch.batch, request)
        self.collector.record.note(sent(request, batch, 0 if step.hang or step.cut else status))
        if step.hang:
            return
        if step.cut:
            self.transport.abort()
        else:
            text = answer(status, b'{"success":true,"status":1}', step.headers(time.time()))
            asyncio.get_running_loop().call_later(step.latency, self._say, text)

    def _say(self, text: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(text)


def sent(request: Request, batch: Batch, status: int) -> Sent:
    """Return what is worth remembering of a request."""
    return Sent(
        time.time(),
        request.path,
        status,
        len(batch.batch),
        len(request.body),
        batch.sent_at,
        request.headers.get("x-retry-count"),
        request.headers.get("authorization"),
        request.headers.get("content-encoding"),
    )


async def serve(*, keep: bool) -> None:
    """Serve until standard input ends."""
    collector = Collector(keep=keep)
    await collector.listen()
    loop = asyncio.get_running_loop()
    control = await loop.create_server(lambda: Control(collector), "127.0.0.1", 0)
    ports = {"port": collector.port, "control": control.sockets[0].getsockname()[1]}
    sys.stdout.write(msgspec.json.encode(ports).decode() + "\n")
    sys.stdout.flush()
    tending = asyncio.create_task(collector.tend())
    await loop.run_in_executor(None, sys.stdin.read)
    tending.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true")
    asyncio.run(serve(keep=parser.parse_args().keep))
