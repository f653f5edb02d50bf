"""What a message says of the request it was made in, and what is remembered between requests."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.responses import JSONResponse

from segment_identity import Identity

from .support import Acts, Sites

ACTS: Acts = {
    "/track": lambda identity: identity.track("Clicked"),
    "/free": lambda identity: identity.identify("ada", {"plan": "free", "email": "a@example.com"}),
    "/gold": lambda identity: identity.identify(traits={"plan": "gold"}),
    "/bob": lambda identity: identity.identify("bob"),
    "/out": lambda identity: identity.reset(),
    "/group": lambda identity: identity.group("acme", {"size": 7}),
    "/huge": lambda identity: identity.identify(traits={"bio": "x" * 5_000, "age": 36}),
}
FORWARDED = {"X_Forwarded_For": "198.51.100.23, 192.0.2.99", "X_Forwarded_Proto": "https"}


def test_message_has_every_common_field(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.go("/track", User_Agent="Mozilla/5.0 (X11)", Accept_Language="de-AT, en;q=0.5")
    (event,) = site.events()
    assert event["timestamp"] == event["originalTimestamp"] == "2025-06-15T15:06:40.000Z"
    uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert re.fullmatch(f"1750000000000-{uuid}", event["messageId"])
    assert event["integrations"] == {}
    context = event["context"]
    assert context["userAgent"] == "Mozilla/5.0 (X11)"
    assert context["locale"] == "de-AT"
    assert context["library"]["name"] == "segment_identity"
    assert context["page"]["url"] == "http://www.shop.example/track"


def test_call_of_a_script_happened_on_its_page(open_site: Sites) -> None:
    site = open_site(ACTS)
    site.fetch("/track", Referer="http://www.shop.example/basket?step=2")
    page = site.events()[0]["context"]["page"]
    assert (page["path"], page["search"]) == ("/basket", "?step=2")


def test_call_can_say_more(open_site: Sites) -> None:
    def act(identity: Identity) -> None:
        identity.track(
            "Clicked",
            context={"page": {"title": "Home"}, "app": {"name": "shop"}},
            integrations={"All": False},
            timestamp="2020-01-01T00:00:00Z",
            message_id="m-1",
        )

    site = open_site({"/": act})
    site.go()
    (event,) = site.events()
    assert event["context"]["page"]["title"] == "Home"
    assert event["context"]["page"]["path"] == "/"
    assert event["context"]["app"] == {"name": "shop"}
    assert event["integrations"] == {"All": False}
    assert (event["timestamp"], event["messageId"]) == ("2020-01-01T00:00:00.000Z", "m-1")


@pytest.mark.parametrize("verb", ["track", "page", "screen", "identify", "group", "alias"])
@pytest.mark.parametrize("context", [{"page": "home"}, {"page": None}, {"library": 1}, {"ip": []}])
def test_odd_context_of_a_call_breaks_nothing(
    open_site: Sites, verb: str, context: dict[str, Any]
) -> None:
    site = open_site({"/": lambda identity: getattr(identity, verb)("some-name", context=context)})
    assert site.go().status_code == 200
    assert len(site.events(verb)) == 1


def test_arguments_are_copied_at_the_call(open_site: Sites) -> None:
    def act(identity: Identity) -> None:
        basket = {"items": ["pen"]}
        identity.track("Bought", basket)
        basket["items"].append("ink")

    site = open_site({"/": act})
    site.go()
    assert site.events()[0]["properties"] == {"items": ["pen"]}


def test_value_that_json_has_no_word_for_becomes_null(open_site: Sites) -> None:
    site = open_site({"/": lambda identity: identity.track("Seen", {"a": object(), "b": 1})})
    site.go()
    assert site.events()[0]["properties"] == {"a": None, "b": 1}
    assert site.faults() == {"json": 1}


@pytest.mark.parametrize(
    ("peer", "policy", "shown"),
    [
        ("203.0.113.77", "mask", "203.0.113.0"),
        ("203.0.113.77", "full", "203.0.113.77"),
        ("203.0.113.77", "none", None),
        ("2001:db8:1:2:3::4", "mask", "2001:db8:1::"),
        ("unix:", "full", None),
    ],
)
def test_ip_address(open_site: Sites, peer: str, policy: str, shown: str | None) -> None:
    site = open_site(ACTS, peer=peer, ip=policy)
    site.go("/track")
    assert site.events()[0]["context"].get("ip") == shown


@pytest.mark.parametrize(
    ("trusted", "shown"),
    [
        (0, "203.0.113.77"),
        (1, "192.0.2.99"),
        (2, "198.51.100.23"),
        (9, "198.51.100.23"),
        (["203.0.113.0/24"], "192.0.2.99"),
        (["203.0.113.0/24", "192.0.2.0/24"], "198.51.100.23"),
        (["10.0.0.0/8"], "203.0.113.77"),
    ],
)
def test_proxies_are_believed_as_far_as_they_are_trusted(
    open_site: Sites, trusted: Any, shown: str
) -> None:
    site = open_site(ACTS, trusted_proxies=trusted, ip="full")
    site.go("/track", **FORWARDED)
    assert site.events()[0]["context"]["ip"] == shown


@pytest.mark.parametrize(
    ("trusted", "is_secure"),
    [(0, False), (1, True), (["203.0.113.0/24"], True), (["10.0.0.0/8"], False)],
)
def test_scheme_is_believed_from_trusted_proxies_only(
    open_site: Sites, trusted: Any, is_secure: bool
) -> None:
    site = open_site(ACTS, trusted_proxies=trusted)
    answer = site.go("/track", **FORWARDED)
    lines = answer.headers.get_list("set-cookie")
    assert all("; Secure" in line for line in lines) is is_secure
    assert any(line.startswith("__Host-ajs_identity=") for line in lines) is is_secure


def traits_after(open_site: Sites, paths: list[str], **options: Any) -> Any:
    """Return the traits that the next request reads."""
    acts = {**ACTS, "/read": lambda identity: JSONResponse(identity.traits)}
    site = open_site(acts, **options)
    for path in paths:
        site.go(path)
    return site.fetch("/read").json()


@pytest.mark.parametrize(
    ("remember", "paths", "traits"),
    [
        (False, ["/free"], {}),
        (True, ["/free"], {"plan": "free", "email": "a@example.com"}),
        (True, ["/free", "/gold"], {"plan": "gold", "email": "a@example.com"}),
        (["plan"], ["/free"], {"plan": "free"}),
        (["plan"], ["/free", "/gold"], {"plan": "gold"}),
        (True, ["/free", "/bob"], {}),
        (True, ["/free", "/out"], {}),
        (True, ["/huge"], {"age": 36}),
    ],
)
def test_traits_are_remembered_as_asked(
    open_site: Sites, remember: Any, paths: list[str], traits: dict[str, Any]
) -> None:
    assert traits_after(open_site, paths, remember_traits=remember) == traits


def test_remembered_traits_are_told_with_every_identify(open_site: Sites) -> None:
    site = open_site(ACTS, remember_traits=["plan"])
    site.go("/free")
    site.go("/gold")
    last = site.events("identify")[-1]
    assert (last["userId"], last["traits"]) == ("ada", {"plan": "gold"})


@pytest.mark.parametrize("read", [lambda i: i.traits, lambda i: i.to_dict()["traits"]])
def test_what_is_done_to_traits_that_were_read_reaches_nobody(
    open_site: Sites, read: Callable[[Identity], Any]
) -> None:
    given = {"address": {"city": "Berlin"}}
    site = open_site(
        {
            "/join": lambda identity: identity.identify("ada", given),
            "/spoil": lambda identity: read(identity)["address"].update(city="Nowhere"),
        },
        remember_traits=True,
    )
    site.go("/join")
    site.go()
    site.fetch("/spoil")
    assert site.who()["traits"] == given


def test_traits_are_never_told_to_scripts(open_site: Sites) -> None:
    site = open_site(ACTS, remember_traits=True)
    answer = site.go("/free")
    plain = [line for line in answer.headers.get_list("set-cookie") if "HttpOnly" not in line]
    assert plain
    assert not any("example.com" in line for line in plain)


def test_traits_that_do_not_fit_are_told_once(
    open_site: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(ACTS, remember_traits=True)
    site.go("/huge")
    site.go("/huge")
    assert len(caplog.records) == 1
    assert "1024 bytes" in caplog.text
    assert site.events("identify")[0]["traits"]["bio"] == "x" * 5_000


def test_group_traits_are_remembered(open_site: Sites) -> None:
    site = open_site(ACTS, remember_traits=True)
    site.go("/group")
    assert site.who()["group_traits"] == {"size": 7}


def test_e_mail_as_user_id_works_and_is_advised_against_once(
    open_site: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site({"/": lambda identity: identity.identify("ada@example.com")})
    site.go()
    site.go()
    assert site.who()["user_id"] == "ada@example.com"
    assert len(caplog.records) == 1
    assert "ada" not in caplog.text


def test_without_analytics_identity_works_and_a_verb_says_once_that_it_goes_nowhere(
    open_site: Sites, caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(ACTS, analytics=None)
    site.go("/free")
    site.go("/track")
    assert site.who()["user_id"] == "ada"
    assert len(caplog.records) == 1
    assert "no analytics=" in caplog.text
