"""All destinations of one `Analytics`: what goes to which, and the end of all."""

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from segment_identity import consent as consents
from segment_identity.delivery.lane import Lane
from segment_identity.logs import logger


class Lanes:
    """Queues events at destinations; *categories* are the consent each needs, by name."""

    def __init__(self, lanes: Sequence[Lane], categories: Mapping[str, frozenset[str]]) -> None:
        self._lanes = lanes
        self._categories = categories

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes)

    def put(
        self, events: Sequence[bytes], keys: Sequence[str], only: Collection[str] | None
    ) -> dict[int, list[str]]:
        """Queue encoded events, with the keys of their order, everywhere or at *only* some.

        Returns the destinations without room, by the place of the event that they lack.
        """
        needs = self._categories
        closed = [consents.closed_to(event, needs) for event in events] if needs else []
        together = len(events) > 1 and not closed
        full: dict[int, list[str]] = {}
        for lane in self._lanes:
            if only is not None and lane.name not in only:
                continue
            if together and lane.put_all(events, keys):
                continue
            for place, event in enumerate(events):
                if closed and lane.name in closed[place]:
                    lane.refuse("consent")
                elif not lane.put(event, keys[place]):
                    full.setdefault(place, []).append(lane.name)
        return full

    def has_room(self, events: int, size: int) -> bool:
        """Tell whether any destination could queue so many events, *size* bytes in all."""
        return any(lane.has_room(events, size) for lane in self._lanes)

    def end(self, until: float, store: Callable[[], bool]) -> bool:
        """Deliver until *until* (seconds of a steady clock); False if events are still waiting.

        *store* puts what waits into the spool, and is False if that cannot be done.
        """
        store()
        while True:
            with contextlib.ExitStack() as closing:
                for lane in self._lanes:
                    closing.enter_context(lane.closing(until))
                waits = [lane.ended(until) for lane in self._lanes]
            # What came meanwhile may have passed the spool only now.
            if not (store() and self.is_busy(until)):
                return all(waits)

    def is_busy(self, until: float) -> bool:
        """Tell whether events that came meanwhile are being delivered, and there is time for it."""
        return time.monotonic() < until and any(lane.is_busy for lane in self._lanes)

    def release(self, report: Callable[[str, BaseException], None]) -> bool:
        """Close what no thread uses any more; False if events wait that are in memory alone."""
        is_safe = True
        for lane in self._lanes:
            now = lane.account()
            if now.pending:
                is_safe &= now.pending <= now.stored
                logger.warning(
                    "destination %s: %d events still wait, %d of them in the spool",
                    *(lane.name, now.pending, now.stored),
                )
            if not lane.is_idle:
                continue
            try:
                lane.destination.close()
            except Exception as error:
                report("close", error)
        return is_safe
