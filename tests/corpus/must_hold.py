"""Checks of `must_hold` sentences that no `expect` key of the corpus says, by input id."""

from collections.abc import Callable
from typing import Any, Final

from segment_identity.signing import MemorySigner

from .checks import dumped, is_fresh, our_lines, written
from .drive import KEY_NEW, Visit
from .inputs import HOST
from .tokens import U, issued

Held = Callable[[Visit], None]


def _context(visit: Visit) -> dict[str, Any]:
    assert visit.messages
    context: dict[str, Any] = visit.messages[0]["context"]
    return context


def _campaign(**wanted: str | None) -> Held:
    def check(visit: Visit) -> None:
        found = _context(visit).get("campaign") or {}
        assert {name: found.get(name) for name in wanted} == wanted

    return check


def _absent(text: str) -> Held:
    def check(visit: Visit) -> None:
        assert visit.messages
        assert text not in dumped(visit)

    return check


def _short(key: str, most: int) -> Held:
    def check(visit: Visit) -> None:
        assert len(_context(visit).get(key) or "") <= most

    return check


def _ignored_bot(visit: Visit) -> None:
    assert our_lines(visit) == []
    assert visit.messages == []


def _is_a_page_request(visit: Visit) -> None:
    assert is_fresh(visit)
    assert visit.seen["is_provisional"] is False
    assert written(visit)["ajs_anonymous_id"] == visit.seen["anonymous_id"]
    assert "page" in {message["type"] for message in visit.messages}


def _is_plain_http(visit: Visit) -> None:
    lines = our_lines(visit)
    assert lines
    assert [line for line in lines if b"Secure" in line] == []


def _trusts_nobody_afterwards(visit: Visit) -> None:
    token = written(visit)[issued(visit.hostile.scheme)[0]]
    opened = MemorySigner([KEY_NEW.encode()]).loads(token.encode())
    assert opened is None or opened.memory.user_id is None


def _writes_the_id_again(visit: Visit) -> None:
    assert written(visit)["ajs_anonymous_id"] == U


def _has_masked_peer(visit: Visit) -> None:
    assert _context(visit)["ip"] == "203.0.113.0"


def _leaves_cookies_alone(visit: Visit) -> None:
    assert [value for value in written(visit).values() if value] == []


def _has_plain_host(visit: Visit) -> None:
    page = _context(visit).get("page", {})
    assert "@" not in page.get("url", "")


def _stores_no_long_host(visit: Visit) -> None:
    assert visit.messages
    assert visit.sent[0][:300].decode("ascii") not in dumped(visit)


def _has_first_source(visit: Visit) -> None:
    first = visit.sent[0].decode("ascii").partition("&")[0].partition("=")[2]
    assert _context(visit)["campaign"]["source"] == first


def _has_only_replacements(visit: Visit) -> None:
    assert set(_context(visit)["campaign"]["source"]) == {"\ufffd"}


def _has_short_campaign(visit: Visit) -> None:
    found = _context(visit).get("campaign") or {}
    assert [value for value in found.values() if len(value) > 256] == []


def _claims_nothing(visit: Visit) -> None:
    assert is_fresh(visit)
    assert visit.seen["user_id_hint"] is None
    assert visit.seen["traits"] == {}


def _url_has_our_host(visit: Visit) -> None:
    assert HOST.decode() in _context(visit)["page"]["url"]


MUST_HOLD: Final[dict[str, Held]] = {
    "C094": _writes_the_id_again,
    "C146": _leaves_cookies_alone,
    "C170": _writes_the_id_again,
    "C172": _trusts_nobody_afterwards,
    "C174": _trusts_nobody_afterwards,
    "H014": _has_masked_peer,
    "H018": _url_has_our_host,
    "H022": _is_plain_http,
    "H026": _has_plain_host,
    "H038": _stores_no_long_host,
    "H050": _is_a_page_request,
    "H052": _is_a_page_request,
    "H056": _is_a_page_request,
    "H058": _short("userAgent", 512),
    "H064": _ignored_bot,
    "H066": _short("locale", 64),
    "H070": _absent("javascript:"),
    "H100": _is_a_page_request,
    "Q002": _claims_nothing,
    "Q004": _claims_nothing,
    "Q006": _claims_nothing,
    "Q008": _campaign(source="<script>alert(1)</script>"),
    "Q010": _has_first_source,
    "Q012": _campaign(source=None),
    "Q014": _campaign(source="ab"),
    "Q016": _has_only_replacements,
    "Q018": _campaign(medium="ab"),
    "Q022": _absent("eyJhbGci"),
    "Q024": _campaign(source=None),
    "Q028": _campaign(source="%41"),
    "Q030": _is_a_page_request,
    "Q032": _has_only_replacements,
    "XQ-utm-long": _has_short_campaign,
    "XQ-utm-many": _has_short_campaign,
}
