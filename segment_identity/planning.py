"""Learn from messages, as they come, what others of the same name look like."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from segment_identity.arranging import picking
from segment_identity.forms import EMPTY, Form, Tree, attributes, form, grown
from segment_identity.names import of_event
from segment_identity.plans import COMMON, Envelope, LatestPlan, Plan
from segment_identity.schema import OURS, OWNERS, SHAPES, Shape

Name = tuple[str, str]

# Names that are remembered; a name can be anything that somebody sends. And those that came once.
_MOST: Final = 1_000
_MOST_ONCE: Final = 10_000
# How often it is worth while to look at what does not fit.
_TRIES: Final = 100
_CONTEXT: Final = "context"
_EVENT: Final = ("event", "event_text")


class Plans:
    """Knows how messages are planned that are like those before."""

    def __init__(self) -> None:
        self._context = _Learner(f"{_CONTEXT}_")
        self._sources: dict[Name, _Learner] = {}
        self._once: set[int] = set()
        self._known: dict[Name, Plan | None] = {}

    def find(self, given: Envelope) -> Plan | None:
        """Return the plan for a message; None if it goes the general way."""
        name = (given.type, (given.event or "") if given.type == "track" else "")
        if name in self._known:
            return self._known[name]
        if name not in self._sources:
            return None
        made = self._known[name] = _plan(*name, self._context.form, self._sources[name].form)
        return made

    def learn(self, message: Mapping[str, Any]) -> None:
        """Take notice of a *message* that went the general way."""
        kind = message.get("type")
        event = message.get("event") if kind == "track" else ""
        shape = SHAPES.get(kind) if isinstance(kind, str) else None
        if shape is None or not isinstance(kind, str) or not isinstance(event, str):
            return
        source = self._source((kind, event), shape)
        if source is None:
            return
        given = message.get(shape.source)
        if source.learn(given if type(given) is dict else {}):
            self._known.pop((kind, event), None)
        context = message.get(_CONTEXT)
        if self._context.learn(context if type(context) is dict else {}):
            self._known.clear()

    def _source(self, name: Name, shape: Shape) -> "_Learner | None":
        """Return who learns of messages of a *name*, from the second on: most may come once."""
        known = self._sources.get(name)
        if known is None and len(self._sources) < _MOST:
            if hash(name) in self._once:
                echoes = [key for column, key in shape.own.items() if column == key]
                known = self._sources[name] = _Learner("", echoes, shape.reserved)
            elif len(self._once) < _MOST_ONCE:
                self._once.add(hash(name))
        return known


class _Learner:
    """Knows the form of objects that stand at one place."""

    def __init__(
        self, prefix: str, echoes: Sequence[str] = (), reserved: Collection[str] = ()
    ) -> None:
        self._prefix, self._echoes, self._reserved = prefix, echoes, reserved
        self._tree: Tree = {}
        self._tries = _TRIES
        self.form = EMPTY

    def learn(self, source: Mapping[str, Any]) -> bool:
        """Tell whether the form changed."""
        if not self._tries:
            return False
        tree = grown(self._tree, source)
        found = None if tree == self._tree else form(tree, self._prefix, self._echoes)
        if found is None or not self._is_free(found.columns):
            self._tries -= 1
            return False
        self._tree, self.form = tree, found
        return True

    def _is_free(self, columns: Sequence[str]) -> bool:
        """Tell whether no other columns of any message can have these names."""
        if self._prefix:
            return True
        return not any(each in self._reserved or each.startswith(_CONTEXT) for each in columns)


def _plan(kind: str, event: str, context: Form, custom: Form) -> Plan | None:
    shape = SHAPES[kind]
    said: tuple[str, ...] = ()
    tables = [shape.table]
    if kind == "track":
        name, table = of_event(event, OURS)
        if not table:
            return None
        said = (name, event)
        tables.append(table)
    own = tuple(shape.own)
    shared = (*COMMON, *own, *context.columns, *(_EVENT if said else ()))
    names = (*shared, *custom.columns)
    return Plan(
        kind=kind,
        source=shape.source,
        event=said,
        own=attributes(own),
        context=context,
        custom=custom,
        names=names,
        texts=frozenset((*COMMON, *own, *(_EVENT if said else ()))) | context.texts | custom.texts,
        tables=tuple((each, len(shared if each == "tracks" else names)) for each in tables),
        latest=_latest(shape, names, custom.columns),
    )


def _latest(shape: Shape, names: Sequence[str], custom: tuple[str, ...]) -> LatestPlan | None:
    if not shape.latest:
        return None
    told = (*custom, "received_at", "timestamp")
    owner = names.index(OWNERS[shape.latest])
    return LatestPlan(shape.latest, owner, told, picking([names.index(each) for each in told]))
