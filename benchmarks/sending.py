"""One client that sends as fast as it can, in a process of its own (see benchmarks.delivery).

    python -m benchmarks.sending CLIENT HOST COUNT SPOOL

Nobody's queue may overflow, as a sender that drops looks fast: the driver waits while 8,000 events
wait. Says "ready", sends once it reads a line, and says "sent" when the client has nothing left.
"""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import mixpanel
import posthog
import rudderstack.analytics.client
import segment.analytics

from segment_identity import Analytics, Identity

KEY: Final = "write-key"
VISITORS: Final = [f"visitor-{number:04}" for number in range(200)]
MOST_WAITING: Final = 8_000
LOOK_EVERY: Final = 200

# With what each client adds, about 1.1 kB of JSON.
CONTEXT: Final = {
    "ip": "203.0.113.0",
    "locale": "en-GB",
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/128.0 Safari/537.36",
    "page": {
        "path": "/products/espresso-machine",
        "referrer": "https://shop.example/categories/kitchen?sort=price",
        "search": "?utm_source=newsletter&utm_campaign=autumn",
        "title": "Espresso machine, two cups",
        "url": "https://shop.example/products/espresso-machine?utm_source=newsletter",
    },
    "campaign": {"name": "autumn", "source": "newsletter", "medium": "email"},
}
PROPERTIES: Final = {
    "product_id": "507f1f77bcf86cd799439011",
    "sku": "G-32",
    "category": "Kitchen",
    "name": "Espresso machine, two cups",
    "price": 189.5,
    "quantity": 1,
    "coupon": "WELCOME",
    "currency": "EUR",
    "variants": ["black", "steel"],
    "in_stock": True,
}


class Sender(NamedTuple):
    """How to record one event, how many wait, and how to finish."""

    track: Callable[[str, Mapping[str, Any]], object]
    waiting: Callable[[], int]
    finish: Callable[[], object]


def ours(host: str, spool: str | None, *, anew: bool = False) -> Sender:
    """Return ours; the handle of a visitor is kept, or made *anew* for every event."""
    scheme, _, rest = host.partition("://")
    options: dict[str, Any] = {} if spool is None else {"spool": spool}
    analytics = Analytics(f"{scheme}://{KEY}@{rest}/v1", **options)
    handles: dict[str, Identity] = {}

    def track(visitor: str, properties: Mapping[str, Any]) -> None:
        identity = handles.get(visitor)
        if identity is None or anew:
            identity = analytics.identity(anonymous_id=visitor, context=CONTEXT)
            handles[visitor] = identity
        identity.track("Product Added", properties)

    def finish() -> None:
        assert analytics.flush(600.0)

    return Sender(track, lambda: analytics.stats().pending, finish)


def segment_python(host: str, spool: str | None) -> Sender:
    client = segment.analytics.Client(KEY, host=host)
    return Sender(
        lambda visitor, properties: client.track(
            anonymous_id=visitor, event="Product Added", properties=properties, context=CONTEXT
        ),
        client.queue.qsize,
        client.flush,
    )


def posthog_python(host: str, spool: str | None) -> Sender:
    client = posthog.Posthog(KEY, host=host)
    return Sender(
        lambda visitor, properties: client.capture(
            "Product Added", distinct_id=visitor, properties={**properties, "context": CONTEXT}
        ),
        client.queue.qsize,
        client.flush,
    )


def rudder(host: str, spool: str | None) -> Sender:
    client = rudderstack.analytics.client.Client(KEY, host=host)
    return Sender(
        lambda visitor, properties: client.track(
            anonymous_id=visitor, event="Product Added", properties=properties, context=CONTEXT
        ),
        client.queue.qsize,
        client.flush,
    )


def mixpanel_python(host: str, spool: str | None) -> Sender:
    consumer = mixpanel.BufferedConsumer(events_url=f"{host}/track")
    client = mixpanel.Mixpanel(KEY, consumer=consumer)
    return Sender(
        lambda visitor, properties: client.track(
            visitor, "Product Added", {**properties, "context": CONTEXT}
        ),
        lambda: 0,
        consumer.flush,
    )


CLIENTS: Final[Mapping[str, Callable[[str, str | None], Sender]]] = {
    "ours, in memory": lambda host, _: ours(host, None),
    "ours, a new handle for every event": lambda host, _: ours(host, None, anew=True),
    "ours, with a spool": ours,
    "segment-analytics-python": segment_python,
    "posthog": posthog_python,
    "rudder-sdk-python": rudder,
    "mixpanel, buffered": mixpanel_python,
}


def main(name: str, host: str, count: str, spool: str) -> None:
    sender = CLIENTS[name](host, spool)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(count)):
        if number % LOOK_EVERY == 0:
            while sender.waiting() > MOST_WAITING:
                time.sleep(0.001)
        sender.track(VISITORS[number % len(VISITORS)], {**PROPERTIES, "number": number})
    sender.finish()
    print("sent", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])
