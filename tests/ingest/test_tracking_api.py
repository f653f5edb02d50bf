"""The app at `/v1`, as those see it who post to it."""

import asyncio
import gzip
import json
import logging
from typing import Any

import pytest
from web.raw import exchange, http_scope

from segment_identity import Analytics
from segment_identity.browser import TrackingAPI
from segment_identity.errors import ConfigurationError

from .support import DEVICE, OTHER_DEVICE, PAGE, PARTNER, REFUSED, SECRET, Sites

TRACK = {"event": "Clicked", "anonymousId": DEVICE, "messageId": "m-1"}
MANY = {"batch": [{"type": "track", "event": f"E{n}", "userId": "u-9"} for n in range(3)]}
NO_BROWSER: dict[str, str] = {}


def test_a_page_and_its_server_are_one_visitor(open_site: Sites) -> None:
    site = open_site()
    site.open("/log-in")
    minted = site.cookie("ajs_anonymous_id")
    answer = site.post({**TRACK, "anonymousId": minted, "userId": "u-1"})
    assert (answer.status_code, answer.content) == (200, b'{"success": true}')
    identified, clicked = site.events()
    assert {each["anonymousId"] for each in (identified, clicked)} == {minted}
    assert {each["userId"] for each in (identified, clicked)} == {"u-1"}
    assert clicked["context"]["ip"] == "203.0.113.0"


def test_an_answer_tells_nothing_and_sets_nothing(open_site: Sites) -> None:
    site = open_site()
    for said in (TRACK, {}, {"event": 7}):
        answer = site.post(said)
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.content == b'{"success": true}'


def test_an_sdk_is_no_visitor(open_site: Sites) -> None:
    site = open_site(secret_keys=[SECRET])
    answer = site.client.post("/v1/batch", json=MANY, auth=(SECRET, ""))
    assert "set-cookie" not in answer.headers
    assert "set-cookie" not in site.post(TRACK, headers={"Origin": "https://evil.example"}).headers


def test_the_device_of_the_cookie_wins(open_site: Sites) -> None:
    site = open_site()
    site.write(ajs_anonymous_id=DEVICE)
    site.post({**TRACK, "anonymousId": OTHER_DEVICE})
    event = site.event()
    assert event["anonymousId"] == DEVICE
    assert event["context"]["unverified"] == {"anonymousId": OTHER_DEVICE}


def test_a_user_is_not_whom_a_page_says(open_site: Sites) -> None:
    site = open_site()
    site.write(ajs_anonymous_id=DEVICE, ajs_user_id="admin")
    site.post({**TRACK, "userId": "admin"}, "/v1/i")
    event = site.event()
    assert (event["type"], event["userId"]) == ("identify", None)
    assert event["context"]["unverified"] == {"userId": "admin"}


def test_the_apps_own_log_in_has_its_say(open_site: Sites) -> None:
    site = open_site(middleware={"user": lambda connection: "u-5"})
    site.write(ajs_anonymous_id=DEVICE)
    site.post({**TRACK, "userId": "u-5"})
    # Its identify is recorded by the next page, whose answer can keep it; see test_user_option.
    assert [(each["type"], each["userId"]) for each in site.events()] == [("track", "u-5")]
    site.open()
    assert [(each["type"], each["userId"]) for each in site.events()[1:]] == [("identify", "u-5")]


def test_after_log_out_nobody_is_there(open_site: Sites) -> None:
    site = open_site()
    site.open("/log-in")
    site.open("/log-out")
    site.post({**TRACK, "userId": "u-1"})
    _, event = site.events()
    assert event["userId"] is None
    assert event["anonymousId"] == site.cookie("ajs_anonymous_id")


def test_a_first_visit_is_taken_at_its_word_for_the_device(open_site: Sites) -> None:
    site = open_site()
    site.post(TRACK)
    assert site.event()["anonymousId"] == DEVICE
    site.post({"event": "Clicked", "messageId": "m-2"})
    assert site.analytics.stats().dropped == {"no_id": 1}


def test_a_repeat_is_taken_once(open_site: Sites) -> None:
    site = open_site()
    for _ in range(3):
        assert site.post(TRACK).status_code == 200
    site.event()
    assert site.analytics.stats().dropped == {"duplicate": 2}


