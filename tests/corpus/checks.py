"""What each `expect` key of the corpus means, and the invariants that hold for every input."""

import json
import re
from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Final

from segment_identity.signing import MemorySigner

from .drive import KEY_NEW, Visit
from .inputs import PEER
from .tokens import U, issued

OURS: Final = ("ajs_", "__Host-ajs_", "__Secure-ajs_")
MAX_COOKIE: Final = 4_096
MAX_EVENT: Final = 32_768

_NAME: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_OCTETS: Final = rb"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*"
_DATE: Final = rb"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT"
# RFC 6265 section 4.1.1, with the attributes we write spelled out.
SET_COOKIE: Final = re.compile(
    rb"(?P<name>" + _NAME + rb")=(?P<value>" + _OCTETS + rb")"
    rb"(?:; (?:Max-Age=\d+|Expires=" + _DATE + rb"|Path=/|Domain=[a-z0-9.-]+"
    rb"|SameSite=(?:Lax|Strict|None)|Secure|HttpOnly))*"
)
FRESH: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Check = Callable[[Visit, Any], None]


def _anon(visit: Visit, wanted: str) -> None:
    found = visit.seen["anonymous_id"]
    kind, _, value = wanted.partition(":")
    if kind == "kept":
        assert found == (value or U)
        assert visit.seen["is_new"] is False
    elif kind == "minted":
        assert is_fresh(visit)
        assert visit.seen["is_new"] is True
        assert written(visit).get("ajs_anonymous_id") == found
    elif kind == "kept-or-minted":
        assert is_fresh(visit) or found.encode() in b"; ".join(visit.sent)
    else:
        assert kind == "any"
        assert isinstance(found, str)


def _trusted_user(visit: Visit, wanted: str | None) -> None:
    allowed: dict[str | None, set[str | None]] = {
        "alice-or-none": {"alice", None},
        # There is no store of revoked cookies: a replay works until the cookie is too old.
        "none-if-epoch-store": {"alice", None},
    }
    assert visit.seen["user_id"] in allowed.get(wanted, {wanted})


def _user_hint(visit: Visit, wanted: str | None) -> None:
    found = visit.seen["user_id_hint"]
    if wanted == "any":
        assert found is None or isinstance(found, str)
    else:
        assert found == wanted


def _group(visit: Visit, wanted: str | None) -> None:
    assert visit.seen["group_id"] == wanted


def _ambiguous(visit: Visit, wanted: bool) -> None:
    assert visit.seen["is_ambiguous"] is wanted


def _gpc(visit: Visit, wanted: bool) -> None:
    assert visit.seen["gpc"] is wanted


def _not_anon(visit: Visit, unwanted: str) -> None:
    assert visit.seen["anonymous_id"] != unwanted


def _set_cookie(visit: Visit, wanted: bool) -> None:
    assert bool(our_lines(visit)) is wanted


def _no_domain(visit: Visit, _: bool) -> None:
    assert our_lines(visit)
    assert [line for line in our_lines(visit) if b"domain" in line.lower()] == []


def _secure(visit: Visit, wanted: bool) -> None:
    lines = our_lines(visit)
    assert lines
    for line in lines:
        assert (b"; Secure" in line) is wanted
        assert wanted or not line.startswith(b"__")


def _resigned(visit: Visit, _: bool) -> None:
    token = written(visit)[issued(visit.hostile.scheme)[0]]
    opened = MemorySigner([KEY_NEW.encode()]).loads(token.encode())
    assert opened is not None
    assert opened.memory.user_id == "alice"


def _no_in_response(visit: Visit, unwanted: str) -> None:
    assert unwanted.encode() not in visit.answer.body
    assert unwanted.encode() not in b"\n".join(k + b": " + v for k, v in visit.answer.headers)


def _events(visit: Visit, wanted: int) -> None:
    assert len(visit.messages) == wanted


def _events_of(visit: Visit, wanted: dict[str, int]) -> None:
    found = Counter(message["type"] for message in visit.messages)
    assert {each: found[each] for each in wanted} == wanted


def _no_in_events(visit: Visit, unwanted: str) -> None:
    assert visit.messages
    assert unwanted not in dumped(visit)


def _context_ip(visit: Visit, wanted: str) -> None:
    allowed: dict[str, set[str | None]] = {"peer": {PEER}, "peer-or-none": {PEER, None}}
    assert visit.messages
    for message in visit.messages:
        assert message["context"].get("ip") in allowed.get(wanted, {wanted})


def _campaign(visit: Visit, wanted: dict[str, str] | None) -> None:
    assert visit.messages
    for message in visit.messages:
        assert (message["context"].get("campaign") or None) == wanted


