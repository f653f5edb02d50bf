"""Forks, exits and jobs: what happens to events when a process begins or ends."""

import json
import os
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from segment_identity import Analytics, IdentityMiddleware
from segment_identity.destinations import Memory

from .support import lines, run

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

FORK = """
import os, sys
from segment_identity import Analytics
from delivery.support import Appending, Gate, emit

gate = Gate()
analytics = Analytics(Appending(sys.argv[1], pause=0.2), gate)
emit(analytics, "Sent")
gate.entered.wait(10)
emit(analytics, "Parent 1", "Parent 2")
child = os.fork()
if child == 0:
    stats = analytics.stats()
    gate.opened.set()
    emit(analytics, "Child", accepted=stats.accepted, pending=stats.pending)
    sys.exit(0)
gate.opened.set()
assert os.waitpid(child, 0)[1] == 0
assert analytics.close(10)
assert analytics.stats().accepted == 6, analytics.stats()
"""


@needs_fork
def test_forked_child_starts_empty_and_the_parent_keeps_its_events(tmp_path: Path) -> None:
    file = tmp_path / "events"
    run(FORK, file, flags=())
    messages = lines(file)
    names = sorted(each["event"] for each in messages)
    assert names == ["Child", "Parent 1", "Parent 2", "Sent"]
    child = next(each for each in messages if each["event"] == "Child")
    assert child["properties"] == {"accepted": 0, "pending": 0}
    assert child["process"] not in {e["process"] for e in messages if e["event"] != "Child"}


# Threads that do something all the time, and children forked meanwhile that do it, too.
FORKS = """
import faulthandler, os, sys, threading
{setup}

sys.setswitchinterval(1e-5)
is_over = threading.Event()

def work():
    while not is_over.is_set():
        {work}

workers = [threading.Thread(target=work, daemon=True) for _ in range(4)]
for each in workers:
    each.start()
for _ in range(150):
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(10, exit=True)
        {child}
    assert os.waitpid(child, 0)[1] == 0
is_over.set()
for each in workers:
    each.join()
{end}
"""
BUSY_FORK = FORKS.format(
    setup="""
from segment_identity import Analytics
from segment_identity.destinations import Memory
from delivery.support import emit

analytics = Analytics(Memory(), max_events=200_000)
""",
    work="""
        emit(analytics, "Large", text="x" * 40_000)
        emit(analytics, "Small")
        analytics.stats()
""",
    child="""
        emit(analytics, "Large", text="x" * 40_000)
        emit(analytics, "Child")
        os._exit(0 if analytics.close(10) and analytics.stats().delivered == 1 else 9)
""",
    end="analytics.close(30)",
)
WATCHED_FORK = FORKS.format(
    setup="""
from segment_identity.inspector.watching import Watch

watch = Watch()
""",
    work='watch(b"event")',
    child='watch(b"event"); os._exit(0)',
    end="",
)


@needs_fork
def test_fork_while_threads_record_hangs_nobody() -> None:
    """A lock that a thread holds at the fork is never released in the child."""
    run(BUSY_FORK, flags=())


POOL = """
import multiprocessing, sys
from segment_identity import Analytics
from delivery.support import emit

analytics = Analytics(f"sqlite:///{sys.argv[1]}")

def work(number):
    emit(analytics, f"Child {number}")
    assert analytics.flush(20)

if __name__ == "__main__":
    emit(analytics, "Parent")
    assert analytics.flush(20)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(work, range(40))
    emit(analytics, "Parent")
"""

COUNT = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as connection:
    print(*connection.execute("SELECT count(*), count(DISTINCT id) FROM tracks").fetchone())
connection.close()
"""


@needs_fork
def test_pool_of_forked_workers_shares_one_database(tmp_path: Path) -> None:
    database = tmp_path / "events.db"
    run(POOL, database, flags=())
    assert run(COUNT, database).split() == ["42", "42"]


CHILDREN = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
from segment_identity import Analytics
from delivery.support import Appending, emit

analytics = Analytics(Appending(sys.argv[1], pause=0.1))

def work(number):
    emit(analytics, f"Child {number}")

if __name__ == "__main__":
    emit(analytics, "Parent")
    context = multiprocessing.get_context(sys.argv[2])
    child = context.Process(target=work, args=(1,))
    child.start()
    child.join()
    assert child.exitcode == 0
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(work, 2).result()
    emit(analytics, "Parent later")
"""


