"""Keep one visitor's cookies out of everybody's cache (RFC 9111 section 7.3).

Set-Cookie does not stop a shared cache from storing a response; only Cache-Control does. And all
first-time visitors look alike to `Vary: Cookie`, so a response that says it is public must not
carry an identity at all.
"""

from typing import Final

Headers = list[tuple[bytes, bytes]]

_NO_STORE_STATUS: Final = frozenset({206, 304})
_SHARED_HEADERS: Final = frozenset(
    {b"cdn-cache-control", b"surrogate-control", b"cloudflare-cdn-cache-control"}
)
_SHARED: Final = frozenset({b"public", b"s-maxage", b"immutable"})
_PRIVATE: Final = frozenset({b"private", b"no-store"})


def may_carry_cookies(status: int, headers: Headers) -> bool:
    """Tell whether a response with this status and these headers may set an identity."""
    if status < 200 or status in _NO_STORE_STATUS:
        return False
    for name, value in headers:
        lowered = name.lower()
        if lowered in _SHARED_HEADERS:
            return False
        if lowered == b"cache-control" and not _SHARED.isdisjoint(_directives(value)):
            return False
    return True


def keep_private(headers: Headers) -> Headers:
    """Return *headers* with `private` in Cache-Control and `Cookie` in Vary."""
    kept: Headers = []
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
    if _PRIVATE.isdisjoint(_directives(control)):
        control = control + b", private" if control else b"private"
    vary = b", ".join(filter(None, varies))
    if _directives(vary).isdisjoint((b"cookie", b"*")):
        vary = vary + b", Cookie" if vary else b"Cookie"
    return [*kept, (b"cache-control", control), (b"vary", vary)]


def sets_cookie(headers: Headers, line: bytes) -> bool:
    """Tell whether the app already sets the cookie that *line* would set."""
    name = line.partition(b"=")[0]
    return any(
        header.lower() == b"set-cookie" and value.partition(b"=")[0].strip() == name
        for header, value in headers
    )


def _directives(value: bytes) -> set[bytes]:
    return {part.partition(b"=")[0].strip().lower() for part in value.split(b",")}