@pytest.mark.parametrize(
    ("reason", "cookies", "headers"),
    [
        ("opted_out", {"ajs_optout": "1"}, {}),
        ("bot", {}, {"User-Agent": "Googlebot/2.1"}),
        ("excluded", {}, {}),
    ],
)
def test_where_nothing_is_recorded_nothing_is_taken(
    open_site: Sites, reason: str, cookies: dict[str, str], headers: dict[str, str]
) -> None:
    excluded = {"exclude": ["/v1"]} if reason == "excluded" else {}
    site = open_site(middleware=excluded)
    site.write(**cookies)
    assert site.post(TRACK, headers={**PAGE, **headers}).status_code == 200
    assert site.events() == []
    assert site.analytics.stats().dropped == {reason: 1}


def test_a_repeat_in_one_batch_is_taken_once(open_site: Sites) -> None:
    site = open_site()
    said = [{**TRACK, "type": "track", "messageId": each} for each in ("a", "b", "a")]
    assert site.post({"batch": said}, "/v1/b").status_code == 200
    assert [each["messageId"] for each in site.events()] == ["a", "b"]
    assert site.analytics.stats().dropped == {"duplicate": 1}


def test_a_server_with_a_secret_is_believed(open_site: Sites) -> None:
    site = open_site(secret_keys=[SECRET])
    answer = site.client.post("/v1/batch", json=MANY, auth=(SECRET, ""))
    assert answer.status_code == 200
    assert [each["event"] for each in site.events()] == ["E0", "E1", "E2"]
    assert {each["userId"] for each in site.events()} == {"u-9"}


def test_an_app_with_a_write_key_is_a_device(open_site: Sites) -> None:
    site = open_site(write_keys=["wk"])
    said = {**TRACK, "userId": "u-1", "writeKey": "wk"}
    assert site.post(said, headers=NO_BROWSER).status_code == 200
    event = site.event()
    assert (event["anonymousId"], event["userId"]) == (DEVICE, None)
    assert "writeKey" not in json.dumps(event)


def test_an_apps_own_header_names_its_device_here_too(open_site: Sites) -> None:
    named = {"anonymous_id_header": "X-Anonymous-Id"}
    site = open_site(write_keys=["wk"], middleware=named)
    said = {"event": "Opened", "userId": "u-1", "writeKey": "wk"}
    site.post(said, headers={"X-Anonymous-Id": OTHER_DEVICE})
    event = site.event()
    assert (event["anonymousId"], event["userId"]) == (OTHER_DEVICE, None)


@pytest.mark.parametrize("where", ["header", "body", "query"])
def test_a_key_is_found_wherever_sdks_put_it(open_site: Sites, where: str) -> None:
    site = open_site(secret_keys=[SECRET])
    said = {**MANY, "writeKey": SECRET} if where == "body" else MANY
    headers = {"Authorization": f"Bearer {SECRET}"} if where == "header" else {}
    path = f"/v1/batch?writeKey={SECRET}" if where == "query" else "/v1/batch"
    assert site.post(said, path, headers).status_code == 200
    assert len(site.events()) == 3


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic d3Jvbmc6"}])
def test_without_a_key_nobody_but_a_browser_posts(
    open_site: Sites, headers: dict[str, str]
) -> None:
    site = open_site(secret_keys=[SECRET], write_keys=["wk"])
    answer = site.post(TRACK, headers=headers)
    assert (answer.status_code, answer.content) == (401, REFUSED)
    assert site.events() == []


@pytest.mark.parametrize("path", ["/v1/t", "/v1/batch"])
def test_another_site_cannot_post_with_our_cookies(open_site: Sites, path: str) -> None:
    site = open_site(secret_keys=[SECRET], write_keys=["wk"], origins=[PARTNER])
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = site.post({**TRACK, "writeKey": "wk"}, path, evil)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"
    assert site.events() == []


def test_a_listed_page_posts_and_reads_the_answer(open_site: Sites) -> None:
    site = open_site(origins=[PARTNER.upper() + ":443"])
    theirs = {"Origin": PARTNER, "Sec-Fetch-Site": "cross-site"}
    asked = {**theirs, "Access-Control-Request-Headers": "authorization"}
    allowed = site.client.options("/v1/t", headers=asked)
    assert (allowed.status_code, allowed.content) == (204, b"")
    assert allowed.headers["access-control-allow-origin"] == PARTNER
    assert allowed.headers["access-control-allow-headers"] == "authorization"
    answer = site.post({**TRACK, "userId": "u-1"}, headers=theirs)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert site.event()["userId"] is None


