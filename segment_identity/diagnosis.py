"""Say what is wrong with an app's identities, and what to do, from what was seen of it.

Every rule looks at one thing and knows nothing of the others; a healthy app gives no finding.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from segment_identity.seen import Answer, Seen, covers, is_loopback

# From this version on the cookies win over localStorage when Analytics.js loads.
COOKIES_WIN: Final = (1, 84, 3)

_SHARED: Final = re.compile(r"\b(?:public|s-maxage|immutable)\b")
_JOINED: Final = re.compile(r",\s*(?:__\w+-)?ajs_\w+=")
_HIT: Final = re.compile(r"\bhit\b")


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong; *code* is for programs, *what* and *do* for people."""

    code: str
    what: str
    do: str


Rule = Callable[[Seen], Iterator[Finding]]


def findings(seen: Seen) -> list[Finding]:
    """Return everything that is wrong, the worst first."""
    return [finding for rule in _RULES for finding in rule(seen)]


def _no_identity(seen: Seen) -> Iterator[Finding]:
    first = seen.first
    if any(each.ours for each in seen.newcomers) or any(each.ours for each in seen.returning):
        return
    control = first.header("cache-control") + first.header("cdn-cache-control")
    if _SHARED.search(control):
        yield Finding(
            "public_page",
            "the page says that caches may share it, so nobody gets an identity there",
            "leave it so if people enter elsewhere; else send Cache-Control: private, no-cache",
        )
    elif seen.layers and not any(layer.ours for layer in seen.layers):
        yield Finding(
            "not_installed",
            "IdentityMiddleware is not among the layers of the app: "
            + ", ".join(layer.name for layer in seen.layers),
            "app.add_middleware(IdentityMiddleware, secret_key=…), on the app that serves pages",
        )
    else:
        yield Finding(
            "no_identity",
            f"a browser that opens the page gets no identity (status {first.status})",
            "look whether the middleware wraps the app that answers here, not a mounted part of "
            "it, whether exclude= names this path, and whether something outside answers first",
        )


def _lost_cookies(seen: Seen) -> Iterator[Finding]:
    first = seen.first
    names = {each.bare_name for each in first.ours}
    joined = any(_JOINED.search(value) for name, value in first.headers if name == "set-cookie")
    # Without the plain cookies next to it, the signed one reads as a reset on each visit.
    alone = names == {"ajs_identity"} and _renewals(seen) > 1
    torn = names and not names >= {"ajs_identity", "ajs_anonymous_id"} and names != {"ajs_identity"}
    if not (joined or alone or torn):
        return
    outside: list[str] = []
    for layer in seen.layers:
        if layer.ours:
            break
        outside.append(layer.name)
    suspects = f"; outside of ours: {', '.join(outside)}" if outside else ""
    yield Finding(
        "lost_cookies",
        f"of the identity's cookies only {', '.join(sorted(names))} arrived in good order: "
        f"something makes one of several Set-Cookie headers{suspects}",
        "copy response headers with .raw or MutableHeaders in that middleware, never as a dict",
    )


def _wrong_domain(seen: Seen) -> Iterator[Finding]:
    host = seen.first.host
    wrong = {each.domain for each in seen.first.ours if not covers(each.domain, host)}
    for domain in sorted(wrong):
        yield Finding(
            "wrong_domain",
            f"the cookies are for {domain}, and browsers refuse them from {host}",
            f"set cookie_domain to {host} or to a domain above it, or leave it out",
        )
    hosts_only = seen.first.ours and not any(each.domain for each in seen.first.ours)
    site = ".".join(host.split(".")[-2:])
    has_site = host.count(".") >= 1 and not re.fullmatch(r"[\d.]+", host) and not is_loopback(host)
    if seen.scripts and hosts_only and has_site:
        yield Finding(
            "host_only",
            f"Analytics.js in the page keeps its cookies for all of {site}, this app keeps them "
            f"for {host}; reset() on one side leaves the other's",
            f'cookie_domain="{site}"',
        )


def _secure_over_http(seen: Seen) -> Iterator[Finding]:
    first = seen.first
    secure = any(each.secure for each in first.ours)
    if first.is_https or not secure or is_loopback(first.host):
        return
    yield Finding(
        "secure_over_http",
        "the cookies say Secure and the page came over http, where browsers drop them",
        "serve the site over https; over http alone leave secure= out",
    )


