"""The types of the public surface, checked by mypy and never run.

A change that breaks somebody's annotations breaks these first.
"""

import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, assert_type
from uuid import UUID

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from segment_identity import (
    Account,
    ActingAs,
    Analytics,
    Attribution,
    Destination,
    Fault,
    Identity,
    IdentityMiddleware,
    Stats,
    Touch,
    __version__,
    get_identity,
)
from segment_identity.browser import Markup, TrackingAPI, bridge, snippet
from segment_identity.destinations import AliasFirst, Console, Memory
from segment_identity.erasing import Erased
from segment_identity.fastapi import CurrentIdentity
from segment_identity.messages import Message
from segment_identity.past_sessions import PastSession
from segment_identity.profile import Call, Profile
from segment_identity.tailing import tail
from segment_identity.testing import Captured, capture
from segment_identity.warehouse import Profiles, Projection, Warehouse
from segment_identity.warehouse.export import Exported, export_events, export_parquet
from segment_identity.warehouse.months import Mtu
from segment_identity.warehouse.stitch import Stitched


def what_an_identity_tells(identity: Identity) -> None:
    assert_type(identity.anonymous_id, str)
    assert_type(identity.user_id, str | None)
    assert_type(identity.user_id_hint, str | None)
    assert_type(identity.group_id, str | None)
    assert_type(identity.traits, dict[str, Any])
    assert_type(identity.group_traits, dict[str, Any])
    assert_type(identity.is_new, bool)
    assert_type(identity.is_provisional, bool)
    assert_type(identity.is_ambiguous, bool)
    assert_type(identity.gpc, bool)
    assert_type(identity.consent, bool | Mapping[str, bool] | None)
    assert_type(identity.session_id, int | None)
    assert_type(identity.attribution, Attribution | None)
    assert_type(identity.to_dict(), dict[str, Any])


def what_an_attribution_tells(known: Attribution) -> None:
    assert_type(known.first, Touch)
    assert_type(known.last, Touch)
    assert_type(known.last.time, int)
    assert_type(known.last.campaign, Mapping[str, str])
    assert_type(known.last.referrer, str | None)
    assert_type(known.last.landing_page, str | None)
    assert_type(known.last.click_id, str | None)
    assert_type(known.last.click_type, str | None)
    assert_type(known.last.is_direct, bool)


def what_the_verbs_take(identity: Identity, now: datetime, traits: Mapping[str, object]) -> None:
    identity.identify("u-1")
    identity.identify(7, {"plan": "premium"})
    identity.identify(traits=traits)
    identity.track("Signed Up")
    identity.track("Signed Up", traits, timestamp=now, message_id="m-1")
    identity.page()
    identity.page("Home", {"a": 1}, category="Docs", context={"ip": None})
    identity.screen("Home", category=None)
    identity.group("acme", {"size": 9}, integrations={"All": False})
    identity.group(7)
    identity.alias("u-2", "u-1", anonymous_id="abcdefgh")
    identity.track("Signed Up", traits, browser=True)
    identity.identify("u-1", browser=True)
    identity.reset()
    identity.reset(keep_device=True)
    identity.set_anonymous_id("abcdefgh")
    identity.opt_out()
    identity.opt_in()


def what_ids_may_be(identity: Identity, analytics: Analytics, events: Captured, id: UUID) -> None:
    for each in (id, 7, "u-1"):
        identity.identify(each)
        identity.group(each)
        identity.alias(each, each)
        identity.set_anonymous_id(each)
        identity.track("Signed Up", anonymous_id=each)
        analytics.identity(user_id=each, anonymous_id=each, group_id=each)
        events.assert_tracked("Signed Up", user_id=each, anonymous_id=each)
        events.assert_identified(each, anonymous_id=each)
        ActingAs(each, each)
    identity.alias(id, 1.5)  # type: ignore[arg-type]


def what_the_verbs_refuse(identity: Identity) -> None:
    identity.identify(1.5)  # type: ignore[arg-type]
    identity.track()  # type: ignore[call-arg]
    identity.track("Signed Up", ["plan"])  # type: ignore[arg-type]
    identity.page("Home", {}, "Docs")  # type: ignore[call-arg]
    identity.track("Signed Up", browser="yes")  # type: ignore[arg-type]
    identity.reset(True, browser=True)  # type: ignore[call-arg]
    identity.reset(True)  # type: ignore[call-arg]
    identity.track("Signed Up", timestmp=None)  # type: ignore[call-arg]
    identity.anonymous_id = "abcdefgh"  # type: ignore[misc]


