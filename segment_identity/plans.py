"""Make rows of messages that are like many others by one plan, which says what goes where.

How this works
--------------
What `schema` decides of a message it decides by its keys, its name and the kinds of its values; and
most messages of an app share those with thousands of others. So it is decided once for all messages
of one name (`planning`), whose objects are decoded straight to columns (`forms`). They come out as
they would in the general way. Where a value may matter to where another one goes, as in a
collision, there is no plan, or it gives up; and the general way is taken.
"""

from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from segment_identity.arranging import Picking, Record, row_of
from segment_identity.claims import Claim, moment_of
from segment_identity.flattening import as_json
from segment_identity.forms import Form
from segment_identity.kinds import Scalar, instant_of
from segment_identity.schema import IDS, MAX_KEY, STAMPS, Row

_NOTHING: Final = Raw(b"{}")
_decode: Final = msgspec.json.Decoder().decode
# In front of all other columns.
COMMON: Final = ("id", *(column for column, _ in (*IDS, *STAMPS)), "uuid_ts")
_WHEN: Final = COMMON.index("timestamp")
# No text is.
_DIFFERENT: Final = "\x00"


class Envelope(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A message whose objects are not decoded yet."""

    type: str
    message_id: str
    anonymous_id: str | None = None
    user_id: str | None = None
    received_at: str | UnsetType | None = UNSET
    sent_at: str | UnsetType | None = UNSET
    timestamp: str | None = None
    original_timestamp: str | None = None
    context: Raw = _NOTHING
    properties: Raw = _NOTHING
    traits: Raw = _NOTHING
    event: str | None = None
    name: str | None = None
    category: str | None = None
    group_id: str | None = None
    previous_id: str | None = None


class LatestPlan(NamedTuple):
    """Where the row of `users` or `accounts` is found in a record."""

    table: str
    owner: int
    names: tuple[str, ...]
    picked: Picking


class Plan(msgspec.Struct, frozen=True, eq=False):
    """What is done with messages of one type and name.

    A record has values of *names*, of which *texts* hold but texts. Each of *tables* has the first
    ones, as many as it says.
    """

    kind: str
    source: str
    event: tuple[str, ...]
    own: Picking
    context: Form
    custom: Form
    names: tuple[str, ...]
    texts: frozenset[str]
    tables: tuple[tuple[str, int], ...]
    latest: LatestPlan | None

    def record(self, given: Envelope, now: str) -> Record | None:
        """Return the values of a message that is loaded *now*, and a null behind them.

        None if it has to go the general way; so too if it raises `msgspec.ValidationError`.
        """
        when = instant_of(given.timestamp or "")
        original = given.original_timestamp
        original = when if original == given.timestamp else _instant(original)
        received = now if given.received_at is UNSET else _instant(given.received_at)
        sent = now if given.sent_at is UNSET else _instant(given.sent_at)
        if when is None or "" in (original, received, sent):
            return None
        if not 0 < len(given.message_id) <= MAX_KEY:
            return None
        if len(given.anonymous_id or "") > MAX_KEY or len(given.user_id or "") > MAX_KEY:
            return None
        source = self.custom.decode(getattr(given, self.source) if self.source else _NOTHING)
        own = self.own(given)
        if self.custom.echoes:
            echoed = self.custom.echoed(source)
            own = tuple(_same(*each) for each in zip(own, echoed, strict=True))
            if _DIFFERENT in own:
                return None
        values = [given.message_id, given.anonymous_id, given.user_id]
        values += (received, sent, when, original, now, *own)
        values += _values(self.context, self.context.decode(given.context))
        values += self.event
        values += _values(self.custom, source)
        # An empty text says nothing.
        while "" in values:
            values[values.index("")] = None
        values.append(None)
        return tuple(values)

    def claim(self, record: Record, given: Envelope) -> Claim:
        """Return what a message, whose *record* this is, says of people."""
        traits = _decode(given.traits) if self.kind == "identify" else None
        said = moment_of(str(record[_WHEN]), given.message_id)
        return (self.kind, said, given.anonymous_id, given.user_id, given.previous_id, traits)

    def latest_row(self, record: Record) -> Row | None:
        """Return the row of `users` or `accounts`."""
        latest = self.latest
        who = None if latest is None else record[latest.owner]
        if latest is None or type(who) is not str or not who.strip() or len(who) > MAX_KEY:
            return None
        row: dict[str, Scalar] = {"id": who, **row_of(latest.names, latest.picked(record))}
        return Row(latest.table, row, f"{record[_WHEN]}|{record[0]}")


def _instant(text: str | None) -> str | None:
    """Return a time; None if there is none, and "" if it cannot be read."""
    return (instant_of(text) or "") if text else None


def _same(own: str | None, echo: str | None) -> str | None:
    """Return what a message and its properties say; that may not differ."""
    if own is None:
        return echo
    return own if not echo or own == echo else _DIFFERENT


def _values(form: Form, decoded: object) -> tuple[Any, ...] | list[Any]:
    picked = form.picked(decoded)
    if not form.lists:
        return picked
    values = list(picked)
    for place in form.lists:
        if values[place] is not None:
            values[place] = as_json(values[place])
    return values
