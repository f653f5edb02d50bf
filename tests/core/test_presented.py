"""What is taken from a Cookie header, before anything in it is believed."""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import marker, presented
from segment_identity.marker import Marker
from segment_identity.presented import Presented

from .samples import ANON, OTHER

A: Final = ANON.encode()
B: Final = OTHER.encode()
TOLD: Final = Marker(ANON, "ada", None, settled=True)


def read(header: bytes, *, browser: bool = True) -> Presented:
    return presented.read(header, presented.MEMORY, browser=browser)


CASES: Final[dict[str, tuple[bytes, dict[str, Any]]]] = {
    "nothing": (b"", {}),
    "other cookies": (b"session=1; theme=dark", {}),
    "a device": (b"ajs_anonymous_id=" + A, {"anonymous_ids": (ANON,), "has_anonymous": True}),
    "a device as Analytics.js 1 wrote it": (
        b"ajs_anonymous_id=%22" + A + b"%22",
        {"anonymous_ids": (ANON,), "has_anonymous": True},
    ),
    "two devices": (
        b"ajs_anonymous_id=" + A + b"; ajs_anonymous_id=" + B,
        {"anonymous_ids": (ANON, OTHER), "has_anonymous": True, "has_duplicates": True},
    ),
    "one device twice": (
        b"ajs_anonymous_id=" + A + b"; ajs_anonymous_id=" + A,
        {"anonymous_ids": (ANON,), "has_anonymous": True, "has_duplicates": True},
    ),
    "one device in two spellings": (
        b"ajs_anonymous_id=" + A + b"; ajs_anonymous_id=%22" + A + b"%22",
        {"anonymous_ids": (ANON,), "has_anonymous": True, "has_duplicates": True},
    ),
    "an empty device": (b"ajs_anonymous_id=", {"has_anonymous": True}),
    "an illegible device": (b"ajs_anonymous_id=%ff", {"has_anonymous": True}),
    "a user": (b"ajs_user_id=ada", {"user_ids": ("ada",), "has_user": True}),
    "a user with digits, quoted": (
        b"ajs_user_id=%2242%22",
        {"user_ids": ("42",), "has_user": True},
    ),
    "a user with digits": (b"ajs_user_id=1e5", {"user_ids": ("1e5",), "has_user": True}),
    "a placeholder is no user": (b"ajs_user_id=null", {"has_user": True}),
    "a user with a line feed": (b"ajs_user_id=a%0Ab", {"has_user": True}),
    "a JSON object is no user": (b"ajs_user_id={%22id%22:1}", {"has_user": True}),
    "the first user that can be one": (
        b"ajs_user_id=%ff; ajs_user_id=undefined; ajs_user_id=ada; ajs_user_id=bob",
        {"user_ids": ("ada", "bob"), "has_user": True, "has_duplicates": True},
    ),
    "a group": (b"ajs_group_id=acme", {"group_id": "acme", "has_group": True}),
    "two groups": (
        b"ajs_group_id=acme; ajs_group_id=initech",
        {"group_id": "acme", "has_group": True, "has_duplicates": True},
    ),
    "a marker": (b"ajs_sync=" + marker.dumps(TOLD), {"has_marker": True, "marker": TOLD}),
    "an answer to the marker": (
        b"ajs_sync={%22replaced%22:%22" + B + b"%22}",
        {"has_marker": True, "replaced": OTHER},
    ),
    "an illegible marker": (b"ajs_sync=oops", {"has_marker": True}),
    "a marker that is not UTF-8": (b'ajs_sync={"userId":"\xff"}', {"has_marker": True}),
    "a reset": (b"ajs_reset=1", {"reset": True}),
    "an empty reset is none": (b"ajs_reset=", {}),
    "opted out": (b"ajs_optout=true", {"opted_out": True}),
    "any word opts out": (b"ajs_optout=false", {"opted_out": True}),
    "an empty opt-out is none": (b"ajs_optout=", {}),
    "a token": (b"ajs_identity=a.b", {"tokens": (b"a.b",)}),
    "a quoted token": (b'ajs_identity="a.b"', {"tokens": (b"a.b",)}),
    "two tokens": (b"ajs_identity=a.b; ajs_identity=c.d", {"tokens": (b"a.b", b"c.d")}),
    "one token twice": (b"ajs_identity=a.b; ajs_identity=a.b", {"tokens": (b"a.b",)}),
    "a token of another scheme": (b"__Host-ajs_identity=a.b", {}),
    "an encoded name": (b"ajs%5Fanonymous_id=" + A, {"encoded_name": True}),
    "an encoded name beside the plain one": (
        b"ajs_user_id=ada; ajs%5Fuser_id=bob",
        {"user_ids": ("ada",), "has_user": True, "encoded_name": True},
    ),
}


