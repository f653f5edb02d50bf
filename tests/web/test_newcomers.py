"""Whether a page looks at the identity of who comes with nothing makes no difference to them."""

import asyncio
import re
import sys
import threading
from collections.abc import Iterator
from typing import Any, Final

import pytest
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from segment_identity import Identity, IdentityMiddleware, get_identity
from segment_identity.connections import visit_of
from segment_identity.request_visit import RequestVisit

from .raw import END, START, Pairs, exchange, http_scope
from .support import DAY, SECRET
from .support import START as NOW

OPTIONS: Final[list[dict[str, Any]]] = [
    {},
    {"mint": "always"},
    {"mint": "never"},
    {"browser": False},
    {"cookie_domain": "shop.example"},
    {"secure": True},
    {"exclude": ["/"]},
    {"anonymous_id_header": "x-device"},
    {"user": lambda connection: None},
    {"track_bots": True},
    {"new_id": lambda: "an id, with a comma"},
    {"cookieless": True},
    {"consent": lambda connection: True},
    {"consent": lambda connection: None},
    {"track_pages": True},
    {"remember_traits": True},
    {"attribution": True},
    {"sessions": True},
]
REQUESTS: Final[list[Pairs]] = [
    [],
    [(b"sec-fetch-dest", b"empty"), (b"sec-fetch-mode", b"cors")],
    [(b"sec-purpose", b"prefetch")],
    [(b"user-agent", b"Examplebot/1.0")],
    [(b"cookie", b"lang=en")],
    [(b"cookie", b"ajs_optout=true")],
    [(b"x-device", b"a-phone")],
]
ANSWERS: Final[list[Message]] = [
    START,
    {**START, "headers": [(b"cache-control", b"public"), (b"content-type", b"text/html")]},
    {**START, "headers": [(b"vary", b"Accept"), (b"set-cookie", b"ajs_anonymous_id=the-apps")]},
    {**START, "status": 304},
    {"type": "http.response.start", "status": 200},
]
# An id, and what is signed, which has a nonce or the id in it.
OWN: Final = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f-]{17}"
    rb"|(?<=ajs_identity=)[^;]+|(?<=ajs_attribution=)[^;]+|(?<=ajs_session=)[^;]+"
)


async def answered(options: dict[str, Any], sent: Pairs, start: Message, *, looks: bool) -> Message:
    """Return the message that begins the answer of a page, which *looks* or does not."""

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        if looks:
            _ = get_identity(HTTPConnection(scope)).user_id
        await send(start)
        await send(END)

    app = IdentityMiddleware(page, secret_key=SECRET, clock=lambda: NOW + DAY, **options)
    return (await exchange(app, http_scope(headers=sent)))[0]


def plain(message: Message) -> list[tuple[bytes, bytes]]:
    """Return the headers of *message* without what is new in every answer."""
    return [(name, OWN.sub(b"own", value)) for name, value in message.get("headers", ())]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda each: "-".join(each) or "default")
def test_a_page_that_looks_and_one_that_does_not_answer_a_newcomer_alike(
    options: dict[str, Any],
) -> None:
    async def compare() -> None:
        for sent in REQUESTS:
            for start in ANSWERS:
                unseen = await answered(options, sent, start, looks=False)
                seen = await answered(options, sent, start, looks=True)
                assert plain(unseen) == plain(seen)

    asyncio.run(compare())


def test_a_newcomer_nobody_looked_at_is_told_an_id_that_is_known_when_it_comes_back() -> None:
    begun = asyncio.run(answered({}, [], START, looks=False))
    told = [value.partition(b";")[0] for name, value in begun["headers"] if name == b"set-cookie"]
    names = [each.partition(b"=")[0] for each in told]
    assert names == [b"ajs_identity", b"ajs_anonymous_id", b"ajs_sync"]
    again = asyncio.run(answered({}, [(b"cookie", b"; ".join(told[:2]))], START, looks=True))
    assert again["headers"] == []


def test_a_task_that_outlives_the_answer_finds_the_newcomer_that_the_browser_was_told() -> None:
    kept: list[Any] = []

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        kept.append(scope["state"]["identity"])
        await send(START)
        await send(END)

    app = IdentityMiddleware(page, secret_key=SECRET)
    begun = asyncio.run(exchange(app, http_scope()))[0]
    [identity] = kept
    told = [v for _, v in begun["headers"] if v.startswith(b"ajs_anonymous_id=")]
    assert told[0].startswith(b"ajs_anonymous_id=" + identity.anonymous_id.encode() + b";")
    assert identity.is_new
    assert not identity.is_provisional


def test_threads_that_look_while_the_answer_begins_find_whom_it_tells_of() -> None:
    for begun, identity, found in raced([]):
        [told] = [v for _, v in begun["headers"] if v.startswith(b"ajs_anonymous_id=")]
        assert told.startswith(b"ajs_anonymous_id=" + found[0].encode() + b";")
        assert found[0] == found[1]
        assert not identity.is_provisional


def test_threads_that_look_while_a_known_visitor_is_answered_know_that_it_was() -> None:
    begun = asyncio.run(answered({}, [], START, looks=False))
    told = [value.partition(b";")[0] for name, value in begun["headers"] if name == b"set-cookie"]
    for again, identity, found in raced([(b"cookie", b"; ".join(told[:2]))]):
        assert again["headers"] == []
        assert found == [told[1].partition(b"=")[2].decode()] * 2
        visit = visit_of(identity)
        assert isinstance(visit, RequestVisit)
        assert visit.answered


def raced(sent: Pairs) -> Iterator[tuple[Message, Identity, list[str]]]:
    """Yield answers that began while two threads looked, the identity, and what they found."""
    kept: list[Identity] = []
    found: list[str] = []

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        identity = get_identity(HTTPConnection(scope))
        kept.append(identity)
        together = threading.Barrier(3)

        def look() -> None:
            together.wait()
            found.append(identity.anonymous_id)

        threads = [threading.Thread(target=look) for _ in range(2)]
        for each in threads:
            each.start()
        together.wait()
        await send(START)
        await send(END)
        for each in threads:
            each.join()

    app = IdentityMiddleware(page, secret_key=SECRET, clock=lambda: NOW + DAY)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(300):
            found.clear()
            begun = asyncio.run(exchange(app, http_scope(headers=sent)))[0]
            yield begun, kept.pop(), found
    finally:
        sys.setswitchinterval(before)


def test_an_app_is_shown_nothing_but_the_documented_names() -> None:
    names: list[str] = []

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        names.extend(each for each in dir(scope["state"]["identity"]) if not each.startswith("_"))
        await send(START)
        await send(END)

    asyncio.run(exchange(IdentityMiddleware(page, secret_key=SECRET), http_scope()))
    assert names == [each for each in dir(Identity) if not each.startswith("_")]
