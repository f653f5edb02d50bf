"""Messages as apps send them, in which now and then something is different."""

import random
from typing import Any, Final

import msgspec
import pytest

from segment_identity.planning import Plans

from .test_gathering import NOW, gathered

KEYS: Final = (
    "name category path plan firstName first_name userId context_ip ip group_id event 7 _ é".split()
)
SCALARS: Final = [None, True, 0, 7, 2**53 + 1, 2**64, 1.0, 1.5, "", "Home", "12", "y" * 600, "a\0b"]
TIMES: Final = [None, "", "soon", 7, "2026-01-31", "2026-01-31T13:00:00.5+02:00"]
CONTEXT: Final = {"ip": "1.2.3.0", "library": {"name": "js", "version": "1"}, "page": {"path": "/"}}
VIEW: Final = {"name": "Home", "path": "/", "title": "Home"}
PRODUCT: Final = {"plan": "pro", "price": 3, "items": [1, 2], "coupon": {"code": "x", "off": 1}}
USUAL: Final[list[dict[str, Any]]] = [
    {"type": "page", "name": "Home", "properties": VIEW},
    {"type": "page", "name": "Home", "category": "Docs", "properties": VIEW | {"category": "Docs"}},
    {"type": "page", "properties": {"path": "/", "title": "Home"}},
    {"type": "screen", "name": "Home", "properties": {"name": "Home", "event": 7}},
    {"type": "track", "event": "Order Completed", "properties": PRODUCT},
    {"type": "track", "event": "users", "properties": {"plan": "pro"}},
    {"type": "identify", "traits": {"email": "ada@example.com", "address": {"city": "York"}}},
    {"type": "identify", "userId": "ada", "traits": {"plan": "pro", "logins": 3}},
    {"type": "group", "userId": "ada", "groupId": "acme", "traits": {"name": "Acme", "staff": 3}},
    {"type": "alias", "userId": "ada", "previousId": "ada@example.com"},
]


def different(chance: random.Random, depth: int = 0) -> Any:
    """Return a value that nobody expects."""
    if depth == 2 or chance.random() < 0.6:
        return chance.choice(SCALARS)
    if chance.random() < 0.5:
        return [different(chance, depth + 1) for _ in range(chance.randint(0, 2))]
    return {chance.choice(KEYS): different(chance, depth + 1) for _ in range(chance.randint(0, 2))}


def varied(chance: random.Random, value: Any) -> Any:
    """Return *value*, mostly with what is in it, and sometimes without or with something else."""
    if chance.random() < 0.03:
        return different(chance)
    if not isinstance(value, dict):
        return value
    kept = {key: varied(chance, each) for key, each in value.items() if chance.random() > 0.03}
    if chance.random() < 0.05:
        kept[chance.choice(KEYS)] = different(chance)
    return kept


def stream(chance: random.Random) -> list[bytes]:
    """Return messages of a few kinds, one after another."""
    kinds = chance.sample(USUAL, 3)
    events = []
    for number in range(chance.randint(6, 24)):
        usual = {"timestamp": NOW, "anonymousId": "laptop-1", "context": CONTEXT}
        message = varied(chance, usual | chance.choice(kinds))
        if not isinstance(message, dict):
            continue
        if chance.random() < 0.1:
            message[chance.choice(["timestamp", "sentAt", "receivedAt", "originalTimestamp"])] = (
                chance.choice([NOW, *TIMES])
            )
        events.append(msgspec.json.encode({"messageId": f"m-{number}"} | message))
    return events


@pytest.mark.parametrize("seed", range(10))
def test_usual_messages_make_the_same_rows_however_they_are_read(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(15):
        events, plans = stream(chance), Plans()
        half = len(events) // 2
        for part in (events[:half], events[half:]):
            assert gathered(part, plans) == gathered(part, None)
