"""Follow the events of a warehouse as they are loaded, or of a running app as they happen."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from segment_identity import listening, questions, retry, tails
from segment_identity.destinations import extras
from segment_identity.errors import Unauthorized, Unavailable
from segment_identity.messages import Message

if TYPE_CHECKING:
    from segment_identity.warehouse.following import Follower

# Told why nothing comes for now.
Waiting = Callable[[str], None]


def tail(
    url: str,
    *,
    token: str | None = None,
    last: int = 10,
    types: Iterable[str] = (),
    events: Iterable[str] = (),
    ids: Iterable[str] = (),
    every: float = 1.0,
    follow: bool = True,
    waiting: Waiting | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Message]:
    """Return the *last* events of the warehouse at *url*, and then each one that is loaded.

    They are messages of the Segment Spec, in the order of their times as far as they are there at
    one look; a row that is committed late comes late, and none is left out or comes twice. Only
    some *types*, track *events*, or visitors, by their anonymous or user *ids*. A look follows the
    other after *every* so many seconds, or later where looking takes long. While the database is
    away it is asked again, and *waiting* is told once. Ends when *stop* is set, or without *follow*
    at once.

    The *url* can also be that of an `Inspector`, with its *token* if it has one. Its events are
    those of the process that answers, as they happen, and need not be looked for.
    """
    last = questions.count("tail", "last", last)
    every = questions.positive("tail", "every", every)
    wanted = tails.wanted(types, events, ids)
    stop = stop or threading.Event()
    if isinstance(url, str) and listening.is_inspector(url):
        return listening.listen(
            url, wanted, token=token, last=last, follow=follow, waiting=waiting, stop=stop
        )
    loaded = extras.load("segment_identity.warehouse.following", "tail", "warehouse")
    follower = loaded.Follower(url, wanted)
    return _followed(follower, last, every, follow=follow, waiting=waiting, stop=stop)


def _followed(
    follower: "Follower",
    last: int,
    every: float,
    *,
    follow: bool,
    waiting: Waiting | None,
    stop: threading.Event,
) -> Iterator[Message]:
    try:
        yield from follower.begin(last)
        failures = 0
        while follow and not stop.is_set():
            began = time.monotonic()
            try:
                found, more = follower.look()
            except Unavailable as error:
                if isinstance(error, Unauthorized):
                    raise
                failures += 1
                if failures == 1 and waiting is not None:
                    waiting(str(error))
                stop.wait(retry.delay(failures, 0.5))
                continue
            failures = 0
            yield from found
            if not more:
                stop.wait(tails.pause(every, time.monotonic() - began))
    finally:
        follower.close()
