"""Generated events of a shop, the same ones for the same seed, one JSON text each."""

import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_SHARES: Final = {
    "track": 52,
    "page": 28,
    "identify": 12,
    "screen": 4,
    "group": 3,
    "alias": 1,
}
_TRACKS: Final = {
    "Product Viewed": 40,
    "Product Added": 15,
    "Cart Viewed": 12,
    "Checkout Started": 8,
    "Order Completed": 6,
    "Product List Filtered": 12,
    "Coupon Applied": 4,
    "Email Opened": 3,
}
_CITIES: Final = "Wien Graz Linz Berlin Hamburg Lyon Porto Turin Malmö Kraków".split()
_AGENT: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/138.0.0.0 Safari/537.36"
)
# Visitors for each thousand events; some sign up, and a few share a device.
_VISITORS: Final = 140


def events(count: int, seed: int = 1) -> Iterator[bytes]:
    """Yield *count* events of about a kilobyte."""
    chance = random.Random(seed)
    visitors = max(10, count * _VISITORS // 1_000)
    kinds, weights = list(_SHARES), list(_SHARES.values())
    names, shares = list(_TRACKS), list(_TRACKS.values())
    for number in range(count):
        kind = chance.choices(kinds, weights)[0]
        who = int(visitors * chance.random() ** 1.5)
        yield json.dumps(
            {**_common(chance, number, who, kind), **_own(chance, kind, who, names, shares)},
            separators=(",", ":"),
        ).encode()


def _common(chance: random.Random, number: int, who: int, kind: str) -> dict[str, Any]:
    at = _START + timedelta(seconds=number * 2.5 - chance.random() * 3_600)
    stamp = at.isoformat(timespec="milliseconds")[:23] + "Z"
    unique = uuid.UUID(int=chance.getrandbits(128), version=4)
    known = kind in ("identify", "group", "alias") or (who % 3 == 0 and chance.random() < 0.5)
    return {
        "type": kind,
        # As this library and Analytics.js make them.
        "messageId": f"{int(at.timestamp() * 1_000)}-{unique}",
        "anonymousId": str(uuid.UUID(int=who * 7_919 + 11, version=4)),
        "userId": f"user-{who // 3}" if known else None,
        "timestamp": stamp,
        "originalTimestamp": stamp,
        "context": _context(chance, who),
        "integrations": {},
    }


def _context(chance: random.Random, who: int) -> dict[str, Any]:
    path = f"/plants/{chance.randrange(400)}"
    context = {
        "ip": f"203.0.{who % 250}.0",
        "userAgent": _AGENT,
        "locale": "de-AT",
        "library": {"name": "segment_identity", "version": "0.1.0"},
        "page": {
            "path": path,
            "referrer": "https://shop.example/",
            "search": "",
            "title": "Plants",
            "url": f"https://shop.example{path}",
        },
    }
    if who % 5 == 0:
        context["campaign"] = {"name": "spring", "source": "newsletter", "medium": "email"}
    return context


def _own(
    chance: random.Random, kind: str, who: int, names: list[str], shares: list[int]
) -> dict[str, Any]:
    if kind == "track":
        product = chance.randrange(400)
        properties = {
            "productId": f"p-{product}",
            "name": f"Plant {product}",
            "price": product / 8 + 0.49,
            "quantity": 1 + product % 3,
            "currency": "EUR",
            "isGift": product % 7 == 0,
            "tags": ["green", "indoor"],
        }
        return {"event": chance.choices(names, shares)[0], "properties": properties}
    if kind == "identify":
        return {
            "traits": {
                "email": f"user-{who // 3}@example.com",
                "name": f"User {who // 3}",
                "plan": chance.choice(["free", "premium"]),
                "age": 18 + who % 60,
                "address": {"city": _CITIES[who % 10], "postalCode": f"{1000 + who % 9000}"},
                "createdAt": "2026-01-01T08:00:00.000Z",
            }
        }
    if kind == "group":
        return {"groupId": f"group-{who % 500}", "traits": {"name": "Acme", "employees": who % 90}}
    if kind == "alias":
        return {"previousId": f"old-{who // 3}"}
    return {"name": "Plant", "properties": {"theme": "dark", "depth": chance.randrange(100)}}
