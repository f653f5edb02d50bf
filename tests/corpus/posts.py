"""The inputs of the corpus that are posted to the ingest: bodies, and headers beside one."""

import base64
import json
import zlib
from dataclasses import dataclass
from typing import Any, Final

from .inputs import HERE, Headers
from .tokens import U

# What a header input is sent beside: the event of the corpus that is taken, whoever asks.
_BODY: Final = json.dumps(
    {"type": "track", "event": "E", "anonymousId": U, "messageId": "m-1"}
).encode()
# The headers that say who sends. Where an input has none of them, it is a page of this site.
_SENDERS: Final = frozenset({b"origin", b"sec-fetch-site", b"authorization"})
PAGE: Final = (b"sec-fetch-site", b"same-origin")


@dataclass(frozen=True, slots=True)
class HostilePost:
    """One request to the ingest."""

    id: str
    path: str
    headers: Headers
    body: bytes
    expect: dict[str, Any]
    cut: bool = False

    def __str__(self) -> str:
        return self.id

    @property
    def is_packed(self) -> bool:
        """Tell whether the body says that it is packed."""
        return (b"content-encoding", b"gzip") in self.headers

    @property
    def is_from_a_page(self) -> bool:
        """Tell whether it is sent as a page of the site sends it."""
        return PAGE in self.headers


def load() -> list[HostilePost]:
    """Return every body input, and every header input of a tracking route."""
    document = json.loads((HERE / "hostile_inputs.json").read_text("utf-8"))
    return [
        _post(each)
        for each in document["inputs"]
        if each["kind"] == "body" or each.get("request", {}).get("path", "").startswith("/v1")
    ]


def _post(each: dict[str, Any]) -> HostilePost:
    octets = _octets(each["encoding"], each["raw"])
    given = {k.lower().encode(): v.encode("latin-1") for k, v in each.get("headers", {}).items()}
    if each["kind"] == "body":
        path, body = each["target"].partition(" ")[2], octets
    else:
        path, body = each["request"]["path"], _BODY
        given = {b"content-type": b"application/json", each["target"].encode(): octets}
    headers = [(b"host", b"app.example.com"), *given.items()]
    if not _SENDERS & given.keys():
        headers.append(PAGE)
    return HostilePost(each["id"], path, headers, body, each["expect"], "delivery" in each)


def _octets(encoding: str, raw: str) -> bytes:
    if encoding == "latin-1":
        return raw.encode("latin-1")
    packed = base64.b64decode(raw)
    return zlib.decompress(packed) if encoding == "base64+zlib" else packed
