"""Whatever callers pass becomes plain JSON at the moment of the call."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import itertools
import json
import math
import types
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, Final
from uuid import UUID

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity import jsonable
from segment_identity.jsonable import Snapshot, encoded

from .samples import ANON

BERLIN: Final = dt.timezone(dt.timedelta(hours=2))


class Colour(enum.Enum):
    RED = "red"
    MIXED = ("red", 1)


class Level(enum.IntEnum):
    HIGH = 3


class Plan(str, enum.Enum):  # noqa: UP042 - the way it was written before StrEnum
    PRO = "pro"


class Flags(enum.Flag):
    A = 1
    B = 2


@dataclasses.dataclass
class Address:
    city: str
    since: dt.date


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    total: Decimal
    to: Address


class Item(msgspec.Struct):
    name: str
    price: Decimal


class Renamed(msgspec.Struct, rename="camel"):
    first_name: str


class Account(pydantic.BaseModel):
    id: UUID
    made: dt.datetime


class LikeAModel:
    """What has `model_dump`, whoever made it."""

    def model_dump(self) -> dict[str, Any]:
        return {"name": "Ada", "tags": {"x"}}


class Text(str):
    """A text that stays of its own kind when it is printed, as some markup classes do."""

    def __str__(self) -> str:
        return self


class EvilText(str):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Number(int):
    pass


VALUES: Final[dict[str, tuple[object, Any]]] = {
    "text": ("a", "a"),
    "whole number": (7, 7),
    "number": (1.5, 1.5),
    "true": (True, True),
    "null": (None, None),
    "list": ([1, "a", None], [1, "a", None]),
    "tuple": ((1, 2), [1, 2]),
    "set": ({1}, [1]),
    "frozen set": (frozenset({"a"}), ["a"]),
    "generator": ((n for n in range(3)), [0, 1, 2]),
    "range": (range(2), [0, 1]),
    "deque": (collections.deque([1]), [1]),
    "keys of a dict": ({"a": 1}.keys(), ["a"]),
    "dict": ({"a": {"b": [1]}}, {"a": {"b": [1]}}),
    "mapping proxy": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "counter": (collections.Counter("aa"), {"a": 2}),
    "UTC datetime": (dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC), "2026-01-31T12:00:00.000Z"),
    "datetime elsewhere": (
        dt.datetime(2026, 1, 31, 12, 0, 0, 5_999, tzinfo=BERLIN),
        "2026-01-31T10:00:00.005Z",
    ),
    "naive datetime is UTC": (dt.datetime(2026, 1, 31, 12), "2026-01-31T12:00:00.000Z"),
    "early datetime": (dt.datetime(1, 1, 1), "0001-01-01T00:00:00.000Z"),
    "late datetime": (dt.datetime(9999, 12, 31, 23, 59, 59), "9999-12-31T23:59:59.000Z"),
    "date": (dt.date(2026, 1, 31), "2026-01-31"),
    "early date": (dt.date(1, 1, 1), "0001-01-01"),
    "time": (dt.time(12, 30), "12:30:00"),
    "timedelta": (dt.timedelta(minutes=1.5), 90.0),
    "whole decimal": (Decimal("12"), 12),
    "round decimal": (Decimal("12.00"), 12),
    "decimal": (Decimal("12.50"), 12.5),
    "negative zero": (Decimal("-0"), 0),
    "large decimal": (Decimal("1E+30"), "1" + "0" * 30),
    "huge decimal": (Decimal("1E+999"), "1E+999"),
    "tiny decimal": (Decimal("1E-999"), "1E-999"),
    "UUID": (UUID(ANON), ANON),
    "path": (PurePosixPath("/a/b"), "/a/b"),
    "enum": (Colour.RED, "red"),
    "enum of a tuple": (Colour.MIXED, ["red", 1]),
    "int enum": (Level.HIGH, 3),
    "str enum": (Plan.PRO, "pro"),
    "flags": (Flags.A | Flags.B, 3),
    "kind of text": (Text("a"), "a"),
    "text that cannot print itself": (EvilText("a"), "a"),
    "kind of number": (Number(7), 7),
    "bytes": (b"caf\xc3\xa9", "caf\u00e9"),
    "bytes that are no text": (b"\xff", "\ufffd"),
    "bytearray": (bytearray(b"a"), "a"),
    "memory view": (memoryview(b"a"), "a"),
    "dataclass": (Address("Rome", dt.date(2026, 1, 31)), {"city": "Rome", "since": "2026-01-31"}),
    "dataclass in a dataclass": (
        Order(Decimal("1.5"), Address("Rome", dt.date(2026, 1, 31))),
        {"total": 1.5, "to": {"city": "Rome", "since": "2026-01-31"}},
    ),
    "msgspec Struct": (Item("fern", Decimal("3")), {"name": "fern", "price": 3}),
    "pydantic model": (
        Account(id=UUID(ANON), made=dt.datetime(2026, 1, 31, tzinfo=dt.UTC)),
        {"id": ANON, "made": "2026-01-31T00:00:00.000Z"},
    ),
    "object with model_dump": (LikeAModel(), {"name": "Ada", "tags": ["x"]}),
    "largest int64": (2**63 - 1, 2**63 - 1),
    "smallest int64": (-(2**63), -(2**63)),
    "beyond int64": (2**63, str(2**63)),
    "far beyond int64": (-(10**100), "-1" + "0" * 100),
    "NUL": ("a\x00b", "ab"),
    "NUL among others": ("\u00e9\x00", "\u00e9"),
    "lone surrogate": ("a\ud800b", "a?b"),
    "pair of surrogates as two": ("\ud83d\ude00", "??"),
    "emoji": ("\U0001f600", "\U0001f600"),
}


@pytest.mark.parametrize(("value", "wanted"), VALUES.values(), ids=VALUES.keys())
def test_a_value_becomes_json(value: object, wanted: Any) -> None:
    snapshot = Snapshot()
    copy = snapshot.mapping({"a": value})["a"]
    assert copy == wanted
    assert type(copy) is type(wanted)
    assert snapshot.replaced == 0
    assert json.loads(msgspec.json.encode(copy)) == wanted


class EvilIterable:
    def __iter__(self) -> Iterator[int]:
        raise RuntimeError("no items")


class EvilMapping(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("no items")


class HalfEvilMapping(Mapping[str, Any]):
    """Its length is a lie and its second value cannot be had."""

    def __len__(self) -> int:
        return 99

    def __iter__(self) -> Iterator[str]:
        return iter("ab")

    def __getitem__(self, key: str) -> Any:
        if key == "b":
            raise KeyError(key)
        return 1


class EvilModel:
    def model_dump(self) -> Any:
        raise RuntimeError("no dump")


class EvilGetattr:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name) if name == "model_dump" else AttributeError(name)


class EvilZone(dt.tzinfo):
    def utcoffset(self, _: dt.datetime | None) -> dt.timedelta:
        raise RuntimeError("no offset")

    def dst(self, _: dt.datetime | None) -> None:
        return None

    def tzname(self, _: dt.datetime | None) -> None:
        return None


@dataclasses.dataclass(init=False, repr=False)
class Unset:
    name: str


class EndlessModel:
    def model_dump(self) -> Any:
        return EndlessModel()


UNSAYABLE: Final[dict[str, object]] = {
    "NaN": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "decimal NaN": Decimal("NaN"),
    "signalling NaN": Decimal("sNaN"),
    "decimal infinity": Decimal("-Infinity"),
    "object": object(),
    "function": len,
    "class": Address,
    "model class": Account,
    "complex": 1j,
    "exception": ValueError("x"),
    "endless integer": 10**5_000,
    "iterable that raises": EvilIterable(),
    "mapping that raises": EvilMapping(a=1),
    "mapping that raises halfway": HalfEvilMapping(),
    "model that raises": EvilModel(),
    "attributes that raise": EvilGetattr(),
    "zone that raises": dt.datetime(2026, 1, 31, tzinfo=EvilZone()),
    "before the first year": dt.datetime(1, 1, 1, tzinfo=BERLIN),
    "dataclass without its value": Unset(),
    "model of models without end": EndlessModel(),
}


@pytest.mark.parametrize("value", UNSAYABLE.values(), ids=UNSAYABLE.keys())
def test_what_json_cannot_say_becomes_null_and_is_counted(value: object) -> None:
    snapshot = Snapshot()
    assert snapshot.mapping({"bad": value, "good": 1}) == {"bad": None, "good": 1}
    assert snapshot.replaced == 1


@pytest.mark.parametrize(
    "value", [EvilMapping(a=1), HalfEvilMapping()], ids=lambda value: type(value).__name__
)
def test_a_mapping_that_raises_costs_its_values_only(value: Mapping[str, Any]) -> None:
    """A verb must not raise because an argument of the right kind misbehaves."""
    snapshot = Snapshot()
    assert snapshot.mapping(value) in ({}, {"a": 1})
    assert snapshot.replaced == 1


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        pytest.param("a", "a", id="text"),
        pytest.param(7, "7", id="int"),
        pytest.param(1.5, "1.5", id="float"),
        pytest.param(Plan.PRO, "pro", id="enum"),
        pytest.param(UUID(ANON), ANON, id="UUID"),
        pytest.param(dt.date(2026, 1, 31), "2026-01-31", id="date"),
        pytest.param(b"a", "a", id="bytes"),
        pytest.param("a\ud800", "a?", id="lone surrogate"),
        pytest.param("a\x00", "a", id="NUL"),
        pytest.param(10**100, "1" + "0" * 100, id="large int"),
    ],
)
def test_a_key_becomes_text(key: Any, wanted: str) -> None:
    assert Snapshot().mapping({key: 1}) == {wanted: 1}


@pytest.mark.parametrize(
    "key", [None, True, (1, 2), object(), math.nan, 10**5_000, EvilText("x")], ids=lambda k: type(k)
)
def test_any_key_becomes_some_text(key: Any) -> None:
    (name,) = Snapshot().mapping({key: 1})
    assert isinstance(name, str)
    assert msgspec.json.encode({name: 1})


def test_a_cycle_ends() -> None:
    loop: dict[str, Any] = {"name": "a"}
    loop["self"] = loop
    snapshot = Snapshot()
    copy = snapshot.mapping(loop)
    assert copy["self"]["self"]["name"] == "a"
    assert snapshot.replaced == 1
    assert len(msgspec.json.encode(copy)) < 2_000


def test_a_cycle_that_branches_ends_soon() -> None:
    loop: list[Any] = []
    loop += [loop] * 10
    snapshot = Snapshot()
    snapshot.value(loop)
    assert snapshot.replaced > 0


def test_depth_is_bounded() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    snapshot = Snapshot()
    copy = snapshot.value(deep)
    assert snapshot.replaced == 1
    assert msgspec.json.encode(copy).count(b"[") < 64


@pytest.mark.parametrize(
    "endless",
    [itertools.count(), ({} for _ in itertools.count()), itertools.repeat("x")],
    ids=["numbers", "dicts", "texts"],
)
def test_an_endless_iterable_ends(endless: Iterator[Any]) -> None:
    snapshot = Snapshot()
    copy = snapshot.mapping({"a": endless})
    assert 0 < len(copy["a"]) <= 20_000
    assert snapshot.replaced == 1


def test_a_change_after_the_call_does_not_reach_the_snapshot() -> None:
    inner = {"size": "small", "tags": ["a"]}
    address = Address("Rome", dt.date(2026, 1, 31))
    given_value = {"plant": inner, "address": address, "list": [inner]}
    copy = Snapshot().mapping(given_value)
    before = json.dumps(copy)
    inner["size"] = "large"
    inner["tags"].append("b")  # type: ignore[attr-defined]
    address.city = "Bonn"
    given_value["more"] = 1
    assert json.dumps(copy) == before


def test_the_copy_of_a_copy_is_equal_and_separate() -> None:
    copy = Snapshot().mapping({"a": {"b": [1]}})
    again = Snapshot().mapping(copy)
    assert again == copy
    again["a"]["b"].append(2)
    assert copy == {"a": {"b": [1]}}


def test_struct_fields_keep_their_python_names() -> None:
    assert Snapshot().value(Renamed("Ada")) == {"first_name": "Ada"}


@given(st.datetimes(timezones=st.none() | st.just(dt.UTC)))
def test_a_moment_is_written_as_it_can_be_read(moment: dt.datetime) -> None:
    text = jsonable.iso(moment)
    aware = moment.replace(tzinfo=dt.UTC)
    assert len(text) == 24
    assert dt.datetime.fromisoformat(text) == aware.replace(
        microsecond=aware.microsecond // 1_000 * 1_000
    )


# By name, as Hypothesis can neither hash nor print some of them.
EVIL: Final = st.sampled_from(sorted(UNSAYABLE)).map(lambda name: UNSAYABLE[name])
ANYTHING: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=8)
    | st.binary(max_size=8)
    | st.decimals()
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.complex_numbers()
    | EVIL,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(st.characters(codec=None), max_size=4) | st.integers(), inner)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(st.characters(codec=None), max_size=4) | st.none(), ANYTHING))
def test_anything_becomes_json_and_nothing_raises(value: dict[Any, Any]) -> None:
    copy = Snapshot().mapping(value)
    encoded = msgspec.json.encode(copy)
    assert json.loads(encoded) == copy
    assert Snapshot().mapping(copy) == copy


def disguised(value: Any) -> Any:
    """Return the same value in containers that are no builtins, none of which is plain."""
    match value:
        case list():
            return collections.deque(map(disguised, value))
        case dict():
            return types.MappingProxyType({key: disguised(each) for key, each in value.items()})
        case _:
            return value


def nested(value: Any, depth: int) -> Any:
    for level in range(depth):
        value = [value] if level % 2 else {"in": value}
    return value


EDGES: Final = (
    st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**400, -0.0, 5e-324])
    | st.sampled_from(["\\u0000", "a\x00", "\x00", "\ud800", "\ud83d\ude00", 'a "\\" b', "\u2028"])
    | st.sampled_from([math.nan, math.inf, -math.inf])
)
PLAIN: Final = st.dictionaries(
    st.text(st.characters(codec=None), max_size=4) | st.sampled_from(["a\x00", "a", "\ud800"]),
    st.recursive(
        EDGES | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=4) | st.integers(0, 9), inner, max_size=3)
            | st.builds(nested, inner, st.integers(0, 40))
        ),
        max_leaves=10,
    ),
)


@given(PLAIN)
def test_what_is_plain_already_is_said_as_if_it_were_not(value: dict[str, Any]) -> None:
    """Builtin kinds are taken over, others are rebuilt; nobody can tell from what is sent."""
    as_is, rebuilt = Snapshot(), Snapshot()
    said = encoded(as_is.mapping(value, kept=False))
    assert said == encoded(rebuilt.mapping(disguised(value), kept=False))
    assert as_is.replaced == rebuilt.replaced


SHAPES: Final[dict[str, Callable[[int], Any]]] = {
    "entries": lambda count: {str(number): number for number in range(count)},
    "depth": lambda count: nested(1, min(count, 100)),
    "containers": lambda count: [{"n": number} for number in range(count)],
    "containers with entries": lambda count: [list(range(200))] * count,
}


@pytest.mark.parametrize("count", [1, 31, 32, 33, 34, 499, 500, 501, 25_000])
@pytest.mark.parametrize("shape", SHAPES)
def test_size_and_depth_make_no_difference_either(shape: str, count: int) -> None:
    value = {"a": SHAPES[shape](count)}
    as_is, rebuilt = Snapshot(), Snapshot()
    said = encoded(as_is.mapping(value, kept=False))
    assert said == encoded(rebuilt.mapping(disguised(value), kept=False))
    assert as_is.replaced == rebuilt.replaced


@given(PLAIN)
def test_what_is_sent_and_what_is_kept_are_the_same(value: dict[str, Any]) -> None:
    assert encoded(Snapshot().mapping(value, kept=False)) == encoded(Snapshot().mapping(value))


@given(st.dictionaries(st.text(max_size=4), PLAIN | st.dates() | st.lists(st.dates() | PLAIN)))
def test_what_the_caller_passed_is_not_changed(value: dict[str, Any]) -> None:
    before = repr(value)
    encoded(Snapshot().mapping(value, kept=False))
    assert repr(value) == before


def test_what_is_plain_already_is_not_copied() -> None:
    inner = {"tags": ["a", 1, 1.5], "ok": True}
    value = {"size": "small", "inner": inner}
    assert Snapshot().mapping(value, kept=False) is value


def test_a_mapping_with_too_many_entries_is_cut() -> None:
    snapshot = Snapshot()
    copy = snapshot.mapping({str(number): number for number in range(30_000)})
    assert len(copy) == 20_000
    assert snapshot.replaced == 1


@pytest.mark.parametrize("text", ["\\u0000", "\\\\u0000", 'say "no"', "tab\t", "\x01"])
def test_a_text_that_only_looks_like_nul_is_kept(text: str) -> None:
    assert json.loads(encoded({"a": text})) == {"a": text}


def test_the_decimal_context_of_the_app_does_not_matter() -> None:
    with decimal.localcontext(decimal.Context(prec=2, traps=[decimal.Inexact, decimal.Rounded])):
        assert Snapshot().value(Decimal("123456.75")) == 123456.75
