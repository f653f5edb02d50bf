"""What becomes of events that name a forgotten person."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from segment_identity.erasing import changed, digest, named, without
from segment_identity.facts import Id

SAME: Mapping[str, Any] = {"same": True}
ADA = {Id("user_id", "ada"), Id("anonymous_id", "laptop")}


def said(kind: str = "track", **ids: str | None) -> dict[str, Any]:
    return {"type": kind, "messageId": "m", **ids}


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        pytest.param(said(userId="ada"), None, id="theirs"),
        pytest.param(said(anonymousId="laptop", userId=None), None, id="their-device"),
        pytest.param(said(anonymousId="phone", userId="ada"), None, id="on-another-device"),
        pytest.param(
            said(anonymousId="laptop", userId="bob"),
            said(anonymousId=None, userId="bob"),
            id="somebody-else-on-their-device",
        ),
        pytest.param(said(anonymousId="laptop", userId="null"), None, id="nobody-on-their-device"),
        pytest.param(said("alias", previousId="ada", userId="eve"), None, id="alias-from-them"),
        pytest.param(said("alias", previousId="x", userId="laptop"), None, id="alias-to-device"),
        pytest.param(said(anonymousId="phone", userId="bob"), SAME, id="somebody-else"),
        pytest.param(said(anonymousId="ada", userId="laptop"), SAME, id="types-are-apart"),
        pytest.param(said(), SAME, id="nobody"),
    ],
)
def test_an_event_is_kept_if_it_is_somebody_else_s(
    message: dict[str, Any], kept: Mapping[str, Any] | None
) -> None:
    wanted = message if kept == SAME else kept
    assert without(message, ADA.__contains__) == wanted
    event = json.dumps(message).encode()
    found = changed(ADA, event)
    assert (found is None) == (wanted is None)
    assert found is None or json.loads(found) == wanted
    # Whatever can decide is among what is looked up.
    assert wanted is message or ADA & set(named([message]))


@pytest.mark.parametrize("event", [b"", b"{", b"[]", b"\xff", b"7"])
def test_what_is_no_event_is_left_alone(event: bytes) -> None:
    assert changed(ADA, event) == event


def test_a_digest_tells_nothing_without_the_key() -> None:
    one = digest(Id("user_id", "ada"), b"k" * 32)
    assert one == digest(Id("user_id", "ada"), b"k" * 32)
    assert one != digest(Id("user_id", "ada"), b"l" * 32)
    assert one != digest(Id("anonymous_id", "ada"), b"k" * 32)
    assert "ada" not in one
