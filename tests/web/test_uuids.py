"""A UUID is an id, and is the same text wherever it is written."""

from typing import Final
from uuid import UUID

from segment_identity import Identity
from segment_identity.testing import capture

from .support import Sites

ADA: Final = UUID("7E57AB1E-0000-4000-8000-00000000CAFE")
TEXT: Final = "7e57ab1e-0000-4000-8000-00000000cafe"


def everything(identity: Identity) -> None:
    """Give a UUID wherever an id may be given."""
    identity.set_anonymous_id(ADA)
    identity.identify(ADA, {"team": ADA})
    identity.group(ADA)
    identity.alias(ADA, ADA)
    identity.track("Clicked", {"team": ADA}, anonymous_id=ADA)


def test_a_uuid_is_one_text_everywhere(open_site: Sites) -> None:
    site = open_site({"/": everything})
    site.go()
    told = {site.cookie(f"ajs_{name}_id") for name in ("anonymous", "user", "group")}
    assert told == {TEXT}
    marker = site.marker() or {}
    assert {marker["anonymousId"], marker["userId"], marker["groupId"]} == {TEXT}
    who = site.who()
    assert {who[f"{name}_id"] for name in ("anonymous", "user", "group")} == {TEXT}
    for event in site.events():
        ids = ("anonymousId", "userId", "groupId", "previousId")
        assert {event[name] for name in ids if name in event} == {TEXT}
    assert site.events("track")[0]["properties"] == {"team": TEXT}
    assert site.events("identify")[0]["traits"] == {"team": TEXT}


def test_a_log_in_that_knows_uuids_identifies_once(open_site: Sites) -> None:
    site = open_site(user=lambda _: ADA)
    for _ in range(3):
        site.go()
    assert [each["userId"] for each in site.events()] == [TEXT]


def test_a_job_goes_on_with_a_uuid(open_site: Sites) -> None:
    site = open_site()
    with capture() as events:
        site.analytics.identity(user_id=ADA, anonymous_id=ADA, group_id=ADA).track("Renewed")
        told = events.assert_tracked("Renewed", user_id=ADA, anonymous_id=ADA)
    assert (told["userId"], told["context"]["groupId"]) == (TEXT, TEXT)
