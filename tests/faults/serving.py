"""Real servers in processes of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from .processes import TESTS, environment

PATIENCE: Final = 30.0

APP: Final = "faults.served:app"
# Nobody reads the access log meanwhile, and a full pipe would stop the server.
UVICORN: Final = ("uvicorn", APP, "--host", "127.0.0.1", "--port", "{port}", "--no-access-log")
GUNICORN: Final = (
    *("gunicorn", APP, "--bind", "127.0.0.1:{port}", "--workers", "2"),
    *("--worker-class", "uvicorn_worker.UvicornWorker"),
)
SERVERS: Final[dict[str, Sequence[str]]] = {
    "uvicorn with h11": (*UVICORN, "--http", "h11"),
    "uvicorn with httptools": (*UVICORN, "--http", "httptools", "--workers", "2"),
    "hypercorn": ("hypercorn", APP, "--bind", "127.0.0.1:{port}"),
    "granian": ("granian", APP, "--interface", "asgi", "--host", "127.0.0.1", "--port", "{port}"),
    "gunicorn, 2 workers": GUNICORN,
    "gunicorn, 2 workers, --preload": (*GUNICORN, "--preload"),
}


@contextmanager
def serving(
    command: Sequence[str], kind: str, host: str, spool: Path
) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """Start a server and wait until it answers; it is killed with the block if it has not ended."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", *(part.format(port=port) for part in command)],
        cwd=TESTS,
        # gunicorn keeps a control socket at home.
        env=environment(FAULTS_KIND=kind, FAULTS_HOST=host, FAULTS_SPOOL=spool, HOME=spool),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until and process.poll() is None:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            yield process, port
        finally:
            # Its workers, too.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
