"""What arrives from us is what Segment's own server SDKs send for the same calls.

`calls.json` goes through the real `segment-analytics-python` and `@segment/analytics-node` and
through ours, to the same collector. Ids of messages, times that were not given, and the library's
name and version are compared by form alone. Whatever else differs is listed here with its reason.
"""

import copy
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import segment.analytics
from faults.collecting import Collecting
from faults.record import Sent

from segment_identity import Analytics

from .calls import CALLS, arguments

HERE: Final = Path(__file__).parent
NODE: Final = shutil.which("node")
INSTALLED: Final = HERE.parent / "conformance" / "node_modules" / "@segment" / "analytics-node"
KEY: Final = "write-key"
Sdk = Callable[[Collecting], None]
Message = dict[str, Any]


def ours(collector: Collecting) -> None:
    with Analytics(f"http://{KEY}@127.0.0.1:{collector.port}/v1") as analytics:
        for call in CALLS:
            given = arguments(call)
            device = given.pop("anonymous_id", None)
            # Who identifies or aliases is not yet who they say; an alias is of the device.
            names_user = call["type"] in ("identify", "alias")
            user = None if names_user else given.pop("user_id", None)
            device = given["previous_id"] if call["type"] == "alias" else device
            getattr(analytics.identity(anonymous_id=device, user_id=user), call["type"])(**given)
            # Visitors travel apart; here the order of the calls is wanted.
            assert analytics.flush()


def python(collector: Collecting) -> None:
    client = segment.analytics.Client(KEY, host=collector.host)
    for call in CALLS:
        getattr(client, call["type"])(**arguments(call))
    client.shutdown()


def node(collector: Collecting) -> None:
    assert NODE is not None
    subprocess.run([NODE, HERE / "send.cjs", collector.host], check=True, timeout=60)


def sent(sdk: Sdk) -> tuple[list[Message], Sent]:
    """Return the messages that arrive from an SDK, and its first request."""
    with Collecting(keep=True) as collector:
        sdk(collector)
        messages = [each for body in collector.messages() for each in body["batch"]]
        return messages, collector.report().requests[0]


@pytest.fixture(scope="module")
def our_messages() -> list[Message]:
    return sent(ours)[0]


def comparable(message: Message, call: dict[str, Any]) -> Message:
    """Check what differs from run to run by its form, and return the rest."""
    rest = copy.deepcopy(message)
    assert re.fullmatch(r"[\w-]{22,99}", rest.pop("messageId"))
    library = rest["context"].pop("library")
    assert library.keys() == {"name", "version"}
    moment = datetime.fromisoformat(rest.pop("timestamp"))
    if "timestamp" in call:
        assert moment == datetime.fromisoformat(call["timestamp"])
    else:
        assert abs((datetime.now(UTC) - moment).total_seconds()) < 120
    # What is not known is null in Python's SDKs and left out by Node's; Segment takes it as one.
    return {key: value for key, value in rest.items() if value is not None}


def without_our_own(message: Message, call: dict[str, Any]) -> Message:
    """Take out of a message of ours what it has beyond those of the server SDKs, on purpose."""
    # Segment's pipeline keeps what the client said under this name; browsers' payloads have it.
    del message["originalTimestamp"]
    kind = message["type"]
    if kind == "page":
        # As Analytics.js: a page's properties hold its name and category, and say where it is.
        for key in ("name", "category"):
            assert message["properties"].pop(key, None) == call.get(key)
        page = message["context"].pop("page", {})
        assert page.items() <= call["properties"].items()
    if kind == "group":
        # As Analytics.js: the group is the context of everything from here on.
        assert message["context"].pop("groupId") == call["groupId"]
    if kind == "alias":
        # Every message of ours says from which device it came.
        assert message.pop("anonymousId") == call["previousId"]
    return message


def without_nodes_own(message: Message, call: dict[str, Any]) -> Message:
    """Take out of a message of analytics-node what only it has."""
    # About the process that sends, not about the event.
    del message["_metadata"]
    if message["type"] == "page":
        assert message["properties"].pop("category", None) == call.get("category")
    return message


def test_segment_analytics_python_sends_the_same(our_messages: list[Message]) -> None:
    theirs, request = sent(python)
    for call, our, their in zip(CALLS, our_messages, theirs, strict=True):
        assert without_our_own(comparable(our, call), call) == comparable(their, call)
    _, our_request = sent(ours)
    assert our_request.path == request.path == "/v1/batch"
    assert our_request.authorization == request.authorization


@pytest.mark.skipif(
    NODE is None or not INSTALLED.is_dir(),
    reason="needs Node 20 or newer, and `npm ci` done in tests/conformance",
)
def test_segment_analytics_node_sends_the_same(our_messages: list[Message]) -> None:
    theirs, request = sent(node)
    for call, our, their in zip(CALLS, our_messages, theirs, strict=True):
        expected = without_nodes_own(comparable(their, call), call)
        assert without_our_own(comparable(our, call), call) == expected
    assert request.path == "/v1/batch"


def test_every_verb_is_compared() -> None:
    assert {call["type"] for call in CALLS} == {
        *("identify", "track", "page", "screen", "group", "alias")
    }
