"""The visit of Segment's "Best Practices for Identifying Users", request by request.

Every message is compared whole, so that a field too many is noticed as well as one too few.
"""

from datetime import datetime
from typing import Any, Final

from segment_identity import Identity
from segment_identity.context import LIBRARY

from .support import Clock, Site, Sites

ANON: Final = "bd077b70-816b-448b-ae79-2f5f7d856513"
STAMP: Final = "2020-04-23T22:38:48.550Z"
JOE: Final = {"firstName": "Joe", "lastName": "Visitor", "email": "jvisitor@thissite.com"}
ADDRESS: Final = {
    "phone": "555-555-5555",
    "address": {
        "street": "6th Street",
        "city": "San Francisco",
        "state": "CA",
        "postalCode": "94103",
        "country": "US",
    },
}
SIGNED_UP: Final = {"userId": "123abc", "name": "Peter Gibbons", "plan": "premium"}


def home(identity: Identity) -> None:
    identity.page(properties={"title": "Home Page"})


def newsletter(identity: Identity) -> None:
    identity.identify(traits=JOE)


def sign_up(identity: Identity) -> None:
    identity.identify("123abc", ADDRESS)
    identity.track("Signed Up", SIGNED_UP)


def open_somesite(open_site: Sites) -> Site:
    """Open the site at the seed's moment, to a browser in which Analytics.js made the id."""
    site = open_site(
        {"/": home, "/newsletter": newsletter, "/sign-up": sign_up},
        base_url="https://somesite.com",
        peer="0.0.0.0",
        clock=Clock(datetime.fromisoformat(STAMP).timestamp()),
        ip="full",
    )
    site.client.cookies.set("ajs_anonymous_id", ANON, domain="somesite.com", path="/")
    return site


def page(path: str, title: str = "", referrer: str = "") -> dict[str, str]:
    return {
        "path": path,
        "referrer": referrer,
        "search": "",
        "title": title,
        "url": f"https://somesite.com{path}",
    }


def message(kind: str, user_id: str | None, where: dict[str, str], **fields: Any) -> dict[str, Any]:
    return {
        "anonymousId": ANON,
        "context": {
            "ip": "0.0.0.0",
            "library": LIBRARY,
            "locale": "en-US",
            "page": where,
            "userAgent": "Mozilla/5.0",
        },
        "integrations": {},
        "originalTimestamp": STAMP,
        "timestamp": STAMP,
        "type": kind,
        "userId": user_id,
        **fields,
    }


def test_the_visit_of_the_seed_is_told_message_by_message(open_site: Sites) -> None:
    site = open_somesite(open_site)
    browser = {"User_Agent": "Mozilla/5.0", "Accept_Language": "en-US,en;q=0.9"}
    site.go("/", **browser)
    site.submit("/newsletter", **browser, Referer="https://somesite.com/")
    site.submit("/sign-up", **browser, Referer="https://somesite.com/newsletter")

    events = site.events()
    stamps = [(event.pop("sentAt"), event.pop("receivedAt")) for event in events]
    assert all(datetime.fromisoformat(each) for pair in stamps for each in pair)
    ids = [event.pop("messageId") for event in events]
    assert len(set(ids)) == len(ids)
    signing_up = page("/sign-up", referrer="https://somesite.com/newsletter")
    assert events == [
        message("page", None, page("/", "Home Page"), properties=page("/", "Home Page")),
        message(
            "identify",
            None,
            page("/newsletter", referrer="https://somesite.com/"),
            traits=JOE,
        ),
        message("identify", "123abc", signing_up, traits=ADDRESS),
        message("track", "123abc", signing_up, event="Signed Up", properties=SIGNED_UP),
    ]
    assert (site.cookie("ajs_anonymous_id"), site.cookie("ajs_user_id")) == (ANON, "123abc")


def test_a_known_user_who_comes_back_has_both_ids_on_every_call(open_site: Sites) -> None:
    site = open_somesite(open_site)
    site.go("/")
    site.submit("/sign-up")
    site.clock.now += 2 * 86_400
    site.go("/")
    event = site.events("page")[-1]
    assert (event["anonymousId"], event["userId"]) == (ANON, "123abc")