def what_the_verbs_return(identity: Identity) -> list[Callable[[str], None]]:
    return [
        identity.identify,
        identity.track,
        identity.page,
        identity.screen,
        identity.group,
        identity.alias,
        identity.set_anonymous_id,
    ]


class OwnDestination:
    """What anybody may write."""

    def send(self, batch: Any, /) -> None:
        """Take a batch."""

    def close(self) -> None:
        """Release nothing."""


def what_analytics_takes(url: str) -> Analytics:
    destination: Destination = OwnDestination()
    Analytics(url, "memory:", categories={"memory": "advertising", "warehouse": ["analytics"]})
    return Analytics(url, destination, Memory(), Console(), Warehouse(url))


def what_a_warehouse_takes(url: str, own: Projection) -> list[Warehouse]:
    return [
        Warehouse(url),
        Warehouse(url, profiles="last"),
        Warehouse("postgresql://user:password@host/database"),
        Warehouse(url, profiles=None, projections=[own]),
    ]


def how_a_warehouse_is_exported(url: str, folder: Path) -> None:
    assert_type(export_parquet(url, folder), dict[str, int])
    export_parquet(url, "export", since="2026-01-01", until="2026-02-01", progress=print)
    assert_type(export_events(url, folder / "events.ndjson.gz"), Exported)
    export_events(url, sys.stdout.buffer, since="2026-01-01", stop=threading.Event())
    export_events(url)  # type: ignore[call-arg]
    export_parquet(url)  # type: ignore[call-arg]


def how_a_warehouse_is_followed(url: str) -> None:
    assert_type(tail(url), Iterator[Message])
    tail(url, last=0, types=["page"], events={"Seen"}, ids=("u-1",), every=5, follow=False)
    tail(url, waiting=print, stop=threading.Event())
    tail("http://127.0.0.1:8000/inspector", token="t0ken-of-enough-characters")
    tail(url, 10)  # type: ignore[arg-type, call-arg]


def how_an_alias_goes_first(destination: Destination, file: Path) -> Analytics:
    AliasFirst("memory:", file)  # type: ignore[call-arg]
    return Analytics(AliasFirst(destination), AliasFirst("memory:", memory=file))


def what_profiles_answer(profiles: Profiles) -> None:
    with Profiles("sqlite:///analytics.db", policy="last") as same:
        assert_type(same, Profiles)
    assert_type(profiles.whois("u-1"), Profile | None)
    assert_type(profiles.whois("u-1", limit=10), Profile | None)
    assert_type(profiles.mtu("2026-01"), Mtu)
    assert_type(profiles.mtu("2026-01").total, int)
    assert_type(profiles.sessions("u-1", gap=60), list[PastSession])
    person = profiles.whois("u-1")
    assert person is not None
    assert_type(profiles.attribution(person), Attribution | None)
    assert_type(profiles.forget("u-1", spool="spool/", scrub=False), Erased)
    assert_type(profiles.retain(395), dict[str, int])
    assert_type(profiles.stitch(), Stitched)
    profiles.stitch(again=True, progress=print, stop=threading.Event())


def what_a_profile_tells(profile: Profile, call: Call) -> None:
    assert_type(profile.user_id, str | None)
    assert_type(profile.user_ids, Sequence[str])
    assert_type(profile.anonymous_ids, Sequence[str])
    assert_type(profile.known_since, str | None)
    assert_type(profile.traits, Mapping[str, Any])
    assert_type(profile.timeline, Sequence[Call])
    assert_type(call.was_known, bool)


def what_analytics_does(analytics: Analytics) -> None:
    assert_type(analytics.flush(), bool)
    assert_type(analytics.flush(5), bool)
    assert_type(analytics.close(timeout=1.5), bool)
    assert_type(analytics.stats(), Stats)
    assert_type(analytics.identity(user_id="u-1"), Identity)
    assert_type(analytics.identity(user_id=7, traits={"a": 1}), Identity)
    assert_type(analytics.identity(user_id=7, consent={"analytics": True}), Identity)
    with analytics as same:
        assert_type(same, Analytics)


def what_the_counts_are(stats: Stats, fault: Fault) -> None:
    assert_type(stats.accepted, int)
    assert_type(stats.delivered, int)
    assert_type(stats.dropped, Mapping[str, int])
    assert_type(stats.dead_lettered, int)
    assert_type(stats.pending, int)
    assert_type(stats.faults, Mapping[str, int])
    assert_type(stats.destinations, Mapping[str, Account])
    assert_type(fault.destination, str)
    assert_type(fault.reason, str)
    assert_type(fault.events, int)
    assert_type(fault.error, BaseException | None)


