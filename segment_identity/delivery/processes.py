"""What must be closed when the process ends, and begun anew in a forked one."""

import atexit
import os
import sys
import weakref
from typing import Final, Protocol


class Closable(Protocol):
    """What may hold events: an `Analytics`."""

    def close(self) -> bool:
        """Deliver what waits."""

    def forget(self) -> None:
        """Begin anew, in a forked child."""


_all: weakref.WeakSet[Closable] = weakref.WeakSet()
# Those that may have something to deliver; kept alive until they have.
_open: set[Closable] = set()
_exiting = False
_seen_to = False
# Lower than any of multiprocessing's own, so that it comes last.
_LAST: Final = -100


def enter(closable: Closable) -> None:
    """Have *closable* begin anew in forked children."""
    _all.add(closable)


def must_close(closable: Closable) -> bool:
    """Close *closable* when the process ends; False if it is ending, so that nobody will.

    Called after what is to be delivered waits. The exit looks the other way round, first at what
    is open and then at what waits, so one of the two sees the other.
    """
    if closable not in _open:
        _open.add(closable)
        _see_to_child()
    return not _exiting


def closed(closable: Closable) -> None:
    """Note that nothing is left to close."""
    _open.discard(closable)


def _see_to_child() -> None:
    """Have a child of multiprocessing close what is open, too.

    One that was forked ends without atexit before Python 3.13. It drops what its parent registered
    before anything of the app runs, so this is for itself, once. Without the module there is none.
    """
    global _seen_to
    process = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if _seen_to or process is None or util is None or process.parent_process() is None:
        return
    _seen_to = True
    util.Finalize(None, _at_exit, exitpriority=_LAST)


def _at_exit() -> None:
    global _exiting
    _exiting = True
    for each in tuple(_open):
        each.close()


def _after_fork() -> None:
    global _seen_to
    _seen_to = False
    _open.clear()
    for each in list(_all):
        each.forget()


# Registered when this is imported, so that it runs after what the app registers later.
atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork)
