"""Nobody becomes somebody else in the profiles by what a stranger sends, by whatever way.

Mallory knows the user ids of Ada and Bob, which stand in addresses of many apps, and the write key,
which is in every page. What is tried here joins persons if it is believed: the last test shows so.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from segment_identity import Analytics, IdentityMiddleware
from segment_identity.browser import TrackingAPI, snippet
from segment_identity.profile import Profile
from segment_identity.warehouse import Profiles

from .support import DOCUMENT, HOST, KEY, OURS, PAGE, SECRET

ADA: Final = "ada-4711-0001"
BOB: Final = "bob-4711-0002"
MALLORY: Final = "mallory-4711-0003"
WRITE_KEY: Final = "public-key"
HEADER: Final = "X-Device-Id"
FORGED: Final = "eyJhIjoxfQ.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

Message = dict[str, Any]


def home(request: Request) -> Response:
    return HTMLResponse(f"<title>Home</title>{snippet(request, write_key=WRITE_KEY)}")


def log_in(request: Request) -> Response:
    request.state.identity.identify(request.query_params["user"], {"plan": "free"})
    return PlainTextResponse("welcome")


def log_in_with_alias(request: Request) -> Response:
    """As Mixpanel wanted it: with what the browser is called by until now."""
    request.state.identity.alias(request.query_params["user"])
    return log_in(request)


def subscribe(request: Request) -> Response:
    request.state.identity.identify(traits={"email": "mallory@evil.example"})
    return PlainTextResponse("subscribed")


class Shop:
    """An app with all that takes something from outside, and a warehouse."""

    def __init__(self, analytics: Analytics, url: str) -> None:
        self.analytics = analytics
        self._url = url
        self.app = Starlette(
            routes=[
                Route("/", home),
                Route("/log-in", log_in, methods=["POST"]),
                Route("/log-in-with-alias", log_in_with_alias, methods=["POST"]),
                Route("/newsletter", subscribe, methods=["POST"]),
                Mount(
                    "/v1",
                    TrackingAPI(analytics, write_keys=[WRITE_KEY], secret_keys=[SECRET], rate=None),
                ),
            ],
            middleware=[
                Middleware(
                    IdentityMiddleware,
                    secret_key=KEY,
                    analytics=analytics,
                    anonymous_id_header=HEADER,
                )
            ],
        )

    def visitor(self) -> TestClient:
        """Return a browser without cookies."""
        return TestClient(self.app, OURS)

    def person(self, user_id: str) -> Profile | None:
        """Return what the warehouse knows of a user, but for the calls."""
        assert self.analytics.flush(20)
        with Profiles(self._url) as profiles:
            return profiles.whois(user_id, limit=0)

    def victims(self) -> list[Profile | None]:
        return [self.person(ADA), self.person(BOB)]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    url = f"sqlite:///{tmp_path / 'analytics.db'}"
    with Analytics(url, shutdown_timeout=20) as analytics:
        made = Shop(analytics, url)
        for user in (ADA, BOB):
            browser = made.visitor()
            browser.get("/", headers=DOCUMENT)
            browser.post(f"/log-in?user={user}", headers=DOCUMENT)
        yield made


def keyed(key: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"}


def messages(own: str) -> list[Message]:
    """Return what would join persons, from somebody whose device is *own*."""
    both = {"anonymousId": own, "userId": MALLORY}
    return [
        {"type": "alias", "userId": ADA, "previousId": BOB},
        {"type": "alias", "userId": ADA, "previousId": own, "anonymousId": own},
        {"type": "alias", "previousId": ADA, **both},
        {"type": "alias", "userId": ADA, "previousId": MALLORY, "anonymousId": own},
        {"type": "alias", "userId": ADA, "previousId": own, "anonymousId": ADA},
        {"type": "alias", "userId": MALLORY, "previousId": ADA, "anonymousId": ADA},
        {"type": "identify", "userId": ADA, "anonymousId": own, "traits": {"plan": "evil"}},
        {"type": "identify", "userId": ADA, "anonymousId": BOB, "traits": {"plan": "evil"}},
        {"type": "identify", "anonymousId": ADA, "traits": {"plan": "evil"}},
        {"type": "track", "event": "Seen", "userId": ADA, "anonymousId": own},
        {
            "type": "identify",
            "traits": {"plan": "evil"},
            "context": {
                "traits": {"userId": ADA},
                "externalIds": [{"id": ADA, "type": "user_id", "collection": "users"}],
                "unverified": {},
            },
            **both,
        },
    ]


PATHS: Final[Mapping[str, list[str]]] = {
    "alias": ["/v1/a", "/v1/alias"],
    "identify": ["/v1/i", "/v1/identify"],
    "track": ["/v1/t", "/v1/track"],
}
BATCHES: Final = ["/v1/b", "/v1/batch", "/v1/import"]
# What they send besides the message: headers, the query, and what the body says for all.
ASKED: Final[Mapping[str, tuple[dict[str, str], str, Message]]] = {
    "a page": (PAGE, "", {}),
    "a page with a secret key of its own": ({**PAGE, **keyed(SECRET)}, "", {}),
    "an app": (keyed(WRITE_KEY), "", {}),
    "an app that names its device": ({**keyed(WRITE_KEY), HEADER: ADA}, "", {}),
    "a beacon": ({}, f"?writeKey={WRITE_KEY}&userId={ADA}&previousId={BOB}", {}),
    "a script": ({}, "", {"writeKey": WRITE_KEY, "userId": ADA, "context": {"userId": ADA}}),
}


def posted(message: Message, more: Message) -> Iterator[tuple[str, Message]]:
    """Yield the paths that take *message*, with what is sent there."""
    for path in PATHS[message["type"]]:
        yield path, {**more, **message}
    for path in BATCHES:
        yield path, {**more, "batch": [message]}


@pytest.mark.parametrize("is_member", [False, True])
@pytest.mark.parametrize("asked", ASKED)
def test_no_post_makes_one_person_of_two(shop: Shop, asked: str, is_member: bool) -> None:
    before, (headers, query, more) = shop.victims(), ASKED[asked]
    mallory = shop.visitor()
    if "page" in asked:
        mallory.get("/", headers=DOCUMENT)
    if is_member:
        mallory.post(f"/log-in?user={MALLORY}", headers=DOCUMENT)
    own = mallory.cookies.get("ajs_anonymous_id") or "mallorys-device"
    for message in messages(own):
        for path, said in posted(message, more):
            answer = mallory.post(f"{path}{query}", content=json.dumps(said), headers=headers)
            assert answer.status_code == 200
        assert shop.victims() == before, message


def called(browser: TestClient, **cookies: str) -> None:
    """Write cookies as a script does."""
    for name, value in cookies.items():
        browser.cookies.set(name, value, domain=HOST, path="/")


def by_a_users_id(browser: TestClient) -> None:
    """The browser says that its anonymousId is Ada's user id."""
    called(browser, ajs_anonymous_id=ADA)


