"""Events that tell who is who, drawn at random, and who is who by another way than ours."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

from segment_identity.messages import Message

DAY: Final = "2026-01-{:02}T12:00:00.000Z"


def event(moment: int, kind: str = "track", **fields: Any) -> Message:
    """Return a message of the given minute, with an id that follows from what it says."""
    stamp = f"2026-01-{1 + moment // 1440:02}T{moment // 60 % 24:02}:{moment % 60:02}:00.000Z"
    said = ",".join(f"{name}={value}" for name, value in sorted(fields.items()))
    return {
        "type": kind,
        "messageId": f"{moment}-{kind}-{said}",
        "event": "Seen",
        "timestamp": stamp,
        "originalTimestamp": stamp,
        "context": {},
        **fields,
    }


def drawn(seed: int) -> list[Message]:
    """Return events of few ids that meet often: shared devices, aliases of every kind, cycles.

    A device may have a user's id, as a browser chooses its own.
    """
    chance = random.Random(seed)
    devices = [f"device-{number}" for number in range(chance.randint(1, 5))]
    users = [f"user-{number}" for number in range(chance.randint(1, 5))]
    if chance.random() < 0.3:
        devices[-1] = users[-1]
    either = devices + users
    told = []
    for _ in range(chance.randint(1, 14)):
        moment, draw = chance.randrange(30), chance.random()
        if draw < 0.2:
            told.append(event(moment, anonymousId=chance.choice(devices), userId=None))
        elif draw < 0.55:
            ids = {"anonymousId": chance.choice(devices), "userId": chance.choice(users)}
            told.append(event(moment, chance.choice(["track", "identify"]), **ids))
        elif draw < 0.65:
            told.append(event(moment, userId=chance.choice(users)))
        else:
            device = chance.choice([*devices, None])
            to = device if device and chance.random() < 0.2 else chance.choice(users)
            named = {"anonymousId": device, "userId": to, "previousId": chance.choice(either)}
            told.append(event(moment, "alias", **named))
    return told


def people(events: Sequence[Mapping[str, Any]], policy: str = "first") -> dict[str, str]:
    """Say who is who by brute force, from the rules and from nothing of the package's.

    Ids are written `u:ada` and `a:device`. Sets are merged until nothing changes, and a device asks
    every event there is.
    """
    moments: dict[str, tuple[str, str]] = {}
    for each in events:
        when = (each["timestamp"], each["messageId"])
        device, user = each.get("anonymousId"), each.get("userId")
        spoken = [f"a:{device}"] if device else []
        if user and not (each["type"] == "alias" and user == device):
            spoken.append(f"u:{user}")
        elif user:
            spoken.append(f"a:{each['previousId']}")
        for name in spoken:
            moments[name] = min(moments.get(name, when), when)
    seen = set(moments)

    def name_of(value: str, device: str | None) -> str:
        only_device = f"a:{value}" in seen and f"u:{value}" not in seen
        return f"a:{value}" if value == device or only_device else f"u:{value}"

    joins, links = [], []
    for each in events:
        when = (each["timestamp"], each["messageId"])
        if each["type"] != "alias":
            if each.get("anonymousId") and each.get("userId"):
                links.append((when, f"u:{each['userId']}", f"a:{each['anonymousId']}"))
        elif each["userId"] != each["previousId"]:
            device, ids = each.get("anonymousId"), (each["previousId"], each["userId"])
            is_of_devices = each["userId"] == device
            pair = tuple(f"a:{one}" if is_of_devices else name_of(one, device) for one in ids)
            for name in pair:
                if name not in seen:
                    moments[name] = min(moments.get(name, when), when)
            if pair[0][0] == pair[1][0]:
                joins.append(pair)
            else:
                links.append((when, max(pair), min(pair)))
    groups = [{name} for name in moments]
    for one, other in joins:
        both = [group for group in groups if one in group or other in group]
        groups = [group for group in groups if group not in both] + [set().union(*both)]
    result = []
    for group in groups:
        if all(name.startswith("a:") for name in group):
            own = [(when, user) for when, user, device in links if device in group]
            if own:
                times = {when for when, _ in own}
                chosen = min(times) if policy == "first" else max(times)
                result.append((group, min(user for when, user in own if when == chosen)))
    for group, user in result:
        home = next(each for each in groups if user in each)
        home |= group
    groups = [group for group in groups if not any(group is each for each, _ in result)]
    names: dict[str, str] = {}
    for group in groups:
        known = [name for name in group if name.startswith("u:")] or list(group)
        first = min(known, key=lambda name: (moments[name], name))
        names.update(dict.fromkeys(group, first))
    return names
