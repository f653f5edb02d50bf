"""What one tracking call costs the thread that makes it, beside the SDKs people use.

The same event (1.1 kB of JSON) goes to the same local sink, through each SDK's own queue and sender
with its defaults. Cases take turns in short rounds, and what a round queued is flushed before the
next begins, outside the timed part, so no queue overflows. Every call is timed by itself. With
`--pauses` the thread lets others run after each, so that senders are at rest when a call begins;
without, a sender at work competes for the interpreter. Reported are the median and the 99th
percentile of all calls, and the CPU time of the calling thread, as ratios to
segment-analytics-python.

"With a spool" is the first of ours with `Analytics(spool=…)`.

    python -m benchmarks.capture [--pauses] [--rounds 40] [--calls 400]
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NamedTuple

import mixpanel
import posthog
import rudderstack.analytics.client
import segment.analytics
from starlette.types import Message, Receive, Scope, Send

from benchmarks import sink
from benchmarks.requests import HEADERS, KEY, scope_with
from segment_identity import Analytics, Identity, IdentityMiddleware

USER: Final = "7f3c2c1e-58a4-4a63-9d0f-2f6b3e1d9a10"
DEVICE: Final = "0d4f6f0a-8c1c-4bfa-9a39-6a2d0c6f1b77"
EVENT: Final = "Order Completed"
PROPERTIES: Final[dict[str, Any]] = {
    "order_id": "50314b8e9bcf000000000000",
    "affiliation": "Online Store",
    "total": 27.5,
    "revenue": 25,
    "currency": "EUR",
    "coupon": None,
    "gift": False,
    "ordered_at": "2026-01-31T12:34:56.789Z",
    "note": "Bitte an der Tür abgeben, danke schön",
    "categories": ["Spiele", "Bücher"],
    "product": {"product_id": "507f1f77bcf86cd799439011", "sku": "45790-32", "quantity": 3},
}
CONTEXT: Final[dict[str, Any]] = {
    "ip": "203.0.113.0",
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/128.0 Safari/537.36",
    "locale": "en-GB",
    "page": {
        "path": "/checkout",
        "referrer": "https://shop.example/cart",
        "search": "?step=3",
        "title": "",
        "url": "https://shop.example/checkout?step=3",
    },
    "campaign": {"name": "spring", "source": "newsletter", "medium": "email"},
}
# Where an SDK has no context, the same bytes are properties.
ALL_PROPERTIES: Final = {**PROPERTIES, "context": CONTEXT}
PEER: Final = "segment-analytics-python"

Call = Callable[[], object]


class Took(NamedTuple):
    """What calls cost: nanoseconds of the clock for each, and of CPU time for all."""

    each: list[int]
    cpu: int


class Case(NamedTuple):
    """A way of recording an event."""

    calls: Callable[[int, bool], Took]
    flush: Call


def timed(call: Call, count: int, pauses: bool) -> Took:
    clock, let_others_run = time.perf_counter_ns, time.sleep
    each = []
    cpu = time.thread_time_ns()
    for _ in range(count):
        begin = clock()
        call()
        each.append(clock() - begin)
        if pauses:
            let_others_run(0)
    return Took(each, time.thread_time_ns() - cpu)


def repeated(call: Call, flush: Call) -> Case:
    return Case(lambda count, pauses: timed(call, count, pauses), flush)


@contextmanager
def with_segment(port: int) -> Iterator[Case]:
    client = segment.analytics.Client("key", host=f"http://127.0.0.1:{port}")
    yield repeated(
        lambda: client.track(
            user_id=USER,
            anonymous_id=DEVICE,
            event=EVENT,
            properties=PROPERTIES,
            context=CONTEXT,
        ),
        client.flush,
    )
    client.shutdown()


@contextmanager
def with_rudder(port: int) -> Iterator[Case]:
    client = rudderstack.analytics.client.Client("key", host=f"http://127.0.0.1:{port}")
    yield repeated(
        lambda: client.track(
            user_id=USER,
            anonymous_id=DEVICE,
            event=EVENT,
            properties=PROPERTIES,
            context=CONTEXT,
        ),
        client.flush,
    )
    client.shutdown()


@contextmanager
def with_posthog(port: int) -> Iterator[Case]:
    client = posthog.Posthog("key", host=f"http://127.0.0.1:{port}")
    yield repeated(
        lambda: client.capture(EVENT, distinct_id=USER, properties=ALL_PROPERTIES),
        client.flush,
    )
    client.shutdown()


@contextmanager
def with_mixpanel(port: int) -> Iterator[Case]:
    # Its buffer is sent by the call that fills it: there is no sender.
    buffer = mixpanel.BufferedConsumer(events_url=f"http://127.0.0.1:{port}/track")
    client = mixpanel.Mixpanel("key", consumer=buffer)
    yield repeated(lambda: client.track(USER, EVENT, ALL_PROPERTIES), buffer.flush)


class Ours:
    """The ways to call ours; *options* are those of `Analytics`."""

    def __init__(self, port: int, **options: Any) -> None:
        self.analytics = Analytics(f"http://key@127.0.0.1:{port}/v1", **options)
        self._identity = self.analytics.identity(user_id=USER, anonymous_id=DEVICE, context=CONTEXT)
        self._scope = {**scope_with({}), "query_string": b"step=3&utm_campaign=spring"}
        self._scope["headers"] = [
            *HEADERS,
            (b"referer", b"https://shop.example/cart"),
            (b"cookie", b"lang=en; ajs_anonymous_id=" + DEVICE.encode()),
        ]

    def cases(self) -> dict[str, Case]:
        return {
            "ours, outside a request": self.outside(),
            "ours, in a request": Case(self._in_one_request, self.flush),
            "ours, first in its request": Case(self._first_in_each, self.flush),
        }

    def outside(self) -> Case:
        return repeated(lambda: track(self._identity), self.flush)

    def flush(self) -> bool:
        return self.analytics.flush()

    def close(self) -> None:
        stats = self.analytics.stats()
        assert stats.delivered == stats.accepted, stats
        self.analytics.close()

    def _in_one_request(self, count: int, pauses: bool) -> Took:
        def calls(identity: Identity) -> Took:
            track(identity)
            return timed(lambda: track(identity), count, pauses)

        return asyncio.run(self._requests(calls, 1))[0]

    def _first_in_each(self, count: int, pauses: bool) -> Took:
        def calls(identity: Identity) -> Took:
            return timed(lambda: track(identity), 1, pauses)

        took = asyncio.run(self._requests(calls, count))
        return Took([ns for each in took for ns in each.each], sum(each.cpu for each in took))

    async def _requests(self, calls: Callable[[Identity], Took], count: int) -> list[Took]:
        took: list[Took] = []

        async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
            took.append(calls(scope["state"]["identity"]))
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def ignore(message: Message) -> None:
            pass

        app = IdentityMiddleware(endpoint, secret_key=KEY, analytics=self.analytics)
        for _ in range(count):
            await app({**self._scope, "headers": list(self._scope["headers"])}, receive, ignore)
        return took


def track(identity: Identity) -> None:
    identity.track(EVENT, PROPERTIES)


@contextmanager
def with_all(port: int) -> Iterator[dict[str, Case]]:
    with ExitStack() as stack:
        ours = Ours(port)
        stack.callback(ours.close)
        spooled = Ours(port, spool=stack.enter_context(tempfile.TemporaryDirectory()))
        stack.callback(spooled.close)
        yield {
            PEER: stack.enter_context(with_segment(port)),
            "rudder-sdk-python": stack.enter_context(with_rudder(port)),
            "posthog": stack.enter_context(with_posthog(port)),
            "mixpanel": stack.enter_context(with_mixpanel(port)),
            **ours.cases(),
            "ours, outside a request, with a spool": spooled.outside(),
        }


def report(rounds: dict[str, list[Took]]) -> None:
    def figures(name: str) -> tuple[float, float, float]:
        each = [ns / 1e3 for took in rounds[name] for ns in took.each]
        cuts = statistics.quantiles(each, n=100)
        cpu = statistics.median(took.cpu / 1e3 / len(took.each) for took in rounds[name])
        return cuts[49], cuts[98], cpu

    peer = figures(PEER)
    print("| one call, µs | p50 | p99 | CPU | × p50 | × p99 | × CPU |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name in rounds:
        own = figures(name)
        absolute = " | ".join(f"{each:.1f}" for each in own)
        ratio = " | ".join(f"{a / b:.2f}" for a, b in zip(own, peer, strict=True))
        print(f"| {name} | {absolute} | {ratio} |")


def main(rounds: int, calls: int, *, pauses: bool) -> None:
    with sink.running() as port, with_all(port) as cases:
        took: dict[str, list[Took]] = {name: [] for name in cases}
        for number in range(rounds + 1):
            for name, case in cases.items():
                one = case.calls(calls, pauses)
                case.flush()
                # The first round warms up.
                if number:
                    took[name].append(one)
        report(took)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pauses", action="store_true")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--calls", type=int, default=400)
    given = parser.parse_args()
    main(given.rounds, given.calls, pauses=given.pauses)
