"""Every hostile input as raw bytes on a TCP socket to a real server."""

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import pytest

from .checks import ANSWER_CHECKS, INVARIANTS
from .drive import Answer, Visit
from .inputs import HERE, HostileInput, load
from .tokens import rendered

# A server without TLS speaks for no input that needs https.
INPUTS: Final = [each for each in load() if each.wire != "server-rejects" and each.scheme == "http"]
# What h11 refuses itself, as RFC 9112 demands or allows: a request line with bytes outside ASCII
# or none, or more or fewer than one Host.
REFUSED_BY_SERVER: Final = frozenset({"H040", "Q032"})
PATIENCE: Final = 10.0


class Server:
    """A real uvicorn in its own process."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "hostile_app.py")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # It shall import the package these tests import, installed or not.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        line = self.process.stdout.readline() if ready else b""
        if not line.strip().isdigit():
            raise AssertionError(f"the server did not start: {self.stop()!r}")
        self.port = int(line)

    def ask(self, request: bytes) -> bytes:
        """Send *request* and return all bytes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            # A refusing server may close before it has read everything.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(request)
            received = b""
            with suppress(ConnectionResetError):
                while part := connection.recv(65_536):
                    received += part
            return received

    def stop(self) -> bytes:
        """End the process and return what it wrote to stderr."""
        self.process.terminate()
        _, errors = self.process.communicate(timeout=PATIENCE)
        return errors


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.stop()


@pytest.mark.parametrize("hostile", [pytest.param(each, id=each.id) for each in INPUTS])
def test_real_server_answers_as_expected(server: Server, hostile: HostileInput) -> None:
    sent = hostile.sent(lambda raw: rendered(raw, "http"))
    received = server.ask(_request(hostile, sent))
    if not received or received.split(b" ", 2)[1] == b"400":
        assert hostile.wire == "server-dependent" or hostile.id in REFUSED_BY_SERVER
        return
    answer = _parsed(received)
    seen = json.loads(answer.body) if answer.status == 200 and answer.body else {}
    found = Visit(hostile, sent, answer, seen)
    assert answer.status == _status(hostile)
    for check in INVARIANTS:
        check(found)
    for key in ANSWER_CHECKS.keys() & hostile.expect.keys():
        if seen or key in {"set_cookie", "no_domain_from_host"}:
            ANSWER_CHECKS[key](found, hostile.expect[key])


def test_server_survives_all_of_it() -> None:
    """One process meets every input in turn and then still serves a visitor."""
    server = Server()
    try:
        for hostile in INPUTS:
            server.ask(_request(hostile, hostile.sent(lambda raw: rendered(raw, "http"))))
        last = server.ask(b"GET / HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n")
        is_alive = server.process.poll() is None
    finally:
        errors = server.stop()
    assert is_alive
    assert _parsed(last).status == 200
    assert b"Traceback" not in errors


def _request(hostile: HostileInput, sent: list[bytes]) -> bytes:
    query = hostile.query_string(sent)
    target = hostile.path.encode() + (b"?" + query if query else b"")
    lines = [hostile.method.encode() + b" " + target + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in hostile.request_headers(sent)]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


def _status(hostile: HostileInput) -> int:
    if hostile.target == "if-none-match":
        return 304
    return 405 if hostile.method not in {"GET", "HEAD"} else 200


def _parsed(received: bytes) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    pairs = (line.partition(b":") for line in lines)
    headers = [(name.lower(), value.strip()) for name, _, value in pairs]
    return Answer(int(status.split(b" ")[1]), headers, body)
