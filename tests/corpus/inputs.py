"""The hostile inputs that reach the identity of a page request, as values.

Body inputs and requests to the tracking routes under /v1 are in `posts`; the selection here leaves
exactly those out.
"""

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
FILES: Final = ("hostile_inputs.json", "extra_inputs.json")
KINDS: Final = ("cookie", "header", "query")
HOST: Final = b"app.example.com"
PEER: Final = "203.0.113.200"

Headers = list[tuple[bytes, bytes]]
Render = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class HostileInput:
    """One input of the corpus; `sent` gives its bytes once templates can be rendered."""

    id: str
    kind: str
    target: str
    encoding: str
    raw: Any
    expect: dict[str, Any]
    wire: str = "ok"
    method: str = "GET"
    path: str = "/"
    scheme: str = "http"
    headers: Headers = field(default_factory=list)

    def __str__(self) -> str:
        return self.id

    @property
    def writes_nothing(self) -> bool:
        """Tell whether the input demands a response without cookies, so that no verb may run."""
        return self.expect.get("set_cookie") is False

    @property
    def is_large(self) -> bool:
        """Tell whether the corpus had to compress it."""
        return self.encoding == "base64+zlib"

    def sent(self, render: Render) -> list[bytes]:
        """Return the hostile bytes: one per header line, or the query string alone."""
        return list(_octets(self.encoding, self.raw, render))

    def request_headers(self, sent: list[bytes]) -> Headers:
        """Return the headers of a plain page request with the hostile lines in their place."""
        name = b"" if self.kind == "query" else self.target.encode("ascii")
        ours = [(name, line) for line in sent] if name else []
        fixed = {each for each, _ in self.headers} | {name}
        defaults = [(b"host", HOST), (b"accept", b"text/html")]
        return [each for each in defaults if each[0] not in fixed] + self.headers + ours

    def query_string(self, sent: list[bytes]) -> bytes:
        """Return the query string of the request."""
        return sent[0] if self.kind == "query" else b""


def load() -> list[HostileInput]:
    """Return every input of the selection, from both files, in order."""
    found = []
    for name in FILES:
        document = json.loads((HERE / name).read_text("utf-8"))
        found += [_input(each) for each in document["inputs"] if _is_ours(each)]
    return found


def _is_ours(each: dict[str, Any]) -> bool:
    path = each.get("request", {}).get("path", "/")
    return each["kind"] in KINDS and not path.startswith("/v1")


def _input(each: dict[str, Any]) -> HostileInput:
    request = each.get("request", {})
    return HostileInput(
        id=each["id"],
        kind=each["kind"],
        target=each["target"],
        encoding=each["encoding"],
        raw=each["raw"],
        expect=each["expect"],
        wire=each.get("wire", "ok"),
        method=request.get("method", "GET"),
        path=request.get("path", "/"),
        scheme=request.get("scheme", "http"),
        headers=[(k.encode(), v.encode("latin-1")) for k, v in each.get("headers", {}).items()],
    )


def _octets(encoding: str, raw: Any, render: Render) -> Iterator[bytes]:
    match encoding:
        case "latin-1":
            yield raw.encode("latin-1")
        case "base64":
            yield base64.b64decode(raw)
        case "base64+zlib":
            yield zlib.decompress(base64.b64decode(raw))
        case "template":
            yield render(raw).encode("latin-1")
        case "list":
            for each in raw:
                yield from _octets(each["encoding"], each["raw"], render)
        case _:
            raise ValueError(f"unknown encoding {encoding!r}")
