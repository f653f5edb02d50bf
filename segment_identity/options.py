"""Check options when something is built, so that a mistake is told at once and in words."""

import difflib
import functools
import inspect
import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, ParamSpec

from segment_identity.errors import ConfigurationError, InvalidCall, UnknownOption

P = ParamSpec("P")

_HOST: Final = re.compile(
    r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+"
)
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
# Seconds: longer than anybody waits, and not too long for the system.
_LONGEST: Final = 1e9
_TAKEN: Final = frozenset("authorization cookie host origin referer user-agent".split())


def explained(build: Callable[P, None]) -> Callable[P, None]:
    """Make a constructor say which options exist when one is misspelt or missing."""
    parameters = dict(inspect.signature(build).parameters)
    del parameters["self"]
    names = [name for name, each in parameters.items() if each.kind is each.KEYWORD_ONLY]
    required = [name for name in names if parameters[name].default is inspect.Parameter.empty]
    owner = build.__qualname__.partition(".")[0]

    @functools.wraps(build)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        known(owner, [name for name in kwargs if name not in parameters], names)
        missing = [name for name in required if name not in kwargs]
        if missing:
            raise UnknownOption(f"{owner} needs {missing[0]}=; it has no default on purpose")
        build(*args, **kwargs)

    return checked


def known(owner: str, given: Iterable[str], names: Sequence[str]) -> None:
    """Raise unless every option that *owner* was *given* is one of *names*."""
    for name in given:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "it has: " + ", ".join(names)
            raise UnknownOption(f"{owner} has no option {name[:60]!r}; {hint}")


def whole(name: str, value: object, least: int = 1) -> None:
    """Raise unless *value* is a whole number, such as 1_000 or 1e3, *least* or more."""
    is_whole = isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0
    if not is_whole or value < least:  # type: ignore[operator]
        raise ConfigurationError(f"{name} was given {value!r}; want a whole number from {least} up")


def event(name: str, value: object) -> None:
    """Raise unless *value* is what one thread can tell another by, or None."""
    if value is not None and not (hasattr(value, "is_set") and hasattr(value, "wait")):
        raise ConfigurationError(f"{name} was given {type(value).__name__}; want a threading.Event")


def one_of(name: str, value: object, allowed: tuple[str | None, ...]) -> None:
    """Raise unless *value* is one of *allowed*."""
    if value not in allowed:
        wanted = ", ".join(repr(each) for each in allowed)
        raise ConfigurationError(f"{name} was given {value!r}; want one of {wanted}")


def cookie_domain(value: object) -> str | None:
    """Return the Domain attribute to use, without a leading dot; None keeps cookies host-only.

    `localhost` and IP addresses take no Domain attribute (RFC 6265 section 5.1.3), so they give
    None. Anything that is not a host name of at least two labels raises `ConfigurationError`.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise ConfigurationError(f"cookie_domain was given {type(value).__name__}; want a str")
    host = value.lower().removeprefix(".")
    if host == "localhost" or _is_address(host):
        return None
    if not is_host(host):
        raise ConfigurationError(
            f"cookie_domain was given {value!r}; want a host name such as 'example.com', "
            "without scheme, port or path"
        )
    return host


def is_host(text: str) -> bool:
    """Tell whether *text*, in lower case, is a host name of at least two labels."""
    return len(text) <= 253 and _HOST.fullmatch(text) is not None


def header(name: str, value: object) -> bytes | None:
    """Return a header's name as ASGI has it, or None; one that browsers fill is refused."""
    if value is None:
        return None
    if not isinstance(value, str) or not _HEADER.fullmatch(value) or value.lower() in _TAKEN:
        raise ConfigurationError(
            f"{name} was given {value!r}; want the name of a header of your own, "
            "such as 'X-Anonymous-Id'"
        )
    return value.lower().encode()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def function(name: str, value: object, *, required: bool = False) -> None:
    """Raise unless *value* is a plain function, or None where that is allowed."""
    if value is None and not required:
        return
    if not callable(value):
        raise ConfigurationError(f"{name} was given {type(value).__name__}; want a plain function")
    if inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(type(value).__call__):
        raise ConfigurationError(
            f"{name} was given a coroutine function; want a plain function, "
            "because it is asked where nothing can be awaited"
        )


def application(value: object) -> None:
    """Raise unless *value* can be served."""
    if not callable(value):
        raise ConfigurationError(
            f"app was given {type(value).__name__}; want an ASGI app, "
            "as app.add_middleware(IdentityMiddleware, secret_key=…) gives it"
        )


def functions(**values: object) -> None:
    """Raise unless each value is a plain function."""
    for name, value in values.items():
        function(name, value, required=True)


def positive(name: str, value: object) -> None:
    """Raise unless *value* is a number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigurationError(f"{name} was given {value!r}; want a number above 0")


def not_negative(name: str, value: object) -> None:
    """Raise unless *value* is 0 or a number above it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ConfigurationError(f"{name} was given {value!r}; want 0 or a number above it")


def seconds(call: str, timeout: object) -> float:
    """Return how long *call* waits; raises `InvalidCall` unless *timeout* is a number."""
    if isinstance(timeout, int | float) and not isinstance(timeout, bool) and timeout == timeout:
        return min(max(0.0, timeout), _LONGEST)
    raise InvalidCall(
        f"{call}() was given {type(timeout).__name__} as timeout; want a number of seconds"
    )


def fraction(name: str, value: object) -> None:
    """Raise unless *value* is None or a number from 0 to 1."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not None and not (is_number and 0 <= value <= 1):  # type: ignore[operator]
        raise ConfigurationError(f"{name} was given {value!r}; want a number from 0 to 1")


def flags(**given: object) -> None:
    """Raise unless every value is True or False."""
    for name, value in given.items():
        if not isinstance(value, bool):
            raise ConfigurationError(f"{name} was given {value!r}; want True or False")


def categories(value: object, destinations: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the consent categories that each of some named *destinations* needs."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            f"categories was given {type(value).__name__}; want a mapping of destinations to "
            "categories, such as {'segment': ['advertising']}"
        )
    unknown = [name for name in value if name not in destinations]
    if unknown:
        raise ConfigurationError(
            f"categories was given {unknown[0]!r}, which is no destination; there is "
            + ", ".join(destinations)
        )
    return {name: _names(name, needed) for name, needed in value.items()}


def _names(destination: str, given: object) -> frozenset[str]:
    names = [given] if isinstance(given, str) else given
    if isinstance(names, Collection) and not isinstance(names, bytes | Mapping):
        found = frozenset(names)
        if found and all(isinstance(name, str) and name for name in found):
            return found
    raise ConfigurationError(
        f"categories was given {given!r} for {destination}; want a category or a list of them"
    )
