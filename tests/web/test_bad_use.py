"""Mistakes are told at once, in words, and without quoting anybody's data."""

import copy
import datetime as dt
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from rich.pretty import pretty_repr
from starlette.applications import Starlette
from starlette.datastructures import Secret
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from segment_identity import (
    Analytics,
    ConfigurationError,
    Identity,
    IdentityMiddleware,
    InvalidCall,
    SegmentIdentityError,
    UnknownOption,
    get_identity,
)
from segment_identity.connections import visit_of
from segment_identity.destinations import Memory

from .raw import END, START, says
from .support import SECRET

APP = says(START, END)


class BrokenZone(dt.tzinfo):
    """A time zone that fails."""

    def utcoffset(self, _: dt.datetime | None) -> dt.timedelta:
        raise RuntimeError(PERSONAL)

    dst = utcoffset

    def tzname(self, _: dt.datetime | None) -> str:
        return "broken"


NOWHERE = dt.datetime(2026, 1, 31, tzinfo=BrokenZone())
PERSONAL = "ada@example.com"


def build(**options: Any) -> IdentityMiddleware:
    """Build the middleware with options of any kind."""
    return IdentityMiddleware(APP, **{"secret_key": SECRET, **options})


async def coroutine(_: object) -> str:
    """Return a user when awaited, which nobody does."""
    return "ada"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("secretkey", "did you mean 'secret_key'?"),
        ("cookie_domian", "did you mean 'cookie_domain'?"),
        ("trackpages", "did you mean 'track_pages'?"),
        ("zzz", "it has: secret_key, previous_keys, analytics"),
    ],
)
def test_misspelt_option_is_told_with_the_right_one(name: str, hint: str) -> None:
    with pytest.raises(UnknownOption) as caught:
        build(**{name: True})
    assert f"IdentityMiddleware has no option {name!r}" in str(caught.value)
    assert hint in str(caught.value)


def test_misspelt_option_of_analytics_is_told_too() -> None:
    with pytest.raises(UnknownOption, match="did you mean 'before_send'"):
        Analytics("memory:", before_sent=print)  # type: ignore[call-arg]


@pytest.mark.parametrize("app", ["app", None, 7])
def test_what_is_no_app_is_told_at_once(app: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"app was given {type(app).__name__}; want"):
        IdentityMiddleware(app, secret_key=SECRET)


def test_unknown_option_is_a_type_error_as_python_has_it() -> None:
    with pytest.raises(TypeError):
        build(colour="red")


def test_missing_secret_key_is_told() -> None:
    with pytest.raises(UnknownOption, match="needs secret_key="):
        IdentityMiddleware(APP)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "key",
    [
        None,
        "",
        b"",
        "short-Rk3vTq9w",
        "a" * 40,
        "abababababababababababab",
        "changemechangeme",
        "your-secret-key-here",
        "super-secret-key",
        "django-insecure-key",
        "1234567890123456",
        "passwordpassword1",
        42,
        12345678901234567890,
        ["Rk3vTq9w-YbN2xLm8"],
        Secret(""),
    ],
)
def test_key_that_protects_nothing_is_refused(key: Any) -> None:
    for options in ({"secret_key": key}, {"previous_keys": [key]}):
        with pytest.raises(ConfigurationError) as caught:
            build(**options)
        if isinstance(key, str) and key:
            assert key not in str(caught.value)


