"""Analytics.js and RudderStack's JavaScript SDK in Chromium, run for real, in all their ways."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from browser.chromium import needs_chromium, new_visitor, open_chromium
from playwright.sync_api import Browser

from .served import MODULES, Served, serve
from .support import Message

pytestmark = [pytest.mark.browser, needs_chromium]

SEGMENT: Final = """<!doctype html><title>Page</title><script>
  window.analytics = [];
  analytics._writeKey = "wk";
  analytics._cdn = location.origin;
  analytics._loadOptions = {
    integrations: {"Segment.io": {apiHost: location.host + "/v1", protocol: "http" STRATEGY}},
  };
  window.isReady = () => !Array.isArray(window.analytics) && !!window.analytics.user;
</script><script src="/script.js"></script>"""
RUDDER: Final = """<!doctype html><title>Page</title><script src="/script.js"></script><script>
  window.analytics = new rudderanalytics.RudderAnalytics();
  analytics.load("wk", location.origin, {configUrl: location.origin OPTIONS});
  window.isReady = () => !!analytics.getUserId;
</script>"""
CALLS: Final = """() => {
  analytics.page("Docs", "Welcome", {depth: 2});
  analytics.identify("u-1", {plan: "premium"});
  analytics.track("Signed Up", {plan: "premium", price: 12.5, city: "Zürich", half: "\\ud83d"});
  analytics.group("g-1", {employees: 7});
  analytics.alias("u-1", "DEVICE");
  if (analytics.screen) analytics.screen("Cart", "Checkout", {items: 3});
}"""
KEPT: Final = (
    "type", "messageId", "event", "name", "category", "groupId", "properties", "traits",
    "integrations",
)  # fmt: skip
ANALYTICS_JS: Final = MODULES / "@segment/analytics-next/dist/umd/standalone.js"
OLDER: Final = MODULES / "analytics-next-older/dist/umd/standalone.js"
RUDDER_JS: Final = MODULES / "@rudderstack/analytics-js/dist/npm/legacy/bundled/umd/index.js"
BATCHING: Final = ', deliveryStrategy: {strategy: "batching", config: {size: 10, timeout: 300}}'
KEEPALIVE: Final = ', deliveryStrategy: {strategy: "standard", config: {keepalive: true}}'
RUDDER_BATCH: Final = ", queueOptions: {batch: {enabled: true, flushInterval: 300}}"
BEACON: Final = ", useBeacon: true, beaconQueueOptions: {flushQueueInterval: 300}"
WAYS: Final = [
    pytest.param(SEGMENT, ANALYTICS_JS, "", {"/v1/" + each for each in "pitgas"}, id="standard"),
    pytest.param(SEGMENT, OLDER, "", {"/v1/" + each for each in "pitgas"}, id="1.84.1"),
    pytest.param(SEGMENT, ANALYTICS_JS, KEEPALIVE, {"/v1/p", "/v1/t"}, id="keepalive"),
    pytest.param(SEGMENT, ANALYTICS_JS, BATCHING, {"/v1/b"}, id="batching"),
    pytest.param(RUDDER, RUDDER_JS, "", {"/v1/track", "/v1/alias"}, id="rudder"),
    pytest.param(RUDDER, RUDDER_JS, RUDDER_BATCH, {"/v1/batch"}, id="rudder-batching"),
    pytest.param(RUDDER, RUDDER_JS, BEACON, {"/beacon/v1/batch"}, id="rudder-beacon"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


def visit(chromium: Browser, served: Served) -> tuple[str, list[str]]:
    """Make every call in a page and leave it; returns the device, and errors of the page."""
    complaints: list[str] = []
    with new_visitor(chromium) as visitor:
        page = visitor.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(served.url)
        page.wait_for_function("window.isReady()")
        cookies = {each["name"]: each["value"] for each in visitor.cookies()}
        device = cookies["ajs_anonymous_id"]
        page.evaluate(CALLS.replace("DEVICE", device))
        served.wait_for(5)
        page.wait_for_timeout(700)
        count = len(served.sent())
        page.evaluate("() => { analytics.track('Left'); }")
        page.goto("about:blank")
        served.wait_for(count + 1)
    return device, complaints


@pytest.mark.parametrize(("page", "script", "options", "paths"), WAYS)
def test_every_call_of_a_page_lands_as_its_visitors(
    chromium: Browser, page: str, script: Path, options: str, paths: set[str]
) -> None:
    if not script.exists():
        pytest.skip(f"{script.name} is missing: run npm ci in tests/conformance")
    page = page.replace(" STRATEGY", options).replace(" OPTIONS", options)
    with serve(page, script) as served:
        device, complaints = visit(chromium, served)
        landed, own = served.landed(), served.of_server()
        assert served.analytics.stats().dropped == {}
    assert complaints == []
    assert set(served.statuses) == {200}
    assert paths <= {post.path for post in served.posts}
    # One visitor, on both sides.
    assert {each["anonymousId"] for each in [*landed, *own]} == {device}
    assert {each["userId"] for each in [*landed, *own]} == {"u-1"}
    kinds = {"page", "identify", "track", "group", "alias"}
    assert kinds <= {each["type"] for each in landed}
    assert landed[-1]["event"] == "Left"
    sent = {each["messageId"]: each for each in served.sent()}
    assert [each["messageId"] for each in landed] == list(sent)
    for message in landed:
        assert_arrived(message, sent[message["messageId"]])


def assert_arrived(message: Message, said: Message) -> None:
    """Compare a message with what the page sent."""
    expected = {key: said[key] for key in KEPT if key in said}
    if said["type"] == "identify":
        expected["traits"] = said.get("traits", said["context"].get("traits"))
    assert {key: message[key] for key in expected} == _whole(expected)
    context = {key: value for key, value in said["context"].items() if key != "traits"}
    library = context.pop("library")
    found = dict(message["context"])
    assert found.pop("ip") == "127.0.0.0"
    assert found.pop("library").items() <= library.items()
    unverified = found.pop("unverified", {})
    assert found == context
    # RudderStack's SDK has a device id and a notion of the person's traits of its own.
    assert unverified.get("traits", said["context"].get("traits", {})) == said["context"].get(
        "traits", {}
    )
    assert unverified.get("anonymousId", message["anonymousId"]) == said["anonymousId"]
    assert unverified.keys() <= {"traits", "anonymousId"}
    happened = said.get("timestamp", said.get("originalTimestamp"))
    assert message["originalTimestamp"] == happened
    late = datetime.fromisoformat(message["timestamp"]) - datetime.fromisoformat(happened)
    assert abs(late.total_seconds()) < 5
    assert message.keys().isdisjoint({"writeKey", "_metadata", "channel"})


def _whole(said: Any) -> Any:
    """Return what half a character becomes; JSON of the browser says it in an escape."""
    if isinstance(said, dict):
        return {key: _whole(value) for key, value in said.items()}
    return re.sub("[\ud800-\udfff]", "\ufffd", said) if isinstance(said, str) else said
