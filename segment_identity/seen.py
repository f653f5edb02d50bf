"""What a doctor saw of an app: answers, their cookies, and what stands in front of the app."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import msgspec

Headers = tuple[tuple[str, str], ...]

_PREFIXES: Final = ("__Host-", "__Secure-")


class SetCookie(msgspec.Struct, frozen=True):
    """One Set-Cookie line; a *domain* of "" keeps the cookie to the host that set it."""

    name: str
    value: str
    domain: str = ""
    secure: bool = False
    deletes: bool = False

    @property
    def bare_name(self) -> str:
        """The name without the prefix that says how it must be set."""
        for prefix in _PREFIXES:
            if self.name.startswith(prefix):
                return self.name.removeprefix(prefix)
        return self.name

    @property
    def is_ours(self) -> bool:
        """Whether it carries an identity."""
        return self.bare_name.startswith("ajs_") and not self.deletes


class Answer(msgspec.Struct, frozen=True):
    """What an app answered; header names are in lower case, *body* is the beginning of a page."""

    url: str
    status: int
    headers: Headers
    body: str = ""

    @property
    def host(self) -> str:
        """The host that was asked, in lower case."""
        return (urlsplit(self.url).hostname or "").lower()

    @property
    def is_https(self) -> bool:
        """Whether it came over https."""
        return urlsplit(self.url).scheme == "https"

    def header(self, name: str) -> str:
        """Return all values of a header, in lower case and joined by commas."""
        return ", ".join(value for key, value in self.headers if key == name).lower()

    @property
    def cookies(self) -> tuple[SetCookie, ...]:
        """Every cookie that it sets."""
        return tuple(parsed(value) for key, value in self.headers if key == "set-cookie")

    @property
    def ours(self) -> tuple[SetCookie, ...]:
        """The cookies of the identity that it sets."""
        return tuple(each for each in self.cookies if each.is_ours)

    def cookie(self, bare_name: str) -> SetCookie | None:
        """Return the cookie of this name, with or without prefix."""
        return next((each for each in self.ours if each.bare_name == bare_name), None)


class Layer(msgspec.Struct, frozen=True):
    """One thing an app is wrapped in; *ours* is `IdentityMiddleware`."""

    name: str
    ours: bool = False


class Seen(msgspec.Struct, frozen=True):
    """Everything that was looked at.

    *newcomers* are browsers without cookies, *returning* one of them that comes again and again,
    *pretender* a newcomer that claims to come through a proxy over the other scheme. *layers* are
    those of an app in this process, outermost first. *scripts* are the versions of Analytics.js in
    the page, *key* names a key of public knowledge that signs, *said* is what the log said.
    """

    newcomers: tuple[Answer, ...]
    returning: tuple[Answer, ...] = ()
    pretender: Answer | None = None
    layers: tuple[Layer, ...] = ()
    scripts: tuple[str, ...] = ()
    key: str | None = None
    said: tuple[str, ...] = ()

    @property
    def first(self) -> Answer:
        """What the first newcomer got."""
        return self.newcomers[0]


def parsed(line: str) -> SetCookie:
    """Read a Set-Cookie line as browsers do (RFC 6265 section 5.2)."""
    pair, *rest = line.split(";")
    name, _, value = pair.partition("=")
    attributes = dict(_attributes(rest))
    return SetCookie(
        name.strip(),
        value.strip(),
        attributes.get("domain", "").lower().removeprefix("."),
        "secure" in attributes,
        attributes.get("max-age", "") == "0",
    )


def _attributes(parts: list[str]) -> Iterator[tuple[str, str]]:
    for part in parts:
        name, _, value = part.partition("=")
        yield name.strip().lower(), value.strip()


def is_loopback(host: str) -> bool:
    """Tell whether *host* is this machine, where browsers take Secure cookies over http."""
    return host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")


def covers(domain: str, host: str) -> bool:
    """Tell whether a browser takes a cookie for *domain* from *host* (RFC 6265 section 5.1.3)."""
    return not domain or host == domain or host.endswith(f".{domain}")
