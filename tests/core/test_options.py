"""A mistake in the configuration is told at once, in words that help."""

import functools
import math
from typing import Any

import pytest

from segment_identity import options
from segment_identity.errors import ConfigurationError, SegmentIdentityError, UnknownOption


class House:
    """Something built with options."""

    @options.explained
    def __init__(self, *rooms: str, colour: str, roof: str = "flat", max_guests: int = 4) -> None:
        self.built = (rooms, colour, roof, max_guests)


def build(*rooms: str, **given: Any) -> House:
    return House(*rooms, **given)


@pytest.mark.parametrize("name", ["X-Anonymous-Id", "x_device", "Device!"])
def test_a_header_of_ones_own_is_named(name: str) -> None:
    assert options.header("it", name) == name.lower().encode()


@pytest.mark.parametrize("name", ["", "a b", "a:", "cookie", "Authorization", "\xe9", b"x", 7])
def test_another_header_is_refused(name: object) -> None:
    with pytest.raises(ConfigurationError, match="a header of your own"):
        options.header("it", name)


def test_known_options_pass_through() -> None:
    assert House("hall", colour="red", max_guests=9).built == (("hall",), "red", "flat", 9)


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("color", "colour"),
        ("rooof", "roof"),
        ("maxguests", "max_guests"),
        ("max_guest", "max_guests"),
        ("guests", "max_guests"),
    ],
)
def test_a_misspelt_option_is_answered_with_the_right_one(name: str, close: str) -> None:
    with pytest.raises(UnknownOption) as caught:
        build(colour="red", **{name: 1})
    assert str(caught.value) == f"House has no option {name!r}; did you mean {close!r}?"


def test_an_option_like_no_other_is_answered_with_all() -> None:
    with pytest.raises(UnknownOption) as caught:
        build(colour="red", zzz=1)
    assert str(caught.value) == "House has no option 'zzz'; it has: colour, roof, max_guests"


def test_a_missing_option_is_named() -> None:
    with pytest.raises(UnknownOption) as caught:
        build("hall")
    assert str(caught.value) == "House needs colour=; it has no default on purpose"


def test_a_misspelt_option_is_told_before_a_missing_one() -> None:
    with pytest.raises(UnknownOption, match="did you mean 'colour'"):
        build(colur="red")


def test_the_errors_are_also_what_python_would_raise() -> None:
    for kind in (TypeError, ValueError, ConfigurationError, SegmentIdentityError):
        with pytest.raises(kind, match="has no option"):
            build(color="red")


def test_the_signature_and_docstring_survive() -> None:
    assert House.__init__.__name__ == "__init__"
    assert House.__init__.__wrapped__ is not None  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", ["b", "", None, 1, ["a"], {}], ids=repr)
def test_a_choice_is_one_of_a_few(value: object) -> None:
    options.one_of("ip", "a", ("a", "z"))
    with pytest.raises(ConfigurationError) as caught:
        options.one_of("ip", value, ("a", "z"))
    assert str(caught.value) == f"ip was given {value!r}; want one of 'a', 'z'"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, None),
        ("example.com", "example.com"),
        (".example.com", "example.com"),
        ("Example.COM", "example.com"),
        ("a.b.example.co.uk", "a.b.example.co.uk"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("localhost", None),
        ("LOCALHOST", None),
        ("127.0.0.1", None),
        ("::1", None),
        ("[::1]", None),
        ("shop.localhost", "shop.localhost"),
    ],
)
def test_a_cookie_domain_is_a_host_name(value: str | None, wanted: str | None) -> None:
    assert options.cookie_domain(value) == wanted


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "com",
        "example.com.",
        "..example.com",
        "example..com",
        "https://example.com",
        "example.com/",
        "example.com:8000",
        "exa mple.com",
        "example.com; Secure",
        "example.com\r\nSet-Cookie: a=b",
        "example.com\n",
        "-example.com",
        "example-.com",
        "under_score.com",
        "*.example.com",
        "b\u00fccher.example",
        "\uff45xample.com",
        f"{'a' * 64}.com",
        ".".join(["abc"] * 70),
        b"example.com",
        7,
        True,
        ["example.com"],
    ],
    ids=ascii,
)
def test_another_cookie_domain_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"cookie_domain was given .*; want a"):
        options.cookie_domain(value)


async def coroutine(_: object) -> None:
    """Stand for what nothing here can await."""


class Asked:
    def __call__(self, _: object) -> str:
        return "ada"


class AskedLater:
    async def __call__(self, _: object) -> str:
        return "ada"


@pytest.mark.parametrize("value", [len, str, Asked(), Asked().__call__, functools.partial(max, 1)])
def test_a_function_may_be_anything_that_answers_at_once(value: object) -> None:
    options.function("user", value)
    options.function("user", value, required=True)


@pytest.mark.parametrize(
    "value", [coroutine, functools.partial(coroutine, 1), AskedLater(), AskedLater().__call__]
)
def test_a_coroutine_function_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match="user was given a coroutine function; want a"):
        options.function("user", value)


@pytest.mark.parametrize("value", ["ada", 7, ["ada"], object()], ids=lambda v: type(v).__name__)
def test_what_cannot_be_called_is_refused(value: object) -> None:
    kind = type(value).__name__
    with pytest.raises(ConfigurationError, match=f"user was given {kind}; want a plain function"):
        options.function("user", value)


def test_a_function_may_be_left_out_unless_it_is_required() -> None:
    options.function("user", None)
    with pytest.raises(ConfigurationError, match="clock was given NoneType"):
        options.function("clock", None, required=True)


@pytest.mark.parametrize("value", [1, 0.001, 10**9, math.inf])
def test_a_positive_number_is_taken(value: object) -> None:
    options.positive("max_events", value)


@pytest.mark.parametrize("value", [0, 0.0, -1, math.nan, True, None, "1", [1]], ids=repr)
def test_another_limit_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"max_events was given .+; want a number above 0"):
        options.positive("max_events", value)


@pytest.mark.parametrize("value", [None, 0, 1, 0.0, 0.25, 1.0])
def test_a_fraction_is_taken(value: object) -> None:
    options.fraction("sample", value)


@pytest.mark.parametrize("value", [-0.1, 1.1, 2, math.nan, True, False, "0.5", [0]], ids=repr)
def test_another_fraction_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"sample was given .+; want a number from 0 to 1"):
        options.fraction("sample", value)