def _untrusted_proxy(seen: Seen) -> Iterator[Finding]:
    first = seen.first
    if first.is_https and first.ours and not all(each.secure for each in first.ours):
        yield Finding(
            "untrusted_proxy",
            "the page came over https and its cookies lack Secure: the app believes in http, "
            "and takes the proxy's address for everybody's",
            "trusted_proxies=1, or as many proxies as stand in front",
        )


def _trusts_anybody(seen: Seen) -> Iterator[Finding]:
    if seen.pretender is None or not seen.first.ours or not seen.pretender.ours:
        return
    before = all(each.secure for each in seen.first.ours)
    if all(each.secure for each in seen.pretender.ours) != before:
        yield Finding(
            "trusts_anybody",
            "a visitor who writes X-Forwarded-Proto and X-Forwarded-For is believed, and can "
            "choose an address and a scheme",
            "lower trusted_proxies (0 without a proxy), or have the proxy replace these headers",
        )


def _cached(seen: Seen) -> Iterator[Finding]:
    ids = [
        each.cookie("ajs_anonymous_id") or each.cookie("ajs_identity") for each in seen.newcomers
    ]
    given = [each.value for each in ids if each is not None]
    if len(set(given)) < len(given):
        yield Finding(
            "shared_by_cache",
            "two new visitors got the same identity: a cache answers with somebody's cookies",
            "let the cache skip responses with Set-Cookie, or send Cache-Control: private there",
        )
    elif any(_is_cacheable(each) for each in seen.newcomers):
        yield Finding(
            "cached_cookie",
            "a response that caches may share or have kept carries an identity",
            "find what adds Cache-Control after the middleware, or caches in front of it",
        )


def _is_cacheable(answer: Answer) -> bool:
    if not answer.ours:
        return False
    control = answer.header("cache-control")
    kept = _HIT.search(answer.header("x-cache") + " " + answer.header("cf-cache-status"))
    return bool(kept or (_SHARED.search(control) and "private" not in control))


def _not_kept(seen: Seen) -> Iterator[Finding]:
    renewals = _renewals(seen)
    # The first return may still complete what the first visit began.
    if renewals > 1 and seen.first.cookie("ajs_anonymous_id") is not None:
        yield Finding(
            "not_kept",
            f"a browser that returns is given a new signed cookie {renewals} times in "
            f"{len(seen.returning)}: processes do not verify each other's",
            "give every process the same secret_key, from the environment, not made at start",
        )


def _renewals(seen: Seen) -> int:
    given = [each.cookie("ajs_identity") for each in seen.returning]
    return len({each.value for each in given if each is not None})


def _old_script(seen: Seen) -> Iterator[Finding]:
    for version in seen.scripts:
        if tuple(map(int, version.split("."))) < COOKIES_WIN:
            yield Finding(
                "old_script",
                f"Analytics.js {version} lets localStorage win over the cookies when it loads",
                f"update it to {'.'.join(map(str, COOKIES_WIN))} or newer",
            )


def _public_key(seen: Seen) -> Iterator[Finding]:
    if seen.key is not None:
        yield Finding(
            "public_key",
            f"the identities are signed with a key that everybody can read: {seen.key}",
            'make one: python -c "import secrets; print(secrets.token_urlsafe(32))"',
        )


def _layers(seen: Seen) -> Iterator[Finding]:
    if sum(layer.ours for layer in seen.layers) > 1:
        yield Finding(
            "twice",
            "IdentityMiddleware wraps the app twice; the outer one serves, the inner one's "
            "options say nothing",
            "add it once, on the outermost app",
        )


def _said(seen: Seen) -> Iterator[Finding]:
    for line in seen.said:
        yield Finding("said", f"while being visited the app logged: {line}", "see the line")


_RULES: Final[tuple[Rule, ...]] = (
    _public_key,
    _cached,
    _no_identity,
    _lost_cookies,
    _wrong_domain,
    _secure_over_http,
    _untrusted_proxy,
    _trusts_anybody,
    _not_kept,
    _layers,
    _old_script,
    _said,
)