@needs_fork
@pytest.mark.parametrize("way", ["fork", "forkserver"])
def test_children_of_multiprocessing_deliver_before_they_end(tmp_path: Path, way: str) -> None:
    """Until Python 3.13 most of them ran nothing that was registered with atexit."""
    file, program = tmp_path / "events", tmp_path / "program.py"
    program.write_text(CHILDREN)
    run(
        "import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__')",
        program,
        file,
        way,
        flags=(),
    )
    told = [(each["event"], each["process"]) for each in lines(file)]
    named = dict(told)
    assert sorted(named) == ["Child 1", "Child 2", "Parent", "Parent later"]
    assert len(told) == 4
    assert named["Parent"] == named["Parent later"]
    assert len(set(named.values())) == 3


HANGING_CHILD = """
import multiprocessing, sys, time
from segment_identity import Analytics
from delivery.support import Gate, emit

analytics = Analytics(Gate(), shutdown_timeout=0.3)
child = multiprocessing.get_context("fork").Process(target=emit, args=(analytics, "Event"))
began = time.monotonic()
child.start()
child.join()
print(time.monotonic() - began)
"""


@needs_fork
def test_a_child_of_multiprocessing_ends_in_time(tmp_path: Path) -> None:
    assert float(run(HANGING_CHILD, flags=())) < 5


EXIT = """
import sys
from segment_identity import Analytics
from delivery.support import Appending, emit

analytics = Analytics(Appending(sys.argv[1], pause=0.1))
emit(analytics, *["Event"] * 1_000)
ENDING
"""


@pytest.mark.parametrize(
    ("ending", "code"),
    [("", 0), ("sys.exit(3)", 3), ("raise RuntimeError", 1), ("del analytics", 0)],
)
def test_interpreter_that_exits_without_flush_loses_nothing(
    tmp_path: Path, ending: str, code: int
) -> None:
    file = tmp_path / "events"
    run(EXIT.replace("ENDING", ending), file, expect=code)
    assert len(lines(file)) == 1_000


def test_event_recorded_while_the_interpreter_exits_is_delivered(tmp_path: Path) -> None:
    file = tmp_path / "events"
    later = "import atexit\natexit.register(lambda: emit(analytics, 'Last'))\nemit("
    run(EXIT.replace("emit(", later, 1).replace("ENDING", ""), file)
    assert len(lines(file)) == 1_001


LATE = """
import sys, threading
from segment_identity import Analytics
from delivery.support import Appending, emit

class Late(Appending):
    worker = None

    def close(self):
        if self.worker is None:
            self.worker = threading.Thread(target=emit, args=(analytics, "Late"))
            self.worker.start()
            self.worker.join()

analytics = Analytics(Late(sys.argv[1], pause=0.2))
emit(analytics, "Event")
assert analytics.close()
"""


def test_event_of_a_thread_while_everything_closes_is_delivered_at_exit(tmp_path: Path) -> None:
    file = tmp_path / "events"
    run(LATE, file)
    assert [each["event"] for each in lines(file)] == ["Event", "Late"]


CLOSED_OFTEN = """
import sys, threading
from segment_identity import Analytics
from delivery.support import Appending, emit

sys.setswitchinterval(1e-5)
options = {"spool": sys.argv[2]} if len(sys.argv) > 2 else {}
analytics = Analytics(Appending(sys.argv[1]), **options)

def work():
    for _ in range(100):
        emit(analytics, *["Event"] * 5)

workers = [threading.Thread(target=work) for _ in range(4)]
for each in workers:
    each.start()
while any(each.is_alive() for each in workers):
    analytics.close()
"""


ADOPTING = """
import sys
from segment_identity import Analytics
from delivery.support import Appending

analytics = Analytics(Appending(sys.argv[1]), spool=sys.argv[2])
analytics.start()
assert analytics.flush(30)
"""


@pytest.mark.parametrize("spooled", [False, True], ids=["in memory", "with a spool"])
def test_closing_again_and_again_loses_no_event_of_other_threads(
    tmp_path: Path, spooled: bool
) -> None:
    file, spool = tmp_path / "events", tmp_path / "spool"
    run(CLOSED_OFTEN, file, *([spool] if spooled else []))
    if spooled:
        # What closing had no time for is in the spool, and the next process delivers it.
        run(ADOPTING, file, spool)
    assert len({each["messageId"] for each in lines(file)}) == 2_000


