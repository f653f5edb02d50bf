"""A column's first value gives its type, and no later one is changed to fit."""

import datetime as dt
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_identity.claims import in_utc
from segment_identity.kinds import Kind, Scalar, fitted, instant_of, kind_of, moment

STAMP: Final = "2026-01-31T12:00:00.000Z"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (True, "boolean"),
        (0, "integer"),
        (2**63 - 1, "integer"),
        (-(2**63), "integer"),
        (2**63, "varchar"),
        (-(2**63) - 1, "varchar"),
        (5.0, "integer"),
        (5.5, "float"),
        (1e300, "float"),
        (float(2**63), "float"),
        (-9.3e18, "float"),
        ("a", "varchar"),
        ("7", "varchar"),
        ("2026-01-31", "timestamp"),
        (STAMP, "timestamp"),
        ("2020-04-23T22:38:48.55Z", "timestamp"),
        ("2026-01-31 12:00", "timestamp"),
        ("2026-01-31T12:00:00+02:00", "timestamp"),
        ("2026-13-31", "varchar"),
        ("2026-01-31T", "varchar"),
        ("2026-01-31 noon", "varchar"),
        ("2026-01-31T12:00:00.123456789Z", "varchar"),
        ("0001-01-01T00:00:00+14:00", "varchar"),
        ("2026-W05-6", "varchar"),
        (" 2026-01-31", "varchar"),
        ("20260131", "varchar"),
        ("+2026-01-31", "varchar"),
        ("\u0662026-01-31", "varchar"),
        ("", "varchar"),
    ],
)
def test_the_first_value_gives_a_column_its_type(value: Scalar, wanted: Kind) -> None:
    assert kind_of(value) == wanted


@pytest.mark.parametrize(
    ("value", "kind", "wanted"),
    [
        (True, "boolean", True),
        (1, "boolean", None),
        ("true", "boolean", None),
        (7, "integer", 7),
        (7.0, "integer", 7),
        (7.5, "integer", None),
        (2**63, "integer", None),
        (True, "integer", None),
        ("7", "integer", None),
        (7.5, "float", 7.5),
        (7, "float", 7.0),
        (2**53, "float", float(2**53)),
        (2**53 + 1, "float", None),
        (1e18, "float", 1e18),
        (1e300, "float", 1e300),
        (True, "float", None),
        ("7.5", "float", None),
        ("a", "varchar", "a"),
        (7, "varchar", "7"),
        (7.5, "varchar", "7.5"),
        (True, "varchar", "true"),
        (2**70, "varchar", str(2**70)),
        (STAMP, "timestamp", STAMP),
        ("2026-01-31", "timestamp", "2026-01-31T00:00:00.000Z"),
        ("2026-01-31T12:00:00+02:00", "timestamp", "2026-01-31T10:00:00.000Z"),
        ("2026-01-31 12:00:00.123456", "timestamp", "2026-01-31T12:00:00.123456Z"),
        ("2026-01-31T12:00:00.123456789Z", "timestamp", None),
        ("soon", "timestamp", None),
        (7, "timestamp", None),
        (True, "timestamp", None),
    ],
)
def test_a_value_fits_a_column_without_loss_or_not_at_all(
    value: Scalar, kind: Kind, wanted: Scalar | None
) -> None:
    found = fitted(value, kind)
    assert found == wanted
    assert type(found) is type(wanted)


SCALARS: Final = (
    st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=12)
    | st.datetimes().map(lambda moment: moment.isoformat())
)


@given(SCALARS)
def test_a_value_fits_the_column_it_makes(value: Scalar) -> None:
    fit = fitted(value, kind_of(value))
    assert fit is not None
    assert fit == value or fit == str(value) or fit == moment(str(value))


@given(SCALARS, st.sampled_from(["boolean", "integer", "float"]))
def test_what_fits_a_number_column_is_the_same_number(value: Scalar, kind: Kind) -> None:
    assert fitted(value, kind) in (None, value)


def test_a_moment_is_in_the_order_of_time() -> None:
    assert moment("2026-01-31T12:00:00Z") == STAMP
    assert moment("2026-01-31T13:00+01:00") == STAMP
    assert moment("2026-01-31T12:00:00.0001Z") == "2026-01-31T12:00:00.000100Z"


OFFSETS: Final = st.integers(-23 * 60, 23 * 60).map(
    lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))
)


@given(st.datetimes(dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29), timezones=OFFSETS))
def test_a_moment_is_the_same_moment(when: dt.datetime) -> None:
    found = moment(when.isoformat())
    assert found is not None
    assert dt.datetime.fromisoformat(found) == when


@given(
    st.datetimes(
        dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29), timezones=st.one_of(st.none(), OFFSETS)
    )
)
def test_profiles_have_the_times_of_rows(when: dt.datetime) -> None:
    utc = when.replace(tzinfo=when.tzinfo or dt.UTC).astimezone(dt.UTC)
    wanted = utc.isoformat(timespec="milliseconds")[:23] + "Z"
    assert instant_of(when.isoformat()) == in_utc(when.isoformat()) == wanted


def test_profiles_read_more_forms_of_a_time_than_rows() -> None:
    assert instant_of("2026-W05-6T12") is None
    assert in_utc("2026-W05-6T12") == STAMP


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (STAMP, STAMP),
        ("2026-01-31T12:00:00.000999Z", STAMP),
        ("2026-01-31T12:00:00.000999999Z", STAMP),
        ("2026-01-31T14:00:00.000999999+02:00", STAMP),
        ("now", None),
        ("", None),
        ("2" * 10_000, None),
    ],
)
def test_a_time_of_a_message_is_in_milliseconds(text: str, wanted: str | None) -> None:
    assert instant_of(text) == wanted
