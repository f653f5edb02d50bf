"""Handlers of signals that record events, in the middle of whatever the main thread does."""

import signal
from pathlib import Path

import pytest

from .support import run

needs_alarm = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")

# An alarm every 200 microseconds, whose handler records an event, while the main thread records
# and looks. The dump ends a process that hangs.
ALARMS = """
import faulthandler, signal, sys
from segment_identity import Analytics
from segment_identity.destinations import Memory
from delivery.support import adds_up, emit, names

faulthandler.dump_traceback_later(40, exit=True)
memory = Memory()
analytics = Analytics(memory, spool=sys.argv[1] or None, max_events=1_000_000)
handled = 0

def handle(number, frame):
    global handled
    handled += 1
    emit(analytics, "Handled")
    if handled % 10 == 0:
        assert adds_up(analytics.stats()), analytics.stats()

signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
for number in range(6_000):
    emit(analytics, "Main")
    if number % 500 == 0:
        analytics.store()
        assert adds_up(analytics.stats()), analytics.stats()
signal.setitimer(signal.ITIMER_REAL, 0)
assert handled > 50, handled
assert analytics.close(30)
stats = analytics.stats()
assert adds_up(stats), stats
assert stats.accepted == stats.delivered == 6_000 + handled, (stats, handled)
assert sorted(names(memory)) == ["Handled"] * handled + ["Main"] * 6_000
"""


@needs_alarm
@pytest.mark.parametrize("spooled", [False, True])
def test_a_signal_whose_handler_records_an_event_stops_nobody(
    tmp_path: Path, spooled: bool
) -> None:
    run(ALARMS, tmp_path if spooled else "", flags=())


# Records an event before and after every single call, which is where Python runs a handler, that is
# made when something is recorded, looked at, stored or closed.
EVERY_CALL = """
import faulthandler, sys
from segment_identity import Analytics
from segment_identity.destinations import Memory
from delivery.support import adds_up, emit, names

faulthandler.dump_traceback_later(50, exit=True)
wanted, at = 0, 0

def watch(frame, event, argument):
    global at
    module = frame.f_globals.get("__name__", "")
    if module.startswith(("segment_identity", "threading")):
        at += 1
        if at == wanted:
            sys.setprofile(None)
            emit(analytics, "Handled")
            assert adds_up(analytics.stats()), analytics.stats()

def interrupted(act):
    # Calls act again and again, each time interrupted later, until it is no more.
    global wanted, at
    wanted = handled = 0
    while True:
        wanted, at = wanted + 1, 0
        sys.setprofile(watch)
        act()
        is_over = sys.getprofile() is not None
        sys.setprofile(None)
        if is_over:
            return handled
        handled += 1

for options in ({}, {"spool": sys.argv[1]}, {"max_events": 1}):
    memory = Memory()
    analytics = Analytics(memory, **options)
    calls = interrupted(lambda: emit(analytics, "Main"))
    handled = calls + interrupted(analytics.stats) + interrupted(analytics.store)
    assert calls > 100
    assert analytics.close(30)
    stats = analytics.stats()
    assert adds_up(stats), stats
    assert stats.accepted == handled + calls + 1, (stats, handled, calls)
    full = stats.dropped.get("queue_full", 0)
    assert stats.delivered == len(memory.messages) == stats.accepted - full, stats

analytics = Analytics(Memory())
interrupted(lambda: emit(analytics, "Main") or analytics.close(30))
assert analytics.close(30) and adds_up(analytics.stats()), analytics.stats()
"""


def test_a_handler_may_record_before_and_after_any_call(tmp_path: Path) -> None:
    run(EVERY_CALL, tmp_path, flags=())
