"""Hand what was posted to an `Analytics`, each message once to each destination.

How this works
--------------
A client repeats a whole request that is answered 429, and never one that is answered 200. So what
finds no room in some destination's queue is answered 429, and a repeat must not double the rest:

* If no destination has room for all of a request, nothing of it is taken.
* Else each takes what it can, for one that is slow must not keep events from the others. What was
  lacking where is remembered, so the repeat goes only there. Another process does not know of it;
  what it takes again has the same messageId, as any delivery that is repeated.
* Where others took it, nothing is asked for again for one that is down: SDKs send nothing else
  meanwhile, perhaps for hours, so a dead destination would cost all others their events.
* What has no messageId is new each time it comes. Once some of that was taken nothing is asked for
  again: what is lost is counted, while what comes twice would never be found.
"""

import time
from collections.abc import Collection, Iterable
from typing import Final

import anyio

from segment_identity.analytics import Analytics
from segment_identity.ingest import repeats
from segment_identity.ingest.parsing import Item, Posted
from segment_identity.ingest.recent import Recent
from segment_identity.ingest.routes import Route
from segment_identity.ingest.sender import Sender
from segment_identity.ingest.senders import Request
from segment_identity.ingest.stamping import Stamping
from segment_identity.messages import MAX_EVENT, Message, order_key

# Events between which other requests have a turn: about two milliseconds.
_AT_ONCE: Final = 200


class Run:
    """Messages one after another that go the same way: everywhere, or *only* to some."""

    __slots__ = ("events", "items", "keys", "marks", "only")

    def __init__(self, only: Collection[str] | None) -> None:
        self.only = only
        self.items: list[Item] = []
        self.marks: list[int] = []
        self.keys: list[str] = []
        self.events: list[bytes] = []


class Intake:
    """Takes what was posted and remembers what came lately."""

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics
        self._recent = Recent()

    async def take(
        self, request: Request, posted: Posted, size: int, route: Route, sender: Sender
    ) -> bool:
        """Take the messages of a request of *size* bytes; False if they should all come again."""
        analytics, batch, sources = self._analytics, posted.batch, self._analytics.sources
        if not analytics.has_room(len(batch), size):
            analytics.drop("queue_full", len(batch))
            return False
        stamping = Stamping(posted, route, sender, int(sources.now() * 1_000), sources.new_id)
        is_lacking, taken = False, []
        for start in range(0, len(batch), _AT_ONCE):
            items = batch[start : start + _AT_ONCE]
            for run in self._runs(request, items, stamping):
                is_lacking |= self._queue(run)
                taken += run.items
            if len(items) == _AT_ONCE:
                # Other requests must not wait for the largest of batches.
                await anyio.sleep(0)
        return not (is_lacking and repeats.are_known(taken))

    def come_back(self) -> int:
        """Return in how many seconds a repeat is worth while."""
        return repeats.come_back(self._analytics.circuits().values(), time.monotonic())

    def _runs(self, request: Request, items: Iterable[Item], stamping: Stamping) -> list[Run]:
        """Return what is to be queued of *items*, and count why the rest is not."""
        runs: list[Run] = []
        for item in items:
            try:
                message = stamping.message(item)
                if isinstance(message, str):
                    self._analytics.drop(message)
                else:
                    self._add(runs, request, item, message, stamping)
            except Exception as error:
                self._analytics.journal.report("ingest", error)
                self._analytics.drop("failed")
        return runs

    def _add(
        self, runs: list[Run], request: Request, item: Item, message: Message, stamping: Stamping
    ) -> None:
        """Add a message unless it came before or may not pass, which is counted."""
        # A server's messageIds are its own; those of others are each device's.
        sender = stamping.sender
        among = "a server" if sender.believed else message["anonymousId"]
        mark, lacking = self._recent.known(among, message["messageId"])
        if lacking is not None and not lacking:
            return self._analytics.drop("duplicate")
        if request.is_followed and not sender.believed:
            message["context"] = {**request.stamp(message), **message["context"]}
        event = stamping.encoded(message)
        if len(event) > MAX_EVENT:
            # Said here, as it is the client's fault and no line of the log.
            return self._analytics.drop("oversized")
        passed = self._analytics.passed(message, event)
        self._recent.note(mark)
        if passed is None:
            return None
        if not runs or runs[-1].only != lacking:
            runs.append(Run(lacking))
        run = runs[-1]
        run.items.append(item)
        run.marks.append(mark)
        run.keys.append(order_key(message))
        run.events.append(passed)

    def _queue(self, run: Run) -> bool:
        """Queue messages; tell whether any of them should come again."""
        try:
            full = self._analytics.queue(run.events, run.keys, run.only)
        except Exception as error:
            self._analytics.journal.report("ingest", error)
            self._analytics.drop("failed", len(run.items))
            return False
        if not full:
            return False
        for place, names in full.items():
            self._recent.note(run.marks[place], tuple(names))
        circuits = self._analytics.circuits()
        return any(repeats.is_worth_while(names, circuits) for names in full.values())
