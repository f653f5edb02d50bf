"""The server SDKs of Segment and RudderStack, run for real: what lands is what they sent."""

import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
import segment.analytics
from interop.calls import CALLS, arguments
from rudderstack.analytics.client import Client as RudderClient

from segment_identity import Analytics

from .served import MODULES, Served, serve
from .support import SECRET, Message

# By what RudderStack's SDK tries again with, on Python 3.14; it takes the error for a bad network.
pytestmark = pytest.mark.filterwarnings("ignore:'asyncio.iscoroutinefunction':DeprecationWarning")

NODE: Final = shutil.which("node")
SEND: Final = Path(__file__).parents[1] / "interop" / "send.cjs"
# What says something of the event; the rest is about the request or the process that sent it.
KEPT: Final = (
    "type", "messageId", "anonymousId", "userId", "event", "name", "category", "groupId",
    "previousId", "properties", "traits", "integrations", "context", "channel",
)  # fmt: skip


def kept(message: Message) -> Message:
    """Return what has to arrive; what is not known is null in Python and left out by Node."""
    return {key: message[key] for key in KEPT if message.get(key) not in (None, {})}


def segment_python(url: str) -> None:
    client = segment.analytics.Client(SECRET, host=url)
    for call in CALLS:
        getattr(client, call["type"])(**arguments(call))
    client.shutdown()


def segment_python_packed(url: str) -> None:
    client = segment.analytics.Client(SECRET, host=url, gzip=True)
    for call in CALLS:
        getattr(client, call["type"])(**arguments(call))
    client.shutdown()


def rudder_python(url: str) -> None:
    client = RudderClient(SECRET, host=url)
    for call in CALLS:
        getattr(client, call["type"])(**arguments(call))
    client.shutdown()


def segment_node(url: str) -> None:
    if NODE is None or not (MODULES / "@segment" / "analytics-node").is_dir():
        pytest.skip("needs Node 20 or newer, and `npm ci` done in tests/conformance")
    subprocess.run([NODE, SEND, url, SECRET], check=True, timeout=60)


@pytest.mark.parametrize(
    "sdk", [segment_python, segment_python_packed, rudder_python, segment_node]
)
def test_what_lands_is_what_was_sent(sdk: Callable[[str], None]) -> None:
    with serve() as served:
        sdk(served.url)
        landed = served.landed()
        assert set(served.statuses) == {200}
    sent = served.sent()
    assert [each["type"] for each in sent] == [call["type"] for call in CALLS]
    assert [kept(each) for each in landed] == [with_traits(kept(each)) for each in sent]
    for said, message in zip(sent, landed, strict=True):
        happened = datetime.fromisoformat(said["timestamp"])
        assert datetime.fromisoformat(message["originalTimestamp"]) == happened
        assert abs((datetime.fromisoformat(message["timestamp"]) - happened).total_seconds()) < 5
        assert "sentAt" in message
    stats = served.analytics.stats()
    assert (stats.accepted, stats.delivered, stats.dropped) == (len(CALLS), len(CALLS), {})


@pytest.mark.parametrize("client", [segment.analytics.Client, RudderClient])
def test_an_sdk_with_a_wrong_key_asks_once(client: Any) -> None:
    """Those that find neither code nor message in an answer take it for a broken network."""
    with serve() as served:
        sdk = client("no-such-key", host=served.url, max_retries=2)
        sdk.track("u-1", "Refused")
        sdk.flush()
        sdk.shutdown()
        assert served.statuses == [401]


def with_traits(message: Message) -> Message:
    """Lift the traits that RudderStack's SDK says in the context."""
    traits: dict[str, Any] = message.get("context", {}).get("traits")
    return {**message, "traits": traits} if message["type"] == "identify" and traits else message


def test_our_own_destination_is_taken_as_it_is() -> None:
    """A hundred events of each of three visitors, in their order and with their ids."""
    made: list[bytes] = []

    class Noted:
        def send(self, batch: Any, /) -> None:
            made.extend(batch)

        def close(self) -> None:
            pass

    with serve() as served:
        address = f"http://{SECRET}@{served.url.removeprefix('http://')}/v1"
        with Analytics(address, Noted()) as analytics:
            for number in range(100):
                for visitor in ("device-a", "device-b", "device-c"):
                    analytics.identity(anonymous_id=visitor).track("Seen", {"number": number})
            assert analytics.flush(20)
            assert analytics.stats().delivered == 600
        assert served.analytics.flush(10)
        landed = list(served.memory.messages)
    assert_same(served, landed, made)


def assert_same(served: Served, landed: list[Message], made: list[bytes]) -> None:
    assert len(landed) == len(made) == 300
    for visitor in ("device-a", "device-b", "device-c"):
        theirs = [each for each in landed if each["anonymousId"] == visitor]
        assert [each["properties"]["number"] for each in theirs] == list(range(100))
    sent = {each["messageId"]: kept(each) for each in served.sent()}
    assert {each["messageId"]: kept(each) for each in landed} == sent
