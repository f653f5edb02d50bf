"""What a collector was sent, in the wire formats of Segment, RudderStack, PostHog and Mixpanel."""

from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from .wire import Request, content

# What Segment documents for one request.
MAX_BATCH: Final = 500 * 1_024
SINGLE: Final = frozenset("identify track page screen group alias".split())


class Properties(msgspec.Struct):
    """The properties this looks at; *number* is the sender's own count."""

    number: int | None = None
    insert_id: str = msgspec.field(name="$insert_id", default="")
    distinct_id: str | None = None


class Event(msgspec.Struct, rename="camel"):
    """One event; each system names its id and its visitor differently."""

    message_id: str = ""
    uuid: str = ""
    anonymous_id: str | None = None
    user_id: str | None = None
    distinct_id: str | None = msgspec.field(name="distinct_id", default=None)
    event: str | None = None
    properties: Properties = msgspec.field(default_factory=Properties)

    @property
    def id(self) -> str:
        """The id that makes a repeat recognisable."""
        return self.message_id or self.uuid or self.properties.insert_id

    @property
    def visitor(self) -> str:
        """Whose event it is."""
        mine = self.anonymous_id or self.user_id or self.distinct_id or self.properties.distinct_id
        return mine or ""


class Batch(msgspec.Struct, rename="camel"):
    """What `/v1/batch` takes."""

    batch: list[Event]
    sent_at: str | None = None


class Sent(msgspec.Struct, frozen=True):
    """One request for events: when it came, in seconds, how it was answered, what it carried."""

    at: float
    path: str
    status: int
    events: int
    size: int
    sent_at: str | None = None
    retry_count: str | None = None
    authorization: str | None = None
    encoding: str | None = None


class Report(msgspec.Struct, frozen=True):
    """Totals of the events that were taken in, and every request."""

    events: int
    distinct: int
    without_id: int
    requests: list[Sent]

    @property
    def repeated(self) -> int:
        """How many events came again."""
        return self.events - self.distinct - self.without_id


_batches: Final = msgspec.json.Decoder(Batch)
_events: Final = msgspec.json.Decoder(Event)
_lists: Final = msgspec.json.Decoder(list[Event])


def decoded(request: Request) -> Batch:
    """Return the events of a request; raises ValueError for what a strict reader refuses."""
    body = content(request)
    body.decode()  # msgspec does not look into texts it skips
    name = request.path.strip("/").rpartition("/")[2]
    if _is_form(request):
        return Batch(_lists.decode(parse_qs(body.decode(), strict_parsing=True)["data"][0]))
    if name in SINGLE:
        return Batch([_events.decode(body)])
    if request.path.startswith("/v1/") and len(body) > MAX_BATCH:
        raise ValueError("the batch is too large")
    return _batches.decode(body)


def _is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "")
    return kind.startswith("application/x-www-form-urlencoded")


class Record:
    """Counts the events that arrive; *keep* also keeps them as they came."""

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._ids: set[str] = set()
        self._events = 0
        self._without_id = 0
        self._order: dict[str, list[int]] = {}
        self._requests: list[Sent] = []
        self._messages: list[dict[str, Any]] = []

    def take(self, events: list[Event], request: Request) -> None:
        """Take events in."""
        self._events += len(events)
        if self._keep and not _is_form(request):
            self._messages.append(msgspec.json.decode(content(request)))
        for event in events:
            key = event.id
            if not key:
                self._without_id += 1
            elif key in self._ids:
                continue
            self._ids.add(key)
            if event.properties.number is not None:
                self._order.setdefault(event.visitor, []).append(event.properties.number)
        self._ids.discard("")

    def note(self, sent: Sent) -> None:
        """Note a request, however it was answered."""
        self._requests.append(sent)

    def report(self) -> Report:
        """Return the totals."""
        return Report(self._events, len(self._ids), self._without_id, self._requests)

    @property
    def order(self) -> dict[str, list[int]]:
        """The numbers of each visitor's events in the order in which they first came."""
        return self._order

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The bodies of the requests that were taken in."""
        return self._messages
