"""What must be closed when the process ends, and begun anew in a forked one."""

import atexit
import os
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
_exiting = False


def enter(closable: Closable) -> None:
    """Have *closable* begin anew in forked children."""
    _all.add(closable)


def must_close(closable: Closable) -> bool:
    """Close *closable* when the process ends; False if it is ending, so that nobody will.

    Called after what is to be delivered waits. The exit looks the other way round, first at what
    is open and then at what waits, so one of the two sees the other.
    """
    _open.add(closable)
    return not _exiting


def closed(closable: Closable) -> None:
    """Note that nothing is left to close."""
    _open.discard(closable)


def _at_exit() -> None:
    global _exiting
    _exiting = True
    for each in tuple(_open):
        each.close()


def _after_fork() -> None:
    _open.clear()
    for each in list(_all):
        each.forget()


# Registered when this is imported, so that it runs after what the app registers later.
atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork)
