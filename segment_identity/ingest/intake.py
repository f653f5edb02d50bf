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
from typing import Final, Literal

import anyio

from segment_identity.analytics import Analytics
from segment_identity.ingest import repeats, stamping
from segment_identity.ingest.parsing import Item, Posted
from segment_identity.ingest.recent import Recent
from segment_identity.ingest.routes import Route
from segment_identity.ingest.sender import Sender
from segment_identity.ingest.senders import Request
from segment_identity.ingest.stamping import Shared
from segment_identity.jsonable import encoded
from segment_identity.messages import MAX_EVENT

# Of one message: dropped for good, taken by all that were asked, or not by all.
Outcome = Literal["gone", "taken", "lacking"]

# Events between which other requests have a turn: about two milliseconds.
_AT_ONCE: Final = 200


class Intake:
    """Takes what was posted and remembers what came lately."""

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics
        self._recent = Recent()

    async def take(
        self, request: Request, posted: Posted, size: int, route: Route, sender: Sender
    ) -> bool:
        """Take the messages of a request of *size* bytes; False if they should all come again."""
        analytics = self._analytics
        if not analytics.has_room(len(posted.batch), size):
            for _ in posted.batch:
                analytics.drop("queue_full")
            return False
        whole = stamping.shared(posted, int(analytics.sources.now() * 1_000))
        is_lacking, taken = False, []
        for number, item in enumerate(posted.batch, 1):
            try:
                outcome = self._emit(request, item, whole, route, sender)
            except Exception as error:
                analytics.journal.report("ingest", error)
                analytics.drop("failed")
            else:
                if outcome != "gone":
                    taken.append(item)
                    is_lacking |= outcome == "lacking"
            if number % _AT_ONCE == 0:
                # Other requests must not wait for the largest of batches.
                await anyio.sleep(0)
        return not (is_lacking and repeats.are_known(taken))

    def come_back(self) -> int:
        """Return in how many seconds a repeat is worth while."""
        return repeats.come_back(self._analytics.circuits().values(), time.monotonic())

    def _emit(
        self, request: Request, item: Item, whole: Shared, route: Route, sender: Sender
    ) -> Outcome:
        """Hand on one message, or count why not."""
        analytics = self._analytics
        message = stamping.message(item, route, whole, sender, new_id=analytics.sources.new_id)
        if isinstance(message, str):
            return self._drop(message)
        # A server's messageIds are its own; those of others are each device's.
        among = "a server" if sender.believed else message["anonymousId"]
        mark, lacking = self._recent.known(among, message["messageId"])
        if lacking is not None and not lacking:
            return self._drop("duplicate")
        if request.is_followed and not sender.believed:
            message["context"] = {**request.stamp(message), **message["context"]}
        event = encoded(message)
        if len(event) > MAX_EVENT:
            # Said here, as it is the client's fault and no line of the log.
            return self._drop("oversized")
        passed = analytics.passed(message, event)
        full = () if passed is None else analytics.queue(message, passed, only=lacking)
        self._recent.note(mark, full)
        if passed is None:
            return "gone"
        again = full and repeats.is_worth_while(full, analytics.circuits())
        return "lacking" if again else "taken"

    def _drop(self, reason: str) -> Outcome:
        self._analytics.drop(reason)
        return "gone"
