"""Stories of people and devices, and who is who in each: the seed's three, and seven more."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from segment_identity.messages import Message


class Scenario(NamedTuple):
    """What happened, and what is to come out.

    *people* has for each person's id all ids that are theirs, *attributed* for each event, by its
    messageId, the user it belongs to.
    """

    events: Sequence[Message]
    people: Mapping[str, set[str]]
    attributed: Mapping[str, str | None]


def call(day: int, name: str, kind: str = "track", **fields: Any) -> Message:
    """Return a call of some day at noon, whose messageId is its *name*."""
    stamp = f"2026-01-{day:02}T12:00:00.000Z"
    more = {"event": name} if kind == "track" else {"name": name} if kind == "page" else {}
    return {
        "type": kind,
        "messageId": name,
        "timestamp": stamp,
        "originalTimestamp": stamp,
        "context": {},
        **more,
        **fields,
    }


def on(device: str, user: str | None = None) -> dict[str, Any]:
    """Return the ids of a call."""
    return {"anonymousId": device, "userId": user}


def device(*ids: str) -> set[str]:
    return {f"anonymous_id:{each}" for each in ids}


def user(*ids: str) -> set[str]:
    return {f"user_id:{each}" for each in ids}


SCENARIOS: Final[dict[str, Scenario]] = {
    "1-one-device-over-days": Scenario(
        [
            call(1, "visits", "page", **on("laptop")),
            call(1, "clicks", **on("laptop")),
            call(3, "returns", "page", **on("laptop")),
            call(3, "signs up", "identify", traits={"plan": "free"}, **on("laptop", "ada")),
        ],
        {"user_id:ada": user("ada") | device("laptop")},
        dict.fromkeys(["visits", "clicks", "returns", "signs up"], "ada"),
    ),
    "2-two-devices-one-log-in": Scenario(
        [
            call(1, "visits", "page", **on("laptop")),
            call(2, "opens app", "screen", **on("phone")),
            call(3, "signs up", "identify", **on("laptop", "ada")),
            call(4, "taps", **on("phone")),
        ],
        {"user_id:ada": user("ada") | device("laptop"), "anonymous_id:phone": device("phone")},
        {"visits": "ada", "signs up": "ada", "opens app": None, "taps": None},
    ),
    "3-two-devices-two-log-ins": Scenario(
        [
            call(1, "visits", "page", **on("laptop")),
            call(2, "opens app", "screen", **on("phone")),
            call(3, "signs up", "identify", **on("laptop", "ada")),
            call(4, "logs in", "identify", **on("phone", "ada")),
        ],
        {"user_id:ada": user("ada") | device("laptop", "phone")},
        dict.fromkeys(["visits", "opens app", "signs up", "logs in"], "ada"),
    ),
    "4-shared-device-that-rotates": Scenario(
        [
            call(1, "ada looks", **on("tablet")),
            call(2, "ada logs in", "identify", **on("tablet", "ada")),
            call(3, "bob logs in", "identify", **on("tablet-2", "bob")),
            call(4, "bob looks", **on("tablet-2")),
        ],
        {
            "user_id:ada": user("ada") | device("tablet"),
            "user_id:bob": user("bob") | device("tablet-2"),
        },
        {"ada looks": "ada", "ada logs in": "ada", "bob logs in": "bob", "bob looks": "bob"},
    ),
    "5-shared-device-that-does-not": Scenario(
        [
            call(1, "somebody looks", **on("tablet")),
            call(2, "ada logs in", "identify", **on("tablet", "ada")),
            call(3, "bob logs in", "identify", **on("tablet", "bob")),
            call(4, "bob buys", **on("tablet", "bob")),
            call(5, "somebody looks again", **on("tablet")),
        ],
        {"user_id:ada": user("ada") | device("tablet"), "user_id:bob": user("bob")},
        {
            "somebody looks": "ada",
            "ada logs in": "ada",
            "bob logs in": "bob",
            "bob buys": "bob",
            "somebody looks again": "ada",
        },
    ),
    "6-user-id-changes-without-alias": Scenario(
        [
            call(1, "as ada@old", "identify", **on("laptop", "ada@old.com")),
            call(2, "as ada@new", "identify", **on("laptop-2", "ada@new.com")),
        ],
        {
            "user_id:ada@old.com": user("ada@old.com") | device("laptop"),
            "user_id:ada@new.com": user("ada@new.com") | device("laptop-2"),
        },
        {"as ada@old": "ada@old.com", "as ada@new": "ada@new.com"},
    ),
    "7-user-id-changes-with-alias": Scenario(
        [
            call(1, "as old", "identify", **on("laptop", "old")),
            call(2, "changes", "alias", previousId="old", **on("laptop", "new")),
            call(3, "as new", "identify", **on("laptop-2", "new")),
            call(4, "looks", **on("laptop-2")),
        ],
        {"user_id:old": user("old", "new") | device("laptop", "laptop-2")},
        dict.fromkeys(["as old", "changes", "as new", "looks"], "old"),
    ),
    "8-alias-of-an-anonymous-id": Scenario(
        [
            call(1, "looks", **on("laptop")),
            call(2, "becomes ada", "alias", previousId="laptop", userId="ada"),
            call(3, "server says", "identify", userId="ada"),
            # And a second user, by alias or not, leaves the device with its first one.
            call(4, "becomes bob", "alias", previousId="laptop", userId="bob"),
        ],
        {"user_id:ada": user("ada") | device("laptop"), "user_id:bob": user("bob")},
        {"looks": "ada", "becomes ada": "ada", "server says": "ada", "becomes bob": "bob"},
    ),
    "8b-device-that-had-another-id-for-a-short-while": Scenario(
        [
            call(1, "as short", **on("short")),
            call(2, "knows better", "alias", previousId="short", **on("laptop", "laptop")),
            call(3, "and again", "alias", previousId="unseen", **on("laptop", "laptop")),
            call(4, "signs up", "identify", **on("laptop", "ada")),
        ],
        {"user_id:ada": user("ada") | device("laptop", "short", "unseen")},
        dict.fromkeys(["as short", "knows better", "and again", "signs up"], "ada"),
    ),
    "9-alias-cycle": Scenario(
        [
            call(1, "as b", **on("laptop", "b")),
            call(2, "as a", **on("phone", "a")),
            call(3, "a to b", "alias", previousId="a", userId="b"),
            call(4, "b to c", "alias", previousId="b", userId="c"),
            call(5, "c to a", "alias", previousId="c", userId="a"),
            call(6, "c to c", "alias", previousId="c", userId="c"),
        ],
        {"user_id:b": user("a", "b", "c") | device("laptop", "phone")},
        dict.fromkeys(["as b", "as a", "a to b", "b to c", "c to a", "c to c"], "b"),
    ),
    "9b-device-that-calls-itself-by-a-users-id": Scenario(
        [
            call(1, "ada signs up", "identify", **on("laptop", "ada-0001")),
            call(2, "mallory looks", **on("short")),
            call(3, "as ada", **on("ada-0001")),
            call(4, "as ada all along", "alias", previousId="short", **on("ada-0001", "ada-0001")),
            call(5, "logs in", "identify", **on("ada-0001", "mallory")),
            call(6, "alias of it", "alias", previousId="ada-0001", **on("ada-0001", "mallory")),
        ],
        {
            "user_id:ada-0001": user("ada-0001") | device("laptop"),
            "user_id:mallory": user("mallory") | device("short", "ada-0001"),
        },
        {
            "ada signs up": "ada-0001",
            **dict.fromkeys(["mallory looks", "as ada", "logs in", "alias of it"], "mallory"),
            # A call, and no more than that.
            "as ada all along": "ada-0001",
        },
    ),
    "10-kiosk": Scenario(
        [
            call(1, "kiosk starts", **on("kiosk")),
            *(
                call(2 + number, f"guest {number}", "identify", **on("kiosk", f"guest-{number}"))
                for number in range(20)
            ),
            call(25, "kiosk rests", **on("kiosk")),
            # A broken client: nobody's id, which ties nobody to anybody.
            call(26, "broken", **on("kiosk", "null")),
            call(27, "more broken", **on("undefined", "guest-7")),
        ],
        {
            "user_id:guest-0": user("guest-0") | device("kiosk"),
            **{f"user_id:guest-{number}": user(f"guest-{number}") for number in range(1, 20)},
        },
        {
            **{f"guest {number}": f"guest-{number}" for number in range(20)},
            **dict.fromkeys(["kiosk starts", "kiosk rests", "broken"], "guest-0"),
            "more broken": "guest-7",
        },
    ),
}