def test_a_question_beforehand_does_nothing(open_site: Sites) -> None:
    site = open_site(origins=[PARTNER])
    answer = site.client.options("/v1/t", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 204
    assert not {name for name in answer.headers if name.startswith("access-control")}
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/t", 405),
        ("PUT", "/v1/batch", 405),
        ("POST", "/v1/x", 404),
        ("GET", "/v1/", 404),
    ],
)
def test_other_methods_and_paths(open_site: Sites, method: str, path: str, status: int) -> None:
    answer = open_site().client.request(method, path, headers=PAGE)
    assert answer.status_code == status
    assert ("POST" in answer.headers.get("allow", "")) is (status == 405)


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", {}, 400),
        (b'{"event":"' + b"x" * 32_768 + b'"}', {}, 400),
        (gzip.compress(b"0" * 50_000_000), {"Content-Encoding": "gzip"}, 400),
        (b"{}", {"Content-Encoding": "br"}, 415),
        (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_what_cannot_be_taken_is_the_clients_fault(
    open_site: Sites, content: bytes, headers: dict[str, str], status: int
) -> None:
    site = open_site()
    answer = site.post(content, headers={**PAGE, **headers})
    assert (answer.status_code, answer.content) == (status, REFUSED)
    assert site.events() == []


def test_a_packed_batch_is_taken(open_site: Sites) -> None:
    site = open_site()
    packed = gzip.compress(json.dumps({"batch": [{**TRACK, "type": "track"}]}).encode())
    assert site.post(packed, "/v1/b", {**PAGE, "Content-Encoding": "gzip"}).status_code == 200
    site.event()


def test_one_event_that_is_too_long_costs_the_others_nothing(open_site: Sites) -> None:
    site = open_site()
    long = {**TRACK, "type": "track", "messageId": "m-2", "properties": {"x": "y" * 33_000}}
    assert site.post({"batch": [long, {**TRACK, "type": "track"}]}, "/v1/b").status_code == 200
    assert site.event()["messageId"] == "m-1"
    assert site.analytics.stats().dropped == {"oversized": 1}


@pytest.mark.parametrize("depth", [80, 900])
def test_one_event_that_is_too_deep_costs_the_others_nothing(open_site: Sites, depth: int) -> None:
    site = open_site()
    inner = '{"a":' * depth + "1" + "}" * depth
    deep = f'{{"type":"track","event":"E","anonymousId":"{DEVICE}","properties":{inner}}}'
    flat = json.dumps({**TRACK, "type": "track"})
    assert site.post(f'{{"batch":[{deep},{flat}]}}'.encode(), "/v1/b").status_code == 200
    assert site.event()["messageId"] == "m-1"
    assert site.analytics.stats().dropped == {"invalid": 1}


def test_metrics_of_analytics_js_are_answered(open_site: Sites) -> None:
    site = open_site()
    assert site.post({"series": []}, "/v1/m").status_code == 200
    assert site.events() == []


def test_a_client_that_floods_is_told_when_to_come_back(open_site: Sites) -> None:
    site = open_site(rate=0.5, origins=[PARTNER])
    site.write(ajs_anonymous_id=DEVICE)
    theirs = {"Origin": PARTNER}
    answers = [site.post({**TRACK, "messageId": f"m-{n}"}, headers=theirs) for n in range(20)]
    taken = [each for each in answers if each.status_code == 200]
    refused = [each for each in answers if each.status_code == 429]
    assert len(taken) + len(refused) == 20
    assert len(taken) >= 2
    assert {each.headers["retry-after"] for each in refused} <= {"1", "2"}
    assert {each.headers["access-control-expose-headers"] for each in refused} == {"Retry-After"}
    assert len(site.events()) == len(taken)


def test_a_server_with_a_secret_is_not_slowed_down(open_site: Sites) -> None:
    site = open_site(rate=1.0, secret_keys=[SECRET])
    codes = {
        site.client.post("/v1/batch", json=MANY, auth=(SECRET, "")).status_code for _ in range(30)
    }
    assert codes == {200}


def test_counts_add_up(open_site: Sites) -> None:
    site = open_site()
    said = [{**TRACK, "type": "track"}, {**TRACK, "type": "track"}, None, {"type": "track"}]
    site.post({"batch": said}, "/v1/b")
    site.events()
    stats = site.analytics.stats()
    assert (stats.accepted, stats.delivered, stats.pending) == (4, 1, 0)
    assert stats.dropped == {"duplicate": 1, "invalid": 2}
    assert stats.faults == {}


def test_without_the_middleware_a_page_is_a_device(open_site: Sites) -> None:
    site = open_site(identity=False)
    site.write(ajs_anonymous_id=OTHER_DEVICE)
    assert site.post({**TRACK, "userId": "u-1"}).status_code == 200
    event = site.event()
    assert (event["anonymousId"], event["userId"]) == (DEVICE, None)
    assert event["context"]["ip"] == "203.0.113.0"


def test_nothing_a_client_does_is_in_the_log(
    open_site: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    site = open_site(secret_keys=[SECRET])
    long = {**TRACK, "type": "track", "properties": {"x": "y" * 33_000}}
    site.post({"batch": [long, None, {"type": "track"}]}, "/v1/b")
    site.post(b"{")
    site.post(TRACK, headers=NO_BROWSER)
    ours = [each for each in caplog.records if each.name.startswith("segment_identity")]
    assert [each.getMessage() for each in ours] == []


class Broken:
    """An app's own function that raises."""

    def __call__(self, message: Any) -> Any:
        raise RuntimeError("broken")


def test_an_error_of_ours_is_counted_and_the_client_need_not_send_again(
    open_site: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = open_site()
    monkeypatch.setattr(site.analytics, "passed", Broken())
    assert site.post(TRACK).status_code == 200
    assert site.analytics.stats().dropped == {"failed": 1}
    assert site.analytics.stats().faults == {"ingest": 1}


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"write_keys": "wk"}, "write_keys was given str; want a list"),
        ({"write_keys": [7]}, "write_keys was given int"),
        ({"write_keys": ["a b"]}, "want texts without blanks"),
        ({"secret_keys": ["short"]}, "secret_keys was given one of 5 characters"),
        ({"secret_keys": [""]}, "secret_keys was given an empty one"),
        ({"secret_keys": [SECRET], "write_keys": [SECRET]}, "share a key"),
        ({"origins": "https://a.example"}, "origins was given str"),
        ({"origins": ["*"]}, "want scheme, host"),
        ({"origins": ["null"]}, "want scheme, host"),
        ({"origins": ["https://a.example/"]}, "and nothing after"),
        ({"origins": ["a.example"]}, "want scheme, host"),
        ({"rate": 0}, "rate was given 0"),
        ({"key": "x"}, "TrackingAPI has no option 'key'"),
    ],
    ids=repr,
)
def test_a_mistake_in_an_option_is_told(options: dict[str, Any], wanted: str) -> None:
    with (
        Analytics("memory:") as analytics,
        pytest.raises(ConfigurationError, match=wanted.replace("'", ".")),
    ):
        TrackingAPI(analytics, **options)


def test_something_else_than_an_analytics_is_told() -> None:
    with pytest.raises(ConfigurationError, match="was given str; want an Analytics"):
        TrackingAPI("sqlite:///x.db")  # type: ignore[arg-type]


def test_no_key_is_ever_shown(open_site: Sites) -> None:
    with Analytics("memory:") as analytics:
        assert (
            repr(TrackingAPI(analytics, secret_keys=[SECRET])) == "TrackingAPI(Analytics(memory))"
        )


def test_others_have_a_turn_while_a_large_batch_is_taken(open_site: Sites) -> None:
    site = open_site()
    said = [{**TRACK, "type": "track", "messageId": f"m-{number}"} for number in range(2_000)]
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def post() -> None:
        counting = asyncio.create_task(count_turns())
        await exchange(site.client.app, scope, [{"type": "http.request", "body": body}])
        counting.cancel()

    body = json.dumps({"batch": said}).encode()
    scope = http_scope("/v1/b", [(b"sec-fetch-site", b"same-origin")], method="POST")
    asyncio.run(post())
    assert turns >= 10
    assert len(site.events()) == 2_000