@pytest.mark.parametrize(
    "key", [SECRET, SECRET.encode(), Secret(SECRET), b"\xff\xfe\x00" * 9 + b"ab"]
)
def test_real_keys_of_any_kind_are_taken(key: Any) -> None:
    build(secret_key=key, previous_keys=[key])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"previous_keys": SECRET}, "previous_keys was given str; want a list of keys"),
        ({"analytics": "memory:"}, "analytics was given str; want an Analytics or None"),
        ({"cookie_domain": 7}, "cookie_domain was given int"),
        ({"cookie_domain": "https://shop.example"}, "want a host name such as 'example.com'"),
        ({"cookie_domain": "shop.example:8000"}, "without scheme, port or path"),
        ({"cookie_domain": "com"}, "want a host name"),
        ({"cookie_domain": ""}, "want a host name"),
        ({"browser": "no"}, "browser was given 'no'; want True or False"),
        ({"on_user_change": "merge"}, "want one of 'rotate', 'keep', 'refuse'"),
        ({"on_user_change": ["keep"]}, "on_user_change was given"),
        ({"mint": "sometimes"}, "want one of 'navigation', 'always', 'never'"),
        ({"ip": "half"}, "want one of 'mask', 'full', 'none'"),
        ({"remember_traits": "plan"}, "want True, False or a list of trait names"),
        ({"remember_traits": [1]}, "remember_traits was given [1]"),
        ({"track_pages": 1}, "track_pages was given 1; want True or False"),
        ({"track_bots": None}, "track_bots was given None"),
        ({"trusted_proxies": -1}, "trusted_proxies was given -1"),
        ({"trusted_proxies": True}, "trusted_proxies was given True"),
        ({"trusted_proxies": "10.0.0.0/8"}, "or a list of networks such as"),
        ({"trusted_proxies": ["10.0.0.0/99"]}, "trusted_proxies was given"),
        ({"consent": True}, "consent was given bool; want a plain function"),
        ({"consent": coroutine}, "consent was given a coroutine function; want a plain function"),
        ({"consent_category": ""}, "consent_category was given ''; want the category"),
        ({"consent_category": ["a"]}, "consent_category was given ['a']"),
        ({"gpc": "advertising"}, "want the categories it refuses, such as ['advertising']"),
        ({"gpc": [1]}, "gpc was given [1]"),
        ({"gpc": 1}, "gpc was given 1"),
        ({"cookieless": "yes"}, "cookieless was given 'yes'; want True or False"),
        ({"exclude": "/health"}, "want a list of path prefixes such as ['/health']"),
        ({"exclude": ["health"]}, "exclude was given ['health']"),
        ({"exclude": coroutine}, "exclude was given a coroutine function; want a plain function"),
        ({"attribution": "Signed Up"}, "want True, False or a list of the events"),
        ({"attribution": ["Signed Up", ""]}, "attribution was given ['Signed Up', '']"),
        ({"attribution": 1}, "attribution was given 1"),
        ({"ignored_referrers": "pay.example"}, "want a list of host names"),
        ({"ignored_referrers": ["https://pay.example/"]}, "ignored_referrers was given"),
        ({"ignored_referrers": ["com"]}, "want a list of host names such as ['example.com']"),
        ({"sessions": 0}, "sessions was given 0; want True, False or the seconds of idleness"),
        ({"sessions": -5}, "sessions was given -5"),
        ({"sessions": float("nan")}, "sessions was given nan"),
        ({"sessions": float("inf")}, "sessions was given inf"),
        ({"sessions": 10**400}, "want True, False or the seconds"),
        ({"sessions": "30m"}, "sessions was given '30m'"),
        ({"sessions": None}, "sessions was given None"),
        ({"secure": "auto"}, "secure was given 'auto'"),
        ({"user": "ada"}, "user was given str; want a plain function"),
        ({"user": coroutine}, "user was given a coroutine function; want a plain function"),
    ],
)
def test_option_of_the_wrong_kind_is_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build(**options)
    assert told in str(caught.value)


class AsyncUser:
    """Looks like a function and is a coroutine function when called."""

    async def __call__(self, _: object) -> str:
        """Return a user when awaited, which nobody does."""
        return "ada"


@pytest.mark.parametrize("option", ["user", "exclude", "consent"])
def test_object_that_is_called_as_a_coroutine_is_refused(option: str) -> None:
    with pytest.raises(ConfigurationError, match="plain function"):
        build(**{option: AsyncUser()})


@pytest.mark.parametrize("option", ["clock", "new_id"])
def test_clock_and_new_id_must_be_functions(option: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{option} was given"):
        build(**{option: 1_750_000_000})
    with pytest.raises(ConfigurationError, match=f"{option} was given"):
        Analytics("memory:", **{option: 1_750_000_000})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"before_send": "drop"}, "before_send was given str; want a plain function"),
        ({"on_error": 1}, "on_error was given int; want a plain function"),
        ({"sample": 1.5}, "sample was given 1.5; want a number from 0 to 1"),
        ({"sample": True}, "sample was given True"),
        ({"sample": "0.5"}, "sample was given '0.5'"),
        ({"sample": float("nan")}, "sample was given nan"),
        ({"max_events": 0}, "max_events was given 0; want a number above 0"),
        ({"max_bytes": "1 MB"}, "max_bytes was given '1 MB'"),
        ({"shutdown_timeout": -1}, "shutdown_timeout was given -1"),
    ],
)
def test_analytics_option_of_the_wrong_kind_is_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Analytics("memory:", **options)
    assert told in str(caught.value)


