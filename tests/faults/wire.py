"""Just enough HTTP/1.1 for a collector on loopback: requests out of bytes, answers into bytes."""

import gzip
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import NamedTuple


class Request(NamedTuple):
    """One request; the names of its headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Malformed(Exception):
    """These bytes are no HTTP/1.1 request with a Content-Length."""


class Reader:
    """Cuts what a connection receives into requests."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Request]:
        """Take bytes and yield the requests they complete."""
        self._held += data
        while (end := self._held.find(b"\r\n\r\n", 0, 65_536)) >= 0:
            line, *lines = self._held[:end].decode("latin-1").split("\r\n")
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (each.partition(":") for each in lines)
            }
            length = _length(headers)
            if len(self._held) < end + 4 + length:
                return
            body = bytes(self._held[end + 4 : end + 4 + length])
            del self._held[: end + 4 + length]
            method, path, *_ = [*line.split(" "), ""]
            yield Request(method, path.partition("?")[0], headers, body)


def _length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise Malformed("a chunked body")
    text = headers.get("content-length", "0")
    if not text.isdecimal():
        raise Malformed("a Content-Length that is no number")
    return int(text)


def content(request: Request) -> bytes:
    """Return the body as it was before gzip."""
    if request.headers.get("content-encoding") == "gzip":
        return gzip.decompress(request.body)
    return request.body


def answer(status: int, body: bytes = b"{}", headers: Mapping[str, str] | None = None) -> bytes:
    """Return a response in bytes."""
    known = status in HTTPStatus.__members__.values()
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase if known else 'Odd'}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
