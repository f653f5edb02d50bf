"""Keep a fork from splitting what SQLite does, and give the child a file of its own."""

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """What has a file open: a `Spool`."""

    def hold(self) -> None:
        """Let no other thread use the file until `release`."""

    def release(self) -> None:
        """Let other threads use the file again."""

    def forget(self) -> None:
        """Leave the file to the parent of this forked process."""


_all: weakref.WeakSet[Forked] = weakref.WeakSet()
_held: list[Forked] = []


def enter(forked: Forked) -> None:
    """Take care of *forked* whenever this process forks."""
    _all.add(forked)


def _before_fork() -> None:
    """Let no thread be inside SQLite, whose own locks would stay locked in the child."""
    for each in list(_all):
        each.hold()
        _held.append(each)


def _after_fork_in_parent() -> None:
    while _held:
        _held.pop().release()


def _after_fork_in_child() -> None:
    while _held:
        _held.pop().forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