def test_analytics_needs_a_destination() -> None:
    with pytest.raises(ConfigurationError, match="no destination; want at least one"):
        Analytics()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mysql://ada:s3cret@db.example/events", "mysql:"),
        ("ftp://ada:s3cret@files.example", "ftp:"),
        ("wss://s3cretWriteKey@example.com/v1", "wss:"),
        ("s3cret.example/analytics.db", "a text without ':'"),
        ("", "a text without ':'"),
    ],
)
def test_unknown_destination_shows_its_scheme_only(url: str, shown: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Analytics(url)
    assert shown in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "example" not in str(caught.value).replace("for example", "")


@pytest.mark.parametrize("url", ["memory:s3cret", "memory://", "console:stdout", "console:///"])
def test_a_destination_that_takes_no_address_is_given_none(url: str) -> None:
    scheme = url.partition(":")[0]
    with pytest.raises(ConfigurationError, match=f"want '{scheme}:' alone") as caught:
        Analytics(url)
    assert "s3cret" not in str(caught.value)


class Half:
    """Lacks close()."""

    def send(self, batch: object, /) -> None:
        """Take a batch."""


@pytest.mark.parametrize(
    ("destination", "name"),
    [
        (Half(), "Half"),
        (None, "NoneType"),
        (Memory, "type"),
        (b"memory:", "bytes"),
        (print, "built"),
    ],
)
def test_object_that_is_no_destination_is_told(destination: Any, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Analytics(destination)
    assert name in str(caught.value)
    assert "send(batch) and close()" in str(caught.value)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        pytest.param(lambda i: i.identify(), "given nothing", id="identify-nothing"),
        pytest.param(lambda i: i.identify(1.5), "float as user_id", id="identify-float"),
        pytest.param(lambda i: i.identify(True), "bool as user_id", id="identify-bool"),
        pytest.param(lambda i: i.identify({"a": PERSONAL}), "dict as user_id", id="identify-dict"),
        pytest.param(lambda i: i.identify(""), "a blank as user_id", id="identify-empty"),
        pytest.param(lambda i: i.identify("\t "), "a blank as user_id", id="identify-blank"),
        pytest.param(lambda i: i.identify("null"), "the placeholder 'null'", id="identify-null"),
        pytest.param(lambda i: i.identify("[object Object]"), "the placeholder", id="identify-obj"),
        pytest.param(lambda i: i.identify(0), "the placeholder '0'", id="identify-zero"),
        pytest.param(lambda i: i.identify(f"a\n{PERSONAL}"), "control", id="identify-control"),
        pytest.param(lambda i: i.identify(PERSONAL * 90), "longer than", id="identify-long"),
        pytest.param(lambda i: i.identify("a", PERSONAL), "str as traits", id="identify-traits"),
        pytest.param(lambda i: i.identify("a", [PERSONAL]), "list as traits", id="identify-list"),
        pytest.param(lambda i: i.track(None), "NoneType as event", id="track-none"),
        pytest.param(lambda i: i.track(""), "a blank as event", id="track-empty"),
        pytest.param(lambda i: i.track("\0"), "a blank as event", id="track-control"),
        pytest.param(lambda i: i.track(7), "int as event", id="track-int"),
        pytest.param(lambda i: i.track("A", PERSONAL), "str as properties", id="track-str"),
        pytest.param(lambda i: i.track("A", context=PERSONAL), "str as context", id="context"),
        pytest.param(lambda i: i.track("A", integrations=[1]), "list as integrations", id="integr"),
        pytest.param(lambda i: i.track("A", timestamp=12), "int as timestamp", id="timestamp"),
        pytest.param(lambda i: i.track("A", timestamp="now"), "str as timestamp", id="now"),
        pytest.param(lambda i: i.track("A", message_id=""), "str as message_id", id="message-id"),
        pytest.param(lambda i: i.track("A", message_id="x" * 100), "1 to 99", id="long-id"),
        pytest.param(lambda i: i.track("A", anonymous_id=1.5), "float as anonymous_id", id="anon"),
        pytest.param(lambda i: i.track("A", propertys={}), "'propertys'", id="misspelt"),
        pytest.param(lambda i: i.page(7), "int as name", id="page-int"),
        pytest.param(lambda i: i.page("A", category=7), "int as category", id="page-category"),
        pytest.param(lambda i: i.page("A", "B"), "str as properties", id="page-properties"),
        pytest.param(lambda i: i.screen([]), "list as name", id="screen"),
        pytest.param(lambda i: i.group(None), "NoneType as group_id", id="group-none"),
        pytest.param(lambda i: i.group("acme", 1), "int as traits", id="group-traits"),
        pytest.param(lambda i: i.alias(None), "NoneType as user_id", id="alias-none"),
        pytest.param(lambda i: i.alias("a", 1.5), "float as previous_id", id="alias-previous"),
        pytest.param(lambda i: i.set_anonymous_id(None), "NoneType as anonymous_id", id="set-none"),
        pytest.param(lambda i: i.identify(userId="a"), "'userId'", id="identify-misspelt"),
        pytest.param(lambda i: i.reset(keep_device="no"), "str as keep_device", id="reset"),
        pytest.param(lambda i: i.track("A", timestamp=NOWHERE), "datetime as", id="bad-zone"),
        pytest.param(lambda i: i.set_anonymous_id("undefined"), "the placeholder", id="set-undef"),
    ],
)
def test_verb_says_what_it_was_given_and_wants(call: Callable[[Any], object], told: str) -> None:
    with Analytics("memory:") as analytics:
        identity = analytics.identity(anonymous_id="device-0042")
        with pytest.raises(InvalidCall) as caught:
            call(identity)
        said = str(caught.value)
        assert told in said
        assert "want" in said or "takes" in said
        assert PERSONAL not in said
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, SegmentIdentityError)
        assert (identity.user_id, identity.anonymous_id) == (None, "device-0042")
        assert analytics.stats().accepted == 0


