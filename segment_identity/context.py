"""Build Segment's `context` from the bytes of a request (Segment Spec: Common, Context).

Nothing a client sends can make this raise: no URL parser of the standard library is used, because
they raise for some of what browsers and attackers send.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from segment_identity.version import __version__

Context = dict[str, Any]

_MAX_URL: Final = 2_048
_MAX_AGENT: Final = 512
_MAX_VALUE: Final = 256
_MAX_QUERY: Final = 8_192
_MAX_PARTS: Final = 256
_MASK: Final = "[masked]"
LIBRARY: Final = {"name": "segment_identity", "version": __version__}

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_LINK: Final = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?", re.IGNORECASE)
_UTM: Final = re.compile(r"utm_[a-z][a-z_]{0,31}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
_QUALITY: Final = re.compile(r"[01](?:\.[0-9]{0,6})?")
_BRAND: Final = re.compile(r'"([^"\\]{1,64})";\s?v="([^"\\]{0,32})"')
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_INNER: Final = re.compile(r"(?:^|[?&;#])([^?&;#=]{1,64})=")
_JWT: Final = re.compile(r"eyJ[A-Za-z0-9_-]{5,}")
_SECRET_WORDS: Final = frozenset(
    """
    token secret password passwd passphrase pwd pass auth authorization session sessionid sid sig
    signature jwt otp apikey key credential credentials nonce
    """.split()
)
_SECRET_NAMES: Final = frozenset({"code", "state", "ticket", "samlresponse", "phpsessid"})
_SECRET_ENDINGS: Final = ("token", "secret", "password")
# Advertisers' click ids that Analytics.js knows.
_ADS: Final = {"btid": "dataxu", "urid": "millennial-media"}


def from_request(
    headers: Mapping[bytes, bytes],
    *,
    scheme: str,
    server: str,
    path: bytes,
    query: bytes,
    script: bool,
    ip: str | None,
) -> Context:
    """Return the context of one request; *script* says that the page is the Referer instead.

    *headers* have lower-case names; *path* and *query* are as sent, *server* is used if there is
    no usable Host.
    """
    referer = headers.get(b"referer", b"")
    if script and referer:
        page, search = _page_of_link(referer)
    else:
        page, search = _page_of_request(headers, scheme, server, path, query)
        page["referrer"] = link(referer)
    context: Context = {"library": LIBRARY, "page": page}
    if ip is not None:
        context["ip"] = ip
    agent = _text(headers.get(b"user-agent", b""), _MAX_AGENT)
    if agent:
        context["userAgent"] = agent
    hints = _user_agent_data(headers)
    if hints:
        context["userAgentData"] = hints
    language = _locale(headers.get(b"accept-language", b""))
    if language:
        context["locale"] = language
    campaign, ad = _campaign(search)
    if campaign:
        context["campaign"] = campaign
    if ad:
        context["referrer"] = ad
    return context


def merged(context: Mapping[str, Any], given: Mapping[str, Any]) -> Context:
    """Lay what a call gave over the request's context, object by object."""
    result = dict(context)
    for key, value in given.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = {**old, **value} if both else value  # type: ignore[dict-item]
    return result


def link(raw: bytes) -> str:
    """Return a web address without user, secrets and fragment, or "" if it is no web address."""
    found = _LINK.match(_text(raw, _MAX_QUERY))
    if found is None:
        return ""
    scheme, authority, path, search = found.groups()
    host = authority.rpartition("@")[2]
    if not host or not _HOST.fullmatch(host):
        return ""
    return f"{scheme.lower()}://{host}{path}{_masked(search or '')}"[:_MAX_URL]


def without_secrets(url: str) -> str:
    """Return *url*, or a query alone, with the values of secrets masked."""
    before, question, rest = url.partition("?")
    search, hash_, fragment = (rest if question else before).partition("#")
    if not question:
        return f"{search}{hash_}{_masked(fragment)}"
    return f"{before}{question}{_masked(search)}{hash_}{_masked(fragment)}"


