"""Events at random, and what a warehouse must hold of them."""

import random
from collections.abc import Iterable
from typing import Any, Final

from segment_identity.messages import Message

from .support import Database, message

NAMES: Final = ("Signed Up", "Bought", "users", "Cart Viewed")
_USERS: Final = 9


def made(count: int, seed: int) -> list[Message]:
    """Return events of all types, whose later ones have properties the earlier ones had not."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        kind = chance.choice(("track", "track", "page", "identify", "identify", "group", "alias"))
        who = chance.randrange(_USERS)
        values = {
            f"key_{chance.randrange(2 + number // 8)}": chance.choice((number, f"text {number}"))
            for _ in range(3)
        }
        own: dict[str, dict[str, Any]] = {
            "track": {"event": chance.choice(NAMES), "properties": values},
            "page": {"name": "Home", "properties": values},
            "identify": {"traits": values},
            "group": {"groupId": f"group-{who}", "traits": values},
            "alias": {"previousId": f"user-{chance.randrange(_USERS)}"},
        }
        known = {"userId": f"user-{who}", "anonymousId": f"device-{chance.randrange(30)}"}
        day = 1 + chance.randrange(28)
        found.append(message(day, kind, **known, **own[kind]) | {"messageId": f"m-{number:05}"})
    return found


def fitting(count: int, seed: int) -> list[Message]:
    """Return such events with texts alone, which fit into whatever column an earlier one made."""
    return [
        {
            **each,
            **{
                source: {name: str(value) for name, value in each[source].items()}
                for source in ("properties", "traits")
                if source in each
            },
        }
        for each in made(count, seed)
    ]


def missing(database: Database, events: Iterable[Message]) -> list[str]:
    """Return what of *events* is not in the database exactly once, with all of its values."""
    tables = {"track": "tracks", "page": "pages", "identify": "identifies"}
    tables |= {"group": "groups", "alias": "aliases"}
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    wrong = []
    for name in database.tables():
        if name in ("discards", "users", "accounts") or name.endswith("_keys"):
            continue
        if name.startswith("profile_"):
            continue
        found = database.rows(name)
        rows[name] = {row["id"]: row for row in found}
        if len(rows[name]) != len(found):
            wrong.append(f"{name} has something twice")
    aside = {(row["row_id"], row["column_name"]) for row in database.rows("discards")}
    for each in events:
        own = tables[each["type"]]
        if each["messageId"] not in rows.get(own, {}):
            wrong.append(f"{each['messageId']} is not in {own}")
            continue
        if own == "tracks":
            own = each["event"].lower().replace(" ", "_").replace("users", "_users")
        row = rows[own].get(each["messageId"], {})
        for key, value in (each.get("properties") or each.get("traits") or {}).items():
            is_there = row.get(key) in (value, str(value))
            if not is_there and (each["messageId"], key) not in aside:
                wrong.append(f"{key} of {each['messageId']} is not in {own}")
    return wrong + _stale(database, events)


def _stale(database: Database, events: Iterable[Message]) -> list[str]:
    """Return which columns of `users` do not show the newest value."""
    newest: dict[tuple[str, str], tuple[str, Any]] = {}
    for each in events:
        if each["type"] == "identify":
            for key, value in each["traits"].items():
                told = (f"{each['timestamp']}|{each['messageId']}", value)
                place = (each["userId"], key)
                newest[place] = max(newest.get(place, told), told, key=lambda one: one[0])
    users = {row["id"]: row for row in database.rows("users")}
    aside = {
        (row["row_id"], row["column_name"], row["column_value"])
        for row in database.rows("discards")
    }
    return [
        f"{key} of {who} is not {value}"
        for (who, key), (_, value) in newest.items()
        if users.get(who, {}).get(key) not in (value, str(value))
        and (who, key, str(value)) not in aside
    ]
