"""A TCP proxy on loopback that does what networks do: a fault per connection, by list or by seed.

    python -m faults.proxy --target PORT [--faults JSON] [--seed N --share 0.3]

Connections meet the listed faults in order; after these, a *share* of the rest meets one drawn
from *seed*, and the others end after some megabytes, so that the dice are thrown again. Prints
`{"port": …}` and ends when its standard input does.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Iterator
from typing import Final

import msgspec

_PIECE: Final = 16_384


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What happens on one connection.

    - *latency* delays the first bytes of the client, in seconds.
    - *cut* resets both sides after so many bytes of the client, *cut_answer* of the server.
    - *rate* lets so many bytes of the client through a second.
    - *blackhole* takes bytes and passes none on.
    - *half_close* ends what the server says, while the client may go on.
    """

    latency: float = 0.0
    cut: int | None = None
    cut_answer: int | None = None
    rate: int | None = None
    blackhole: bool = False
    half_close: bool = False


def drawn(chance: random.Random, share: float) -> Iterator[Fault]:
    """Yield faults for ever; with chance 1 - *share* a mere end after some megabytes."""
    while True:
        if chance.random() >= share:
            yield Fault(cut=chance.randrange(1_000_000, 4_000_000))
            continue
        kinds = [
            Fault(latency=chance.uniform(0.0, 0.5)),
            Fault(cut=chance.randrange(1, 400_000)),
            Fault(cut_answer=chance.randrange(1, 100)),
            Fault(rate=chance.randrange(100_000, 2_000_000), cut=500_000),
            Fault(half_close=True),
        ]
        yield chance.choice(kinds)


class Proxy:
    """Passes connections on to *target*, each with the next fault."""

    def __init__(self, target: int, faults: Iterator[Fault]) -> None:
        self._target = target
        self._faults = faults

    async def connect(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Serve one connection until one side ends it or its fault does."""
        fault = next(self._faults)
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            to_client.transport.abort()
            return
        ways = [
            asyncio.create_task(_forth(client, to_server, fault)),
            asyncio.create_task(_back(server, to_client, fault)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        to_server.transport.abort()
        to_client.transport.abort()


async def _forth(client: asyncio.StreamReader, server: asyncio.StreamWriter, fault: Fault) -> None:
    passed = 0
    while data := await client.read(_PIECE):
        if not passed:
            await asyncio.sleep(fault.latency)
        if fault.blackhole:
            continue
        if fault.rate is not None:
            await asyncio.sleep(len(data) / fault.rate)
        rest = None if fault.cut is None else fault.cut - passed
        server.write(data[:rest])
        await server.drain()
        passed += len(data)
        if rest is not None and passed >= (fault.cut or 0):
            return


async def _back(server: asyncio.StreamReader, client: asyncio.StreamWriter, fault: Fault) -> None:
    if fault.half_close:
        client.write_eof()
        await asyncio.sleep(3_600)
    passed = 0
    while data := await server.read(_PIECE):
        rest = None if fault.cut_answer is None else fault.cut_answer - passed
        client.write(data[:rest])
        await client.drain()
        passed += len(data)
        if rest is not None and passed >= (fault.cut_answer or 0):
            return


async def serve(target: int, faults: Iterator[Fault]) -> None:
    """Serve until standard input ends."""
    proxy = Proxy(target, faults)
    server = await asyncio.start_server(proxy.connect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f'{{"port": {port}}}\n')
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=int, required=True)
    parser.add_argument("--faults", default="[]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=0.0)
    given = parser.parse_args()
    listed = msgspec.json.decode(given.faults, type=list[Fault])

    def faults() -> Iterator[Fault]:
        yield from listed
        yield from drawn(random.Random(given.seed), given.share)

    asyncio.run(serve(given.target, faults()))


if __name__ == "__main__":
    _main()