def by_a_users_id_all_along(browser: TestClient) -> None:
    """The browser says that it had that anonymousId before the one the server just made."""
    browser.get("/", headers=DOCUMENT)
    made = browser.cookies["ajs_anonymous_id"]
    called(browser, ajs_anonymous_id=ADA, ajs_sync=json.dumps({"replaced": made}))


def as_a_user(browser: TestClient) -> None:
    """The browser says that Ada is logged in."""
    browser.get("/", headers=DOCUMENT)
    called(browser, ajs_user_id=ADA)


def as_a_user_of_another_device(browser: TestClient) -> None:
    called(browser, ajs_user_id=ADA, ajs_anonymous_id=BOB, ajs_group_id=ADA)


def as_the_server_would_tell(browser: TestClient) -> None:
    """A marker says that the server made the visitor Ada."""
    browser.get("/", headers=DOCUMENT)
    told = {"anonymousId": ADA, "userId": ADA, "groupId": None, "settled": True}
    called(browser, ajs_sync=json.dumps(told), ajs_user_id=ADA)


def by_cookies_that_nobody_signed(browser: TestClient) -> None:
    said = base64.urlsafe_b64encode(json.dumps([1, ADA, ADA, None, 1, 2, "n"]).encode()).decode()
    for name in ("ajs_identity", "__Host-ajs_identity", "ajs_pending", "__Host-ajs_pending"):
        called(browser, **{name: f"{said.rstrip('=')}.{FORGED.partition('.')[2]}"})
    answer = browser.get("/", headers=DOCUMENT)
    assert ADA not in answer.text


def by_the_address(browser: TestClient) -> None:
    """What Analytics.js takes from an address, if it is let."""
    asked = f"/?ajs_uid={ADA}&ajs_aid={ADA}&ajs_event=Seen&ajs_trait_plan=evil&userId={ADA}"
    answer = browser.get(asked, headers=DOCUMENT)
    assert answer.status_code == 200
    assert '"useQueryString":false' in answer.text


def by_the_header_of_an_app(browser: TestClient) -> None:
    browser.headers[HEADER] = ADA


ACTS: Final[list[Callable[[TestClient], None]]] = [
    by_a_users_id,
    by_a_users_id_all_along,
    as_a_user,
    as_a_user_of_another_device,
    as_the_server_would_tell,
    by_cookies_that_nobody_signed,
    by_the_address,
    by_the_header_of_an_app,
]


@pytest.mark.parametrize("log_in", ["/log-in", "/log-in-with-alias"])
@pytest.mark.parametrize("act", ACTS)
def test_no_name_a_browser_gives_itself_makes_it_somebody_else(
    shop: Shop, act: Callable[[TestClient], None], log_in: str
) -> None:
    before = shop.victims()
    mallory = shop.visitor()
    act(mallory)
    mallory.get("/", headers=DOCUMENT)
    mallory.post("/newsletter", headers=DOCUMENT)
    assert shop.victims() == before, "anonymous"
    mallory.post(f"{log_in}?user={MALLORY}", headers=DOCUMENT)
    assert shop.victims() == before, "logged in"
    own = mallory.cookies.get("ajs_anonymous_id") or ADA
    said = {"userId": MALLORY, "previousId": own, "anonymousId": own}
    mallory.post("/v1/a", content=json.dumps(said), headers=PAGE)
    assert shop.victims() == before, "by an alias that is taken, as both ids are her own"
    mallorys = shop.person(MALLORY)
    assert mallorys is not None
    assert mallorys.user_ids == [MALLORY]


def test_who_has_somebodys_anonymous_id_stays_another_person(shop: Shop) -> None:
    before = shop.person(ADA)
    assert before is not None
    mallory = shop.visitor()
    called(mallory, ajs_anonymous_id=before.anonymous_ids[0])
    mallory.get("/", headers=DOCUMENT)
    mallory.post(f"/log-in-with-alias?user={MALLORY}", headers=DOCUMENT)
    assert shop.person(ADA) == before
    mallorys = shop.person(MALLORY)
    assert mallorys is not None
    assert (mallorys.user_ids, mallorys.anonymous_ids) == ([MALLORY], [])


def test_what_is_tried_here_joins_persons_if_a_server_says_it(shop: Shop) -> None:
    shop.visitor().post("/v1/a", content=json.dumps(messages("x")[0]), headers=keyed(SECRET))
    ada = shop.person(ADA)
    assert ada is not None
    assert ada.user_ids == [ADA, BOB]
