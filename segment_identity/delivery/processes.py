"""What must be closed when the process ends, and begun anew in a forked one."""

import atexit
import os
import threading
import weakref
from typing import Protocol


class Closable(Protocol):
    """What may hold events: an `Analytics`."""

    def close(self) -> bool:
        """Deliver what waits."""

    def forget(self) -> None:
        """Begin anew, in a forked child."""


_all: weakref.WeakSet[Closable] = weakref.WeakSet()
# Those that may have something to deliver; kept alive until they have.
_open: set[Closable] = set()
_exiting = threading.Event()


def enter(closable: Closable) -> None:
    """Have *closable* begin anew in forked children."""
    _all.add(closable)


def must_close(closable: Closable) -> None:
    """Close *closable* when the process ends."""
    _open.add(closable)


def closed(closable: Closable) -> None:
    """Note that nothing is left to close."""
    _open.discard(closable)


def is_exiting() -> bool:
    """Tell whether the interpreter is ending, so that nobody will come to deliver later."""
    return _exiting.is_set()


def _at_exit() -> None:
    _exiting.set()
    for each in tuple(_open):
        each.close()


def _after_fork() -> None:
    _open.clear()
    for each in list(_all):
        each.forget()


# Registered when this is imported, so that it runs after what the app registers later.
atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork)
