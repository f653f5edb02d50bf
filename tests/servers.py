"""Real servers on free ports: from a thread of the test, or as a process of their own."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import uvicorn
from starlette.types import ASGIApp

UVICORN: Final = ("uvicorn", "--host", "127.0.0.1", "--port", "0")


@contextmanager
def in_thread(app: ASGIApp, **options: Any) -> Iterator[int]:
    """Serve *app* by uvicorn, with its *options*, and give the port."""
    config = uvicorn.Config(app, port=0, log_level="warning", **options)
    socket = config.bind_socket()
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield socket.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def in_process(
    *command: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run a server's module in *folder* and give it with its address, once it has said that.

    It is killed with the block if it has not ended.
    """
    options = {"cwd": folder, "stderr": subprocess.STDOUT}
    with python("-u", "-m", *command, environment=environment, **options) as process:
        yield process, _address(process)


@contextmanager
def python(
    *arguments: str, environment: Mapping[str, str] | None = None, **options: Any
) -> Iterator["subprocess.Popen[str]"]:
    """Run Python, whose output can be read, and kill it with the block if it has not ended."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
        **options,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        found = re.search(r"https?://127\.0\.0\.1:\d+", line)
        if found is not None:
            return found[0]
    pytest.fail(said)