@pytest.mark.parametrize(
    "options",
    [
        {"user_id": 1.5},
        {"anonymous_id": "null"},
        {"anonymous_id": 7.0},
        {"group_id": []},
        {"traits": "x"},
        {"group_traits": 1},
        {"context": []},
    ],
)
def test_identity_of_a_job_is_checked_too(options: dict[str, Any]) -> None:
    with Analytics("memory:") as analytics, pytest.raises(InvalidCall, match=r"identity\(\)"):
        analytics.identity(**options)


@pytest.mark.parametrize(
    "moment",
    [
        dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC),
        dt.datetime(2026, 1, 31, 12),
        "2026-01-31T12:00:00Z",
        "2026-01-31T13:00:00+01:00",
    ],
)
def test_moments_of_any_kind_are_taken(moment: Any) -> None:
    memory = Memory()
    with Analytics(memory) as analytics:
        analytics.identity(user_id="ada").track("A", timestamp=moment)
    assert memory.messages[0]["timestamp"] == "2026-01-31T12:00:00.000Z"


def test_identity_shows_nothing_of_a_person() -> None:
    def look(request: Request) -> PlainTextResponse:
        identity = get_identity(request)
        identity.identify(PERSONAL)
        visit = visit_of(identity)
        return PlainTextResponse(
            "".join(map(repr, (identity, visit))) + pretty_repr([visit, identity])
        )

    app = Starlette(routes=[Route("/", look)])
    app.add_middleware(IdentityMiddleware, secret_key=SECRET)
    shown = TestClient(app).get("/", headers={"cookie": f"own={PERSONAL}"}).text
    assert "Identity" in shown
    assert PERSONAL not in shown
    with Analytics("memory:") as analytics:
        identity: Identity = analytics.identity(user_id=PERSONAL)
        assert PERSONAL not in repr(identity) + pretty_repr(identity)
    assert SECRET not in repr(build())


@pytest.mark.parametrize("wrong", [None, "request", {"type": "http"}, 7])
def test_what_is_no_connection_is_told(wrong: Any) -> None:
    with pytest.raises(InvalidCall, match=r"get_identity\(\) was given .*; want a request"):
        get_identity(wrong)


def test_copy_of_a_handle_is_the_same_visitor_and_a_pickle_says_what_to_do() -> None:
    with Analytics("memory:") as analytics:
        identity = analytics.identity(user_id="ada")
        assert copy.copy(identity) is identity
        assert copy.deepcopy({"who": identity})["who"] is identity
        with pytest.raises(TypeError, match=r"identity.to_dict\(\)"):
            pickle.dumps(identity)


@pytest.mark.parametrize(
    "now", [None, "noon", float("nan"), float("inf"), -1.0, 1e20, dt.datetime(2026, 1, 31)]
)
def test_clock_that_tells_no_time_is_a_fault_and_no_error(now: Any) -> None:
    memory = Memory()
    with Analytics(memory, clock=lambda: now) as analytics:
        analytics.identity(user_id="ada").track("A")
        assert analytics.stats().faults["clock"] >= 1
    assert len(memory.messages) == 1
