"""The code of docs/frameworks.md, each block in a real server or worker."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from .pages import SETTINGS, blocks, rows, serving

BLOCKS: Final = blocks("docs/frameworks.md")
DJANGO: Final = """
from django.conf import settings as django_settings

django_settings.configure(SECRET_KEY="any", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
"""


@pytest.mark.parametrize(
    ("framework", "before"),
    [
        ("Litestar", SETTINGS),
        ("Quart", SETTINGS),
        ("Django", SETTINGS + DJANGO),
    ],
)
def test_a_visit_is_one_person_in_every_framework(
    tmp_path: Path, framework: str, before: str
) -> None:
    (block,) = BLOCKS[framework]
    with serving(tmp_path, before + block) as (process, url):
        with httpx.Client(base_url=url) as browser:
            assert browser.get("/").text == "<h1>Plants</h1>"
            device = browser.cookies["ajs_anonymous_id"]
            assert browser.post("/sign-up").status_code < 300
            assert browser.cookies["ajs_user_id"] == "u-1"
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
    assert "Traceback" not in said
    assert rows(tmp_path, "SELECT name, anonymous_id FROM pages") == [("Home", device)]
    assert rows(tmp_path, "SELECT event, anonymous_id, user_id FROM tracks") == [
        ("signed_up", device, "u-1")
    ]


def in_a_process(folder: Path, program: str) -> None:
    """Run a program to its end."""
    (folder / "worker.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "worker.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


REQUEST: Final = """
visitor = analytics.identity(anonymous_id="7e57ab1e-0000-4000-8000-00000000cafe", user_id="u-1")
visitor.track("Report Asked For")
request = SimpleNamespace(state=SimpleNamespace(identity=visitor))
"""
CELERY: Final = """
import time
from celery.contrib.testing.worker import start_worker

with start_worker(celery, perform_ping_check=False, shutdown_timeout=20):
    report(request)
    until = time.monotonic() + 20
    while analytics.stats().accepted < 2 and time.monotonic() < until:
        time.sleep(0.05)
"""
ARQ: Final = """
import asyncio
import sys

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker


async def main():
    redis = RedisSettings(unix_socket_path="redis.sock")
    async with await create_pool(redis) as pool:
        request.app = SimpleNamespace(state=SimpleNamespace(redis=pool))
        await report(request)
    worker = Worker(functions=WorkerSettings.functions, redis_settings=redis, burst=True)
    await worker.main()
    await worker.close()


asyncio.run(main())
"""


@contextmanager
def redis(folder: Path) -> Iterator[None]:
    """Run a Redis that listens on a socket file in *folder*."""
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("needs Redis: apt-get install redis-server")
    options = ("--port", "0", "--unixsocket", "redis.sock", "--save", "", "--loglevel", "warning")
    with subprocess.Popen([server, *options], cwd=folder) as process:
        try:
            for _ in range(100):
                if (folder / "redis.sock").exists():
                    break
                time.sleep(0.05)
            yield
        finally:
            process.terminate()


def jobs(folder: Path) -> list[tuple[object, ...]]:
    """Return whose jobs the database of the program knows."""
    return rows(folder, "SELECT event, anonymous_id, user_id FROM tracks ORDER BY event")


WHO: Final = ("7e57ab1e-0000-4000-8000-00000000cafe", "u-1")


def test_a_celery_task_goes_on_with_the_identity_of_its_request(tmp_path: Path) -> None:
    in_a_process(tmp_path, SETTINGS + BLOCKS["Jobs"][0] + REQUEST + CELERY)
    assert jobs(tmp_path) == [("report_asked_for", *WHO), ("report_ready", *WHO)]


def test_an_arq_job_goes_on_with_the_identity_of_its_request(tmp_path: Path) -> None:
    with redis(tmp_path):
        in_a_process(tmp_path, SETTINGS + BLOCKS["Jobs"][1] + REQUEST + ARQ)
    assert jobs(tmp_path) == [("report_asked_for", *WHO), ("report_ready", *WHO)]
