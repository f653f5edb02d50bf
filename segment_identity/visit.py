"""One visit: who is there, and what has been made of it so far."""

import threading
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

import msgspec

from segment_identity import attribution, messages, visitor
from segment_identity.acting import ActingAs, AppUser, Unsaid
from segment_identity.attribution import Attribution
from segment_identity.consent import Consent
from segment_identity.context import Context
from segment_identity.jsonable import encoded
from segment_identity.minting import Occasion
from segment_identity.pending import Deferred
from segment_identity.reconcile import Recognised
from segment_identity.sources import Sources
from segment_identity.visitor import OnUserChange, Visitor

# What a message's context gains by whom and when it is recorded.
Stamp = Mapping[str, Any]

NOTHING: Final[Stamp] = {}
# The class itself, as the function of that name takes three times as long to make one.
_RLock: Final = type(threading.RLock())
_ANY: Final = Occasion(navigation=True)
_NO_PAGE: Final = (
    "a call with browser=True was made where no page can follow (in a job, on a websocket, once "
    "the response had begun, or with the middleware's browser=False); only the server has it"
)


class Visit(msgspec.Struct, eq=False, kw_only=True):
    """What a handle works on; a request and a job differ in where things come from.

    A struct, because every request makes one and most never look at it.
    """

    sources: Sources
    # Held where the visitor is read and then changed, as threads of one request share a visit.
    lock: AbstractContextManager[object] = msgspec.field(default_factory=_RLock)
    # A verb was called; an id changed; the app itself said who it is; a page was recorded.
    used: bool = False
    changed: bool = False
    decided: bool = False
    paged: bool = False
    # There is an answer in which the browser is told who the visitor is now.
    stores: bool = True
    # What the app's log-in implies and no answer keeps yet.
    unsaid: Unsaid | None = None
    # Staff act as the user; an opt-out (or, False, opt-in) was asked for.
    acting: bool = False
    opting_out: bool | None = None
    _current: Visitor | None = None
    # The context of most messages as JSON, and the group and the stamp it is for.
    _shared: tuple[str | None, Stamp, msgspec.Raw] | None = None

    def __repr__(self) -> str:
        # An error reporter shows what was at hand, and a request's cookies are not for it.
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []

    @property
    def on_user_change(self) -> OnUserChange:
        """What identifying somebody else does."""
        return "rotate"

    @property
    def remembers(self) -> bool:
        """Whether traits are kept between requests."""
        return False

    @property
    def lasts(self) -> bool:
        """Whether anybody may be remembered from one request to the next."""
        return True

    @property
    def visitor(self) -> Visitor:
        """Who it is now."""
        if self._current is None:
            self._current = self.found().visitor
        return self._current

    @property
    def is_touched(self) -> bool:
        """Whether anybody looked at the identity yet."""
        return self._current is not None

    def become(self, after: Visitor) -> None:
        """Make the visitor *after*."""
        if visitor.has_changed(self.visitor, after):
            self.changed = True
        self._current = after

    def with_id(self) -> Visitor:
        """Return the visitor with an anonymousId, made now if there was none."""
        current = self._current
        if current is None or current.anonymous_id is None:
            with self.lock:
                current = self._current = self.equipped(self.visitor)
        return current

    def equipped(self, who: Visitor) -> Visitor:
        """Return *who*, without an anonymousId, as messages and cookies must name them."""
        return visitor.ensure_id(who, self.new_device_id)

    def device_id(self) -> str:
        """Return the anonymousId, made now if there was none."""
        with self.lock:
            current = self._current = visitor.ensure_id(self.visitor, self.new_device_id)
        assert current.anonymous_id is not None
        return current.anonymous_id

    def shared_context(self, group_id: str | None, stamp: Stamp) -> msgspec.Raw:
        """Return the context of a message to which its call adds nothing, encoded once."""
        shared = self._shared
        if shared is None or shared[0] != group_id or shared[1] is not stamp:
            context = self.context() if stamp is NOTHING else {**stamp, **self.context()}
            said = encoded(messages.in_group(context, group_id))
            self._shared = shared = (group_id, stamp, msgspec.Raw(said))
        return shared[2]

    @abstractmethod
    def found(self) -> Recognised:
        """Return who it was when the visit began."""

    @abstractmethod
    def context(self) -> Context:
        """Return the context that all messages of this visit share."""

    def stamp(self, kind: str, event: object) -> Stamp:
        """Return what the context of a message of *kind* gains that is recorded now."""
        return NOTHING

    def carried_context(self) -> Context:
        """Return the context that a job goes on with."""
        return self.context()

    def attribution(self) -> Attribution | None:
        """Return how the visitor came, if that is known."""
        return attribution.heard(self.context())

    def session_id(self) -> int | None:
        """Return the session that this visit is part of, if sessions are counted."""
        said = self.context().get("sessionId")
        return said if type(said) is int else None

    def now(self) -> float:
        """Return the time, in seconds since 1970."""
        return self.sources.now()

    def new_id(self) -> str:
        """Return a new id."""
        return self.sources.new_id()

    def new_device_id(self) -> str:
        """Return a new anonymousId."""
        return self.sources.new_id()

    def advise(self, key: str, text: str) -> None:
        """Log a piece of advice, once."""
        self.sources.journal.advise(key, text)

    def report(self, reason: str, error: BaseException) -> None:
        """Count an error that was caught to keep the app running."""
        self.sources.journal.report(reason, error)

    def occasion(self) -> Occasion:
        """Return what kind of request this is."""
        return _ANY

    def hint(self) -> str | None:
        """Return the user the browser claims."""
        return None

    def consent(self) -> Consent:
        """Return what the visitor agreed to; None if nobody was asked."""
        return None

    def signals_gpc(self) -> bool:
        """Tell whether the browser sent Global Privacy Control."""
        return False

    def will_keep(self) -> bool:
        """Tell whether an anonymousId made in this visit will last beyond it."""
        return True

    def is_late(self) -> bool:
        """Tell whether who the visitor becomes can be remembered no more."""
        return False

    def defer(self, call: Deferred) -> None:
        """Let the next page make *call* again, if there can be one."""
        self.advise("browser", _NO_PAGE)

    def app_user(self) -> AppUser | ActingAs | None:
        """Return whom the app's own authentication says is there; None if it does not say."""
        return None

    def act_as(self, said: ActingAs) -> None:
        """Make the visitor whom staff act as."""

    def opt(self, *, out: bool) -> None:
        """Stop, or begin again, to record the visitor."""
        self.opting_out = out