def test_exit_waits_no_longer_than_the_shutdown_timeout(tmp_path: Path) -> None:
    program = """
import time
from segment_identity import Analytics
from delivery.support import Failing, Gate, emit

analytics = Analytics(Failing(), Gate(), shutdown_timeout=0.3)
emit(analytics, "One")
began = time.monotonic()
import atexit
atexit._run_exitfuncs()
print(time.monotonic() - began)
"""
    assert float(run(program)) < 1.5


def test_two_analytics_are_both_delivered_at_exit(tmp_path: Path) -> None:
    program = """
import sys
from segment_identity import Analytics
from delivery.support import Appending, emit

for name in sys.argv[1:]:
    emit(Analytics(Appending(name, pause=0.1)), "One")
"""
    files = [tmp_path / "first", tmp_path / "second"]
    run(program, *files)
    assert [len(lines(file)) for file in files] == [1, 1]


MOUNTED = """
import sys
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from segment_identity import Analytics, IdentityMiddleware
from delivery.support import Appending

async def endpoint(request):
    request.state.identity.track("Seen")
    return PlainTextResponse("Hi")

ours = Middleware(
    IdentityMiddleware,
    secret_key="Rk3vTq9w-YbN2xLm8-tests",
    analytics=Analytics(Appending(sys.argv[1], pause=0.1)),
)
inner = Starlette(routes=[Route("/page", endpoint)], middleware=[ours])
client = TestClient(Starlette(routes=[Mount("/shop", inner)]))
for _ in range(100):
    assert client.get("/shop/page").text == "Hi"
"""


def test_mounted_app_without_a_lifespan_delivers_at_exit(tmp_path: Path) -> None:
    file = tmp_path / "events"
    run(MOUNTED, file)
    assert len(lines(file)) == 100


JOB = """
import json, sys
from segment_identity import Analytics
from delivery.support import Appending

with Analytics(Appending(sys.argv[1])) as analytics:
    identity = analytics.identity(**json.loads(sys.argv[2]))
    identity.track("Mailed")
    identity.group("acme")
    identity.identify(traits={"plan": "gold"})
"""


def handed_over(memory: Memory) -> str:
    """Return what a request gives to a job queue."""

    def endpoint(request: Request) -> Response:
        identity = request.state.identity
        identity.identify("ada", {"plan": "free"})
        identity.group("acme", {"size": 7})
        identity.track("Ordered")
        return JSONResponse(identity.to_dict())

    analytics = Analytics(memory)
    ours = Middleware(IdentityMiddleware, secret_key="Rk3vTq9w-YbN2xLm8-tests", analytics=analytics)
    app = Starlette(routes=[Route("/order", endpoint)], middleware=[ours])
    answer = TestClient(app, client=("203.0.113.77", 1)).get("/order?utm_source=news")
    assert analytics.close()
    assert answer.json() == json.loads(json.dumps(answer.json()))
    return answer.text


def test_job_in_another_process_has_the_same_ids_and_context(tmp_path: Path) -> None:
    memory = Memory()
    data = handed_over(memory)
    run(JOB, tmp_path / "events", data)
    ordered = memory.messages[-1]
    messages = lines(tmp_path / "events")
    assert [each["type"] for each in messages] == ["track", "group", "identify"]
    for each in messages:
        assert each["anonymousId"] == ordered["anonymousId"]
        assert each["userId"] == "ada"
        assert each["context"] == ordered["context"]
    assert messages[0]["context"]["campaign"] == {"source": "news"}
    assert messages[0]["context"]["groupId"] == "acme"


def test_what_is_handed_over_says_everything() -> None:
    data = json.loads(handed_over(Memory()))
    assert data["user_id"] == "ada"
    assert data["group_id"] == "acme"
    assert data["traits"] == {"plan": "free"}
    assert data["group_traits"] == {"size": 7}
    with Analytics("memory:") as analytics:
        again = analytics.identity(**data).to_dict()
    assert again == data


@needs_fork
def test_fork_while_the_inspector_watches_hangs_nobody() -> None:
    run(WATCHED_FORK, flags=())