def _referrer(visit: Visit, wanted: str | None) -> None:
    assert visit.messages
    for message in visit.messages:
        assert (message["context"].get("page", {}).get("referrer") or None) == wanted


# Decided from the answer and what the app saw; these also run over a socket.
ANSWER_CHECKS: Final[dict[str, Check]] = {
    "anon": _anon,
    "trusted_user": _trusted_user,
    "user_hint": _user_hint,
    "group": _group,
    "ambiguous": _ambiguous,
    "gpc": _gpc,
    "not_anon": _not_anon,
    "set_cookie": _set_cookie,
    "no_domain_from_host": _no_domain,
    "secure": _secure,
    "resigned": _resigned,
    "no_in_response": _no_in_response,
}
MESSAGE_CHECKS: Final[dict[str, Check]] = {
    "events": _events,
    "events_of": _events_of,
    "no_in_events": _no_in_events,
    "context_ip": _context_ip,
    "campaign": _campaign,
    "referrer": _referrer,
}
# An option of the run, a bound of its own test, and a text for the log test.
HELD_ELSEWHERE: Final = frozenset({"trusted_proxies", "max_ms", "no_in_logs"})


def our_lines(visit: Visit) -> list[bytes]:
    """Return the Set-Cookie values; the app sets none, so all are the library's."""
    return visit.answer.values(b"set-cookie")


def written(visit: Visit) -> dict[str, str]:
    """Return the cookies the answer sets, by name; removed ones are empty."""
    pairs = (line.partition(b";")[0].decode("latin-1") for line in our_lines(visit))
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def dumped(visit: Visit) -> str:
    """Return every message of the visit as one text."""
    return json.dumps(visit.messages, ensure_ascii=False)


def is_fresh(visit: Visit) -> bool:
    """Tell whether the id was made here and not taken from the input."""
    found = visit.seen["anonymous_id"]
    return bool(FRESH.fullmatch(found)) and found.encode() not in b"; ".join(visit.sent).lower()


def check_headers(visit: Visit) -> None:
    """G2: no control byte in any header, and each cookie follows the grammar and the limit."""
    for name, value in visit.answer.headers:
        assert re.fullmatch(rb"[\x21-\x7e]+", name)
        assert re.fullmatch(rb"[\x20-\x7e]*", value), value
    total = 0
    names = []
    for line in our_lines(visit):
        match = SET_COOKIE.fullmatch(line)
        assert match, line
        assert match["name"].decode().startswith(OURS)
        assert b"; Path=/" in line
        assert b"; SameSite=Lax" in line
        assert b"; Max-Age=31536000; " in line or b"; Max-Age=0; " in line
        if match["name"].startswith(b"__"):
            assert b"; Secure" in line
        size = len(match["name"]) + len(match["value"])
        assert size <= MAX_COOKIE
        total += size
        names.append(match["name"])
    assert total <= MAX_COOKIE
    assert len(names) == len(set(names))


def check_privacy_of_caches(visit: Visit) -> None:
    """An answer with a cookie of ours is kept out of shared caches."""
    if our_lines(visit):
        assert b"private" in b",".join(visit.answer.values(b"cache-control"))
        assert b"cookie" in b",".join(visit.answer.values(b"vary")).lower()


def check_trust(visit: Visit) -> None:
    """G3: without a signed cookie in the input nobody is trusted, and messages say the same."""
    if visit.hostile.encoding != "template" and visit.seen:
        assert visit.seen["user_id"] is None
        assert visit.seen["traits"] == {}
    for message in visit.messages:
        assert message["userId"] == visit.seen["user_id"]
        assert message["anonymousId"] == visit.seen["anonymous_id"]


def check_messages(visit: Visit) -> None:
    """G4: every message is strict JSON of at most 32 KiB, with string ids."""
    for message in visit.messages:
        text = json.dumps(message, allow_nan=False, ensure_ascii=False)
        assert len(text.encode("utf-8", "strict")) <= MAX_EVENT
        assert "\\u0000" not in text
        assert isinstance(message["anonymousId"], str)
        assert message["anonymousId"]
        assert message["userId"] is None or isinstance(message["userId"], str)
        assert isinstance(message["messageId"], str)
        assert message["context"].get("ip") is None or ip_address(message["context"]["ip"])
        assert 0 < len(message["messageId"]) < 100


def check_one_id(visit: Visit) -> None:
    """G7: cookies, messages and the page agree on one anonymousId at most beside those sent."""
    known = {visit.seen["anonymous_id"]} if visit.seen else set()
    known |= {message["anonymousId"] for message in visit.messages}
    plain = written(visit).get("ajs_anonymous_id")
    known |= {plain} if plain else set()
    assert len(known) <= 1


INVARIANTS: Final = (
    check_headers,
    check_privacy_of_caches,
    check_trust,
    check_messages,
    check_one_id,
)