def _page_of_request(
    headers: Mapping[bytes, bytes], scheme: str, server: str, path: bytes, query: bytes
) -> tuple[dict[str, str], str]:
    host = _text(headers.get(b"host", b""), 300)
    if not _HOST.fullmatch(host):
        host = server
    shown_path = quote(path[:_MAX_URL], safe="/%:@!$&'()*+,;=~-._")
    search = _text(query, _MAX_QUERY)
    search = "?" + search if search else ""
    masked = _masked(search)
    url = f"{scheme}://{host}{shown_path}" if host else shown_path
    return _page(shown_path, masked, f"{url}{masked}"), search


def _page_of_link(referer: bytes) -> tuple[dict[str, str], str]:
    url = link(referer)
    found = _LINK.match(url)
    if found is None:
        return _page("", "", ""), ""
    search = found[4] or ""
    return _page(found[3] or "/", search, url), search


def _page(path: str, search: str, url: str) -> dict[str, str]:
    return {
        "path": path,
        "referrer": "",
        "search": search[:_MAX_URL],
        "title": "",
        "url": url[:_MAX_URL],
    }


def _masked(search: str) -> str:
    """Mask the values of secrets in a query with or without its `?`."""
    if not search:
        return search
    parts = search.split("&", _MAX_PARTS)[:_MAX_PARTS]
    return "&".join(map(_masked_part, parts))


def _masked_part(part: str) -> str:
    name, equals, value = part.partition("=")
    if equals and (_is_secret(_unquoted(name.lstrip("?"))) or _holds_secret(_unquoted(value))):
        return f"{name}={_MASK}"
    return part


def _holds_secret(value: str) -> bool:
    """Tell whether a value is a token, or an address or query (after `;`, too) that has one."""
    if _JWT.search(value):
        return True
    inner = _INNER.findall(value, 0, _MAX_URL) if "=" in value else ()
    return any(_is_secret(_unquoted(name)) for name in inner)


def _is_secret(name: str) -> bool:
    lowered = name.lower()
    if lowered in _SECRET_NAMES or lowered.endswith(_SECRET_ENDINGS):
        return True
    return any(word.lower() in _SECRET_WORDS for word in (*_WORDS.findall(name), lowered))


def _campaign(search: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return Segment's campaign (utm_campaign is its `name`) and the ad's referrer id."""
    campaign: dict[str, str] = {}
    ad: dict[str, str] = {}
    if "utm_" not in search and "id=" not in search:
        return campaign, ad
    for part in search.removeprefix("?").split("&", _MAX_PARTS)[:_MAX_PARTS]:
        name, _, value = part.partition("=")
        if _UTM.fullmatch(name):
            key = name[4:]
            shown = _MASK if _is_secret(key) else _value(value)
            campaign.setdefault("name" if key == "campaign" else key, shown)
        elif name in _ADS and not ad:
            ad = {"id": _value(value), "type": _ADS[name]}
    return campaign, ad


def _value(raw: str) -> str:
    text = _unquoted(raw.replace("+", " "))
    return _MASK if _JWT.search(text) else text[:_MAX_VALUE]


def _unquoted(text: str) -> str:
    if "%" not in text:
        return text
    return CONTROL.sub("", unquote_to_bytes(text).decode("utf-8", "replace"))


def _text(raw: bytes, limit: int) -> str:
    return CONTROL.sub("", raw[:limit].decode("utf-8", "replace"))


def _locale(header: bytes) -> str:
    """Return the preferred language of an Accept-Language header; the first of equals wins."""
    best, best_quality = "", 0.0
    for each in header[:_MAX_VALUE].decode("latin-1").split(","):
        tag, _, parameter = each.partition(";")
        given = parameter.strip().removeprefix("q=")
        quality = 1.0 if not given else float(given) if _QUALITY.fullmatch(given) else 0.0
        if quality > best_quality and _LANGUAGE.fullmatch(tag.strip()):
            best, best_quality = tag.strip(), quality
    return best


def _user_agent_data(headers: Mapping[bytes, bytes]) -> Context:
    brands = _BRAND.findall(headers.get(b"sec-ch-ua", b"")[:_MAX_AGENT].decode("latin-1"))
    if not brands:
        return {}
    clean = [{"brand": CONTROL.sub("", b), "version": CONTROL.sub("", v)} for b, v in brands]
    platform = headers.get(b"sec-ch-ua-platform", b"").strip(b'"')
    return {
        "brands": clean,
        "mobile": headers.get(b"sec-ch-ua-mobile") == b"?1",
        "platform": _text(platform, 64),
    }
