"""Let atheris look for a post that the ingest does not survive; run by hand: `make fuzz`.

    PYTHONPATH=tests python -m ingest.fuzz [SECONDS]

It begins with the corpus and what SDKs send, and follows whatever reaches new code. Every post must
get an answer below 500 and leave no fault of ours behind, and every event that is handed on must be
JSON that anybody reads, with ids. What breaks that is printed and kept in the current folder.
"""

import asyncio
import gzip
import json
import math
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import atheris
from corpus.posts import load
from interop.calls import CALLS
from starlette.types import Message

with atheris.instrument_imports(include=["segment_identity"]):
    from segment_identity import Analytics, IdentityMiddleware
    from segment_identity.browser import TrackingAPI

KEY: Final = "Rk3vTq9w-YbN2xLm8-tests"
SECRET: Final = "wQ8zLp2v-server-Yt5Kx"
PATHS: Final = (
    "/v1/t", "/v1/batch", "/v1/i", "/v1/p", "/v1/s", "/v1/g", "/v1/a", "/v1/b", "/v1/m",
    "/v1/import", "/v1/track/", "/v1", "/v1/v1/alias", "//v1//t",
)  # fmt: skip
PAGE: Final = [(b"sec-fetch-site", b"same-origin"), (b"user-agent", b"Browser/1")]
SERVER: Final = [(b"authorization", b"Bearer " + SECRET.encode())]
ALLOWED: Final = {200, 400, 401, 403, 404, 408, 415}
DICTIONARY: Final = (
    *('"type"', '"batch"', '"track"', '"identify"', '"alias"', '"group"', '"userId"', '"event"'),
    *(
        '"anonymousId"',
        '"previousId"',
        '"context"',
        '"traits"',
        '"page"',
        '"timestamp"',
        '"sentAt"',
    ),
    *('"messageId"', '"integrations"', '"properties"', '"consent"', '"categoryPreferences"'),
    *("1e999", "null", "true", "[[[[", "}}}}", '{"a":', "2026-01-01T00:00:00Z", "?token=", "u-1"),
)


class Void:
    """A destination that keeps nothing."""

    def send(self, batch: Any, /) -> None:
        """Take a batch."""

    def close(self) -> None:
        """Release nothing."""


def check(message: dict[str, Any]) -> dict[str, Any]:
    """Raise if this event is none that anybody could read."""
    text = json.dumps(message, allow_nan=False, ensure_ascii=False)
    assert "\x00" not in text
    text.encode("utf-8")
    assert message["type"] in {"identify", "track", "page", "screen", "group", "alias"}
    assert 0 < len(message["messageId"]) < 100
    ids = (message["anonymousId"], message["userId"])
    assert any(ids)
    assert all(each is None or (isinstance(each, str) and each.strip()) for each in ids)
    assert isinstance(message["context"], dict)
    assert isinstance(message["integrations"], dict)
    for name in ("timestamp", "receivedAt"):
        assert message[name].endswith("Z")
        assert len(message[name]) == 24
    return message


class Target:
    """The app under test, and how a text of bytes becomes a post."""

    def __init__(self) -> None:
        self.analytics = Analytics(Void(), before_send=check)
        api = TrackingAPI(self.analytics, secret_keys=[SECRET], rate=None)
        self.app = IdentityMiddleware(api, secret_key=KEY, analytics=self.analytics)
        self.loop = asyncio.new_event_loop()
        self.posts = self.taken = 0

    def __call__(self, octets: bytes) -> None:
        """Post what *octets* say: path, sender, how it is cut and packed, then header and body."""
        path, sender, cut, packed = octets[:4].ljust(4, b"\0")
        header, body = [], octets[4:]
        if sender & 2:
            header = [(b"cookie", body[:48])]
        if sender & 4:
            header.append((b"content-type", body[:24]))
        if packed & 1:
            header.append((b"content-encoding", b"gzip"))
            body = gzip.compress(body, 1) if packed & 2 else body
        size = max(1, math.ceil(len(body) / (cut % 8 + 1)))
        pieces = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
        headers = [(b"host", b"a.example"), *(PAGE if sender & 1 else SERVER), *header]
        status = self.loop.run_until_complete(self._post(PATHS[path % len(PATHS)], headers, pieces))
        self.posts += 1
        self.taken += status == 200
        assert status in ALLOWED, status
        stats = self.analytics.stats()
        assert stats.faults == {}, stats.faults
        assert stats.dropped.keys().isdisjoint({"failed", "before_send_failed"}), stats.dropped

    async def _post(self, path: str, headers: Any, pieces: list[bytes]) -> int:
        waiting = [
            {"type": "http.request", "body": each, "more_body": at < len(pieces) - 1}
            for at, each in enumerate(pieces)
        ]
        status = 0

        async def receive() -> Message:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)

        scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
            "root_path": "", "query_string": b"", "headers": headers, "scheme": "https",
            "client": ("203.0.113.7", 1), "server": ("a.example", 443), "http_version": "1.1",
            "asgi": {"version": "3.0"},
        }  # fmt: skip
        await self.app(scope, receive, send)
        return status


def seeds() -> Iterator[bytes]:
    """Yield what to begin with."""
    for post in load():
        batch = post.path.endswith("batch")
        packed = 1 if post.is_packed else 0
        if len(post.body) < 16_384:
            yield bytes((1 if batch else 0, 1, 0, packed)) + post.body
            yield bytes((1 if batch else 0, 0, 3, packed)) + post.body
    for sender in (0, 1):
        yield bytes((1, sender, 2, 3)) + json.dumps({"batch": CALLS, "sentAt": "now"}).encode()
        for call in CALLS:
            yield bytes((1, sender, 0, 0)) + json.dumps({"batch": [call]}).encode()


def main(seconds: int) -> None:
    """Look for *seconds* seconds."""
    target = Target()
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder, "inputs")
        inputs.mkdir()
        for number, seed in enumerate(seeds()):
            (inputs / str(number)).write_bytes(seed)
        words = Path(folder, "words")
        quoted = (each.replace("\\", "\\\\").replace('"', '\\"') for each in DICTIONARY)
        words.write_text("".join(f'"{each}"\n' for each in quoted))
        options = [f"-max_total_time={seconds}", "-max_len=16384", "-timeout=5", f"-dict={words}"]
        atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", str(inputs)], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 600)
