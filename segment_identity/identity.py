"""`Identity`: the one handle that people read and call."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, NoReturn, Self, Unpack

from segment_identity import acts, authority, calls, ids, messages, visitor
from segment_identity import context as contexts
from segment_identity.acts import Sink
from segment_identity.attribution import Attribution
from segment_identity.calls import Common
from segment_identity.consent import Consent
from segment_identity.errors import InvalidCall
from segment_identity.ids import Id
from segment_identity.jsonable import Snapshot
from segment_identity.minting import REFUSALS
from segment_identity.visit import Visit

Given = Mapping[str, Any] | None


class Identity:
    """Who is there, with Analytics.js' verbs.

    Verbs return None, never wait, and raise only `InvalidCall`, for arguments of the wrong kind.
    All but `reset` and `set_anonymous_id` also take the keyword arguments of `Common`.
    Never decide from an identity what somebody may see or do: it is not authentication.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def _visit(self) -> Visit:
        """What the verbs work on."""

    @property
    @abstractmethod
    def _sink(self) -> Sink | None:
        """Where messages go."""

    def __repr__(self) -> str:
        return "<Identity>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        # It stands for what is shared, and a copy of that would be another visitor.
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an Identity cannot be pickled; carry identity.to_dict() into the job, "
            "and go on there with analytics.identity(**data)"
        )

    @property
    def anonymous_id(self) -> str:
        """The id of this device; one is made if there is none, as in Analytics.js."""
        authority.look(self._visit, self._sink)
        return self._visit.device_id()

    @property
    def user_id(self) -> str | None:
        """The person, signed by this server or set in this request; None while unknown."""
        return authority.look(self._visit, self._sink).user_id

    @property
    def user_id_hint(self) -> str | None:
        """The user the browser's cookie claims; anyone can write it, so never trust it."""
        return self._visit.hint()

    @property
    def group_id(self) -> str | None:
        """The group, if one was given."""
        return authority.look(self._visit, self._sink).group_id

    @property
    def traits(self) -> dict[str, Any]:
        """What is known of the person now (a copy); between requests see `remember_traits`."""
        return Snapshot().mapping(authority.look(self._visit, self._sink).traits)

    @property
    def group_traits(self) -> dict[str, Any]:
        """What is known of the group now (a copy); between requests see `remember_traits`."""
        return Snapshot().mapping(authority.look(self._visit, self._sink).group_traits)

    @property
    def is_new(self) -> bool:
        """Whether the browser came without an identity."""
        return self._visit.found().visitor.anonymous_id is None

    @property
    def is_provisional(self) -> bool:
        """Whether the id was made for this request and will not be stored in the browser."""
        return self.is_new and not self._visit.will_keep()

    @property
    def is_ambiguous(self) -> bool:
        """Whether the browser sent several ids, one of which somebody else may have planted."""
        return self._visit.found().ambiguous

    @property
    def consent(self) -> Consent:
        """What the visitor agreed to: a bool, or a bool by category; None if nobody asked."""
        return self._visit.consent()

    @property
    def attribution(self) -> Attribution | None:
        """How the visitor first came, and how last; None if that is unknown or not remembered."""
        authority.look(self._visit, self._sink)
        return self._visit.attribution()

    @property
    def session_id(self) -> int | None:
        """The session this is part of; None if sessions are not counted, or nobody is there."""
        authority.look(self._visit, self._sink)
        return self._visit.session_id()

    @property
    def gpc(self) -> bool:
        """Whether the browser sent Global Privacy Control (`Sec-GPC: 1`)."""
        return self._visit.signals_gpc()

    def identify(
        self, user_id: Id | None = None, traits: Given = None, **common: Unpack[Common]
    ) -> None:
        """Tie a person, or traits alone, to this device (Segment Spec: Identify)."""
        if user_id is None and traits is None:
            calls.known("identify", common)
            raise InvalidCall("identify() was given nothing; want a user_id, traits or both")
        person = None if user_id is None else ids.given("identify", "user_id", user_id)
        given, call = acts.prepare(self._visit, "identify", "traits", traits, common, kept=True)
        # Whom the app names here is also whom its log-in means; asking it would say it twice.
        self._visit.decided |= person is not None
        authority.look(self._visit, self._sink)
        if person is not None:
            authority.say(self._visit, self._sink)
        policy = self._visit.on_user_change
        acts.identify(self._visit, self._sink, person, given, call, policy)

    def track(self, event: str, properties: Given = None, **common: Unpack[Common]) -> None:
        """Record what somebody did (Segment Spec: Track)."""
        name = messages.checked_event(event)
        given, call = acts.prepare(self._visit, "track", "properties", properties, common)
        authority.look(self._visit, self._sink)
        fields = {"event": name, "properties": given}
        acts.record(self._visit, self._sink, "track", fields, call)

    def page(
        self,
        name: str | None = None,
        properties: Given = None,
        *,
        category: str | None = None,
        **common: Unpack[Common],
    ) -> None:
        """Record that somebody sees a page (Segment Spec: Page)."""
        name = messages.checked_name("page", "name", name)
        category = messages.checked_name("page", "category", category)
        given, call = acts.prepare(self._visit, "page", "properties", properties, common)
        authority.look(self._visit, self._sink)
        self._visit.paged = True
        base = contexts.merged(self._visit.context(), call.context)
        fields, context = messages.page_fields(name, category, given, base)
        acts.record(self._visit, self._sink, "page", fields, call, context)

    def screen(
        self,
        name: str | None = None,
        properties: Given = None,
        *,
        category: str | None = None,
        **common: Unpack[Common],
    ) -> None:
        """Record that somebody sees a screen of an app (Segment Spec: Screen)."""
        name = messages.checked_name("screen", "name", name)
        category = messages.checked_name("screen", "category", category)
        given, call = acts.prepare(self._visit, "screen", "properties", properties, common)
        authority.look(self._visit, self._sink)
        fields = messages.named_fields(name, category, given)
        acts.record(self._visit, self._sink, "screen", fields, call)

    def group(self, group_id: Id, traits: Given = None, **common: Unpack[Common]) -> None:
        """Put the person in a group, such as a company (Segment Spec: Group)."""
        group = ids.given("group", "group_id", group_id)
        given, call = acts.prepare(self._visit, "group", "traits", traits, common, kept=True)
        with self._visit.lock:
            before = authority.look(self._visit, self._sink)
            after = visitor.group(before, group, given)
            self._visit.become(after)
        acts.mind(self._visit, "group", before)
        told = after.group_traits if self._visit.remembers else given
        acts.record(self._visit, self._sink, "group", {"groupId": group, "traits": told}, call)

    def alias(
        self,
        user_id: Id,
        previous_id: Id | None = None,
        **common: Unpack[Common],
    ) -> None:
        """Say that *user_id* is who *previous_id* was: given, else the current user or device."""
        new = ids.given("alias", "user_id", user_id)
        old = None if previous_id is None else ids.given("alias", "previous_id", previous_id)
        _, call = acts.prepare(self._visit, "alias", "properties", None, common)
        authority.look(self._visit, self._sink)
        if call.anonymous_id is not None:
            acts.replace_device(self._visit, call.anonymous_id)
        with self._visit.lock:
            after, previous = visitor.alias(self._visit.with_id(), old)
            self._visit.become(after)
        acts.record(self._visit, self._sink, "alias", {"userId": new, "previousId": previous}, call)

    def reset(self, *, keep_device: bool = False) -> None:
        """Forget the person; the device becomes a new visitor unless *keep_device*."""
        if not isinstance(keep_device, bool):
            raise InvalidCall(
                f"reset() was given {type(keep_device).__name__} as keep_device; want a bool"
            )
        self._visit.decided = True
        before = authority.look(self._visit, self._sink)
        authority.say(self._visit, self._sink)
        acts.forget(self._visit, keep_device=keep_device)
        acts.use_if_changed(self._visit, "reset", before)

    def set_anonymous_id(self, anonymous_id: Id) -> None:
        """Replace the anonymousId and keep the person."""
        device = ids.given("set_anonymous_id", "anonymous_id", anonymous_id)
        before = authority.look(self._visit, self._sink)
        acts.replace_device(self._visit, device)
        acts.use_if_changed(self._visit, "set_anonymous_id", before)

    def opt_out(self) -> None:
        """Record this visitor no more, forget them, and let the browser remember that."""
        self._visit.opt(out=True)

    def opt_in(self) -> None:
        """Take `opt_out` back, from the next request on."""
        self._visit.opt(out=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values from which `analytics.identity(**data)` goes on in a job."""
        authority.look(self._visit, self._sink)
        who = self._visit.with_id()
        acts.use(self._visit, "identify")
        refused = self._visit.occasion().silence in REFUSALS
        return {
            "anonymous_id": who.anonymous_id,
            "user_id": who.user_id,
            "group_id": who.group_id,
            "traits": Snapshot().mapping(who.traits),
            "group_traits": Snapshot().mapping(who.group_traits),
            # A job that may record nothing of a visitor needs to know nothing of the request.
            "context": {} if refused else Snapshot().mapping(self._visit.carried_context()),
            "consent": False if refused else self._visit.consent(),
        }
