"""Keep one visitor's cookies out of everybody's cache (RFC 9111 section 7.3).

Set-Cookie does not stop a shared cache from storing a response; only Cache-Control does. And all
first-time visitors look alike to `Vary: Cookie`, so a response that says it is public must not
carry an identity at all.
"""

from collections.abc import Sequence
from typing import Final

Headers = Sequence[tuple[bytes, bytes]]

# Most responses have only these, and need no closer look.
_PLAIN: Final = frozenset({b"content-length", b"content-type", b"location"})
_NO_STORE_STATUS: Final = frozenset({206, 304})
_SHARED_HEADERS: Final = frozenset(
    {b"cdn-cache-control", b"surrogate-control", b"cloudflare-cdn-cache-control"}
)
_CACHING: Final = _SHARED_HEADERS | {b"cache-control", b"expires"}
_SHARED: Final = frozenset({b"public", b"s-maxage", b"immutable"})
_PRIVATE: Final = frozenset({b"private", b"no-store"})


def may_carry_cookies(status: int, headers: Headers) -> bool:
    """Tell whether a response with this status and these headers may set an identity."""
    if status < 200 or status in _NO_STORE_STATUS:
        return False
    for name, value in headers:
        if name in _PLAIN:
            continue
        lowered = name.lower()
        if lowered in _SHARED_HEADERS:
            return False
        if lowered == b"cache-control" and not _SHARED.isdisjoint(_directives(value)):
            return False
    return True


def is_plain(headers: Headers) -> bool:
    """Tell, at little cost, that headers say nothing to caches and set no cookie."""
    for name, _ in headers:
        if name not in _PLAIN:
            break
    else:
        return True
    return False


def with_cookies(
    headers: Headers, lines: Sequence[bytes], *, plain: bool = False
) -> list[tuple[bytes, bytes]]:
    """Return *headers* with the Set-Cookie *lines*, and kept out of shared caches.

    *plain* says that `is_plain` was asked already and said so.
    """
    if plain or is_plain(headers):
        kept = [*headers, (b"cache-control", b"private"), (b"vary", b"Cookie")]
    else:
        lines = without_those_set(lines, headers)
        kept = keep_private(headers)
    for line in lines:
        kept.append((b"set-cookie", line))
    return kept


def personal(headers: Headers) -> Headers:
    """Return the headers of a response whose body is about one visitor; no shared cache keeps it.

    What said otherwise is taken out, as caches differ in what they make of contradictions.
    """
    if may_carry_cookies(200, headers):
        return keep_private(headers)
    kept = [pair for pair in headers if pair[0].lower() not in _CACHING]
    return keep_private(kept)


def keep_private(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return *headers* with `private` in Cache-Control and `Cookie` in Vary."""
    kept: list[tuple[bytes, bytes]] = []
    controls: list[bytes] = []
    varies: list[bytes] = []
    for name, value in headers:
        lowered = name.lower()
        if lowered == b"cache-control":
            controls.append(value)
        elif lowered == b"vary":
            varies.append(value)
        else:
            kept.append((name, value))
    control = b", ".join(filter(None, controls))
    # `private="x-user"` speaks of one field and leaves the rest to be stored.
    whole = {part.strip().lower() for part in control.split(b",")}
    if _PRIVATE.isdisjoint(whole):
        control = control + b", private" if control else b"private"
    vary = b", ".join(filter(None, varies))
    if _directives(vary).isdisjoint((b"cookie", b"*")):
        vary = vary + b", Cookie" if vary else b"Cookie"
    return [*kept, (b"cache-control", control), (b"vary", vary)]


def without_those_set(lines: Sequence[bytes], headers: Headers) -> Sequence[bytes]:
    """Return the Set-Cookie *lines* whose cookie the app does not already set itself."""
    taken = [value for name, value in headers if name.lower() == b"set-cookie"]
    if not taken:
        return lines
    names = {value.partition(b"=")[0].strip() for value in taken}
    return [line for line in lines if line.partition(b"=")[0] not in names]


def _directives(value: bytes) -> set[bytes]:
    return {part.partition(b"=")[0].strip().lower() for part in value.split(b",")}