@pytest.mark.parametrize(("header", "wanted"), CASES.values(), ids=CASES.keys())
def test_a_header_is_read(header: bytes, wanted: dict[str, Any]) -> None:
    assert read(header) == Presented(**wanted)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (b"", None),
        (b"ajs_user_id=null", None),
        (b"ajs_user_id=ada", "ada"),
        (b"ajs_user_id=ada; ajs_user_id=bob", "ada"),
        (b"ajs_user_id=null; ajs_user_id=bob; ajs_user_id=ada", "bob"),
    ],
)
def test_the_user_claimed_is_the_first_that_can_be_one(header: bytes, wanted: str | None) -> None:
    assert read(header).user_id == wanted


def test_everything_at_once() -> None:
    header = (
        b"ajs_user_id=ada; ajs_optout=1; ajs_anonymous_id=" + A + b"; ajs_reset=1; "
        b"ajs_identity=a.b; ajs_group_id=acme; ajs_sync=" + marker.dumps(TOLD)
    )
    assert read(header) == Presented(
        anonymous_ids=(ANON,),
        user_ids=("ada",),
        group_id="acme",
        has_anonymous=True,
        has_user=True,
        has_group=True,
        has_marker=True,
        marker=TOLD,
        reset=True,
        opted_out=True,
        tokens=(b"a.b",),
    )


def test_without_a_browser_side_only_memory_and_opt_out_count() -> None:
    header = b"ajs_anonymous_id=" + A + b"; ajs_user_id=ada; ajs_reset=1; ajs_identity=a.b"
    assert read(header, browser=False) == Presented(tokens=(b"a.b",))
    assert read(header + b"; ajs_optout=1", browser=False).opted_out


@pytest.mark.parametrize("name", [b"__Host-ajs_identity", b"__Secure-ajs_identity"])
def test_over_https_only_the_prefixed_token_counts(name: bytes) -> None:
    header = b"ajs_identity=forged; " + name + b"=a.b"
    assert presented.read(header, name).tokens == (b"a.b",)


NAMES: Final = st.sampled_from(
    [
        *(b"ajs_" + name for name in (b"anonymous_id", b"user_id", b"group_id", b"sync", b"reset")),
        b"ajs_identity",
        b"ajs%5Fuser_id",
        b"other",
    ]
)
VALUES: Final = st.binary(max_size=12) | st.builds(
    lambda name, value: b'{"' + name + b'":"' + value + b'"}',
    st.sampled_from((b"userId", b"replaced")),
    st.binary(max_size=4),
)
PAIRS: Final = st.builds(lambda name, value: name + b"=" + value, NAMES, VALUES)


@given(st.lists(PAIRS | st.binary(max_size=6), max_size=8).map(b"; ".join), st.booleans())
def test_any_bytes_can_be_presented(header: bytes, browser: bool) -> None:
    seen = read(header, browser=browser)
    assert msgspec.structs.asdict(seen).keys() == set(Presented.__struct_fields__)
    assert all(seen.anonymous_ids)
    assert seen.user_id is None or seen.has_user
    assert seen.group_id is None or seen.has_group
    assert seen.marker is None or seen.has_marker
