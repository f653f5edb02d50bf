"""Gather the rows of a batch, and what its messages say of people, one message after another.

So most of what a batch is decoded to is gone at once, and no garbage collector looks at it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from segment_identity.arranging import Block, Record, block
from segment_identity.claims import Claim, claim
from segment_identity.kinds import Scalar
from segment_identity.planning import Plans
from segment_identity.plans import Envelope, Plan
from segment_identity.schema import Row, rows

Message = Mapping[str, Any]
Rows = list[Mapping[str, Scalar]]

_opened: Final = msgspec.json.Decoder(Envelope).decode
_NUL: Final = b"\\u0000"


class Gathered:
    """The rows of messages that are loaded *now*; *latest* are those of `users` and `accounts`."""

    def __init__(self, plans: Plans, now: str) -> None:
        self._plans = plans
        self._now = now
        self._count = 0
        self._planned: dict[Plan, tuple[list[int], list[Record]]] = {}
        self._others: dict[str, tuple[list[int], Rows]] = {}
        self.latest: list[Row] = []

    def encoded(self, events: Iterable[bytes], read: Callable[[bytes], Message]) -> Iterator[Claim]:
        """Take *events*, which *read* can decode, and yield of each what it says of people."""
        for event in events:
            said = self._by_plan(event)
            if said is None:
                message = read(event)
                self._plans.learn(message)
                said = self._by_rules(message)
            if said is not None:
                yield said

    def decoded(self, messages: Iterable[Message]) -> Iterator[Claim]:
        """Take *messages*, and yield of each what it says of people."""
        return filter(None, map(self._by_rules, messages))

    def discards(self) -> Rows:
        """Return the rows of `discards`."""
        return self._others.get("discards", ([], []))[1]

    def blocks(self) -> dict[str, list[Block]]:
        """Return all other rows, by their tables."""
        found: dict[str, list[Block]] = {}
        for table, (numbers, others) in self._others.items():
            if table != "discards":
                found.setdefault(table, []).append(block(others, numbers))
        for plan, (numbers, records) in self._planned.items():
            for table, count in plan.tables:
                each = Block(plan.names[:count], plan.texts, numbers, records)
                found.setdefault(table, []).append(each)
        return found

    def _by_plan(self, event: bytes) -> Claim | None:
        # A NUL, which databases do not take, is always written so. One byte is found sooner.
        if b"\\" in event and _NUL in event:
            return None
        try:
            given = _opened(event)
            plan = self._plans.find(given)
            record = None if plan is None else plan.record(given, self._now)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        if plan is None or record is None:
            return None
        try:
            numbers, records = self._planned[plan]
        except KeyError:
            numbers, records = self._planned[plan] = [], []
        numbers.append(self._count)
        records.append(record)
        self._count += 1
        if plan.latest is not None:
            row = plan.latest_row(record)
            if row is not None:
                self.latest.append(row)
        return plan.claim(record, given)

    def _by_rules(self, message: Message) -> Claim | None:
        for row in rows(message, self._now):
            if row.key:
                self.latest.append(row)
            else:
                numbers, others = self._others.setdefault(row.table, ([], []))
                numbers.append(self._count)
                others.append(row.values)
        self._count += 1
        return claim(message)