def how_an_identity_is_found(
    request: Request, websocket: WebSocket, connection: HTTPConnection
) -> None:
    assert_type(get_identity(request), Identity)
    assert_type(get_identity(websocket), Identity)
    assert_type(get_identity(connection), Identity)


def what_a_page_gets(request: Request, settings: Mapping[str, Any]) -> None:
    assert_type(bridge(request), Markup)
    assert_type(bridge(request, nonce="r4nd0m"), Markup)
    assert_type(snippet(request, write_key="w"), Markup)
    snippet(
        request,
        write_key="w",
        script="/index.js",
        cdn_url="https://cdn.example.com",
        cdn_settings=settings,
        api_host="/v1",
        integrations={"All": False},
        page=False,
        nonce="n",
    )
    snippet(request)  # type: ignore[call-arg]
    text: str = snippet(request, write_key="w")
    assert text


def endpoint(identity: CurrentIdentity) -> None:
    assert_type(identity, Identity)


def signed_in_user(connection: HTTPConnection) -> tuple[str | int, Mapping[str, Any]] | None:
    return None


def user_of_a_database(connection: HTTPConnection) -> tuple[UUID, dict[str, str]] | UUID | None:
    return UUID(int=7)


def acting_user(connection: HTTPConnection) -> str | ActingAs | None:
    return ActingAs("u-1", 7, record=True)


def what_a_visitor_agreed_to(connection: HTTPConnection) -> dict[str, bool] | None:
    return {"analytics": True}


def how_the_middleware_is_added(app: FastAPI, key: str, analytics: Analytics) -> Starlette:
    app.add_middleware(IdentityMiddleware, secret_key=key, analytics=analytics)
    options: dict[str, Any] = {"secret_key": key}
    return Starlette(middleware=[Middleware(IdentityMiddleware, **options)])


def how_the_middleware_is_wrapped(app: Starlette, key: str) -> None:
    wrapped = IdentityMiddleware(
        app,
        secret_key=key,
        previous_keys=[key],
        cookie_domain="example.com",
        on_user_change="keep",
        user=signed_in_user,
        mint="always",
        remember_traits=["plan"],
        trusted_proxies=["10.0.0.0/8"],
        ip="none",
        exclude=["/health"],
        secure=True,
        anonymous_id_header="X-Anonymous-Id",
    )
    IdentityMiddleware(
        app,
        secret_key=key,
        user=acting_user,
        consent=what_a_visitor_agreed_to,
        consent_category="statistics",
        gpc=["marketing"],
        cookieless=True,
    )
    IdentityMiddleware(app, secret_key=key, user=user_of_a_database)
    IdentityMiddleware(app, secret_key=key, gpc=1)  # type: ignore[arg-type]
    IdentityMiddleware(app)  # type: ignore[call-arg]
    IdentityMiddleware(app, secret_key=key, mint="sometimes")  # type: ignore[arg-type]
    served: Callable[[Scope, Receive, Send], Awaitable[None]] = wrapped
    assert callable(served)


def how_the_ingest_is_mounted(app: FastAPI, analytics: Analytics, key: str) -> None:
    app.mount("/v1", TrackingAPI(analytics))
    app.mount(
        "/v1",
        TrackingAPI(
            analytics,
            write_keys=["wk"],
            secret_keys=[key],
            origins=["https://www.example.com"],
            rate=None,
        ),
    )
    TrackingAPI(analytics, key)  # type: ignore[call-arg]
    TrackingAPI("memory:")  # type: ignore[arg-type]


def how_tests_capture() -> None:
    manager: AbstractContextManager[Captured] = capture()
    with manager as captured:
        assert_type(captured, Captured)
        assert_type(captured.messages, list[dict[str, Any]])
        assert_type(captured.of_type("track"), list[dict[str, Any]])
        assert_type(captured.assert_tracked("Signed Up", {"plan": "pro"}, times=1), dict[str, Any])
        assert_type(captured.assert_identified("u-1"), dict[str, Any])
        assert_type(captured.assert_page("Home"), dict[str, Any])
        assert_type(iter(captured), Iterator[dict[str, Any]])
        captured.assert_nothing()


assert_type(__version__, str)
