"""A Tracking API on this machine that answers by a script and keeps what it was sent."""

import gzip
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import Message as Headers
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

Answer = tuple[int, dict[str, str]]

TAKEN: Final[Answer] = (200, {})


class Request:
    """One request as it came in, and the moment."""

    def __init__(self, path: str, headers: Headers, raw: bytes, connection: object) -> None:
        self.path = path
        self.headers = headers
        self.raw = raw
        self.connection = connection
        plain = gzip.decompress(raw) if headers["Content-Encoding"] == "gzip" else raw
        self.body: dict[str, Any] = json.loads(plain)

    @property
    def events(self) -> list[str]:
        """The names of the events."""
        return [each.get("event", each["type"]) for each in self.body["batch"]]


class TrackingApi(ThreadingHTTPServer):
    """Answers requests with *script*, one after another, and then says that all is well."""

    daemon_threads = True

    def __init__(self, script: Sequence[Answer], poison: str | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = list(script)
        self.poison = poison
        self.requests: list[Request] = []
        self.taken: list[dict[str, Any]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """What to give to `Analytics`."""
        return f"http://write-key-1@127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent when a client goes away."""

    def answer(self, request: Request) -> Answer:
        """Note the request and return what to say."""
        with self.lock:
            self.requests.append(request)
            if self.script:
                answer = self.script.pop(0)
            else:
                answer = (400, {}) if self.poison in request.events else TAKEN
            if answer[0] == 200:
                self.taken += request.body["batch"]
            return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: TrackingApi

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        request = Request(self.path, self.headers, raw, self.connection)
        status, headers = self.server.answer(request)
        body = b'{"success": true}'
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def tracking_api(*script: Answer, poison: str | None = None) -> Iterator[TrackingApi]:
    """Run a Tracking API while the block lasts."""
    server = TrackingApi(script, poison)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
