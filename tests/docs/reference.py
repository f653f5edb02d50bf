"""Make the reference of the public names from their signatures and docstrings.

griffe reads the source, so types and defaults stand here as they were written there.
"""

from collections.abc import Iterator
from typing import Final

import griffe

from .pages import ROOT

Member = griffe.Object | griffe.Alias

# What people use, in the order in which they come to use it.
CHAPTERS: Final[dict[str, tuple[str, ...]]] = {
    "The middleware and the identity": (
        "segment_identity.IdentityMiddleware",
        "segment_identity.Identity",
        "segment_identity.calls.Common",
        "segment_identity.get_identity",
        "segment_identity.fastapi.CurrentIdentity",
        "segment_identity.ActingAs",
        "segment_identity.Attribution",
        "segment_identity.Touch",
    ),
    "Events and where they go": (
        "segment_identity.Analytics",
        "segment_identity.Stats",
        "segment_identity.Account",
        "segment_identity.Fault",
        "segment_identity.Destination",
        "segment_identity.destinations.Segment",
        "segment_identity.destinations.kafka.Kafka",
        "segment_identity.destinations.AliasFirst",
        "segment_identity.destinations.Memory",
        "segment_identity.destinations.Console",
        "segment_identity.spool.Spool",
        "segment_identity.spool.replay",
        "segment_identity.spool.Replayed",
        "segment_identity.prometheus.StatsCollector",
    ),
    "Pages and what they post": (
        "segment_identity.browser.snippet",
        "segment_identity.browser.bridge",
        "segment_identity.browser.Markup",
        "segment_identity.browser.TrackingAPI",
    ),
    "Testing and looking inside": (
        "segment_identity.testing.capture",
        "segment_identity.testing.Captured",
        "segment_identity.inspector.Inspector",
    ),
    "The warehouse": (
        "segment_identity.warehouse.Warehouse",
        "segment_identity.warehouse.Profiles",
        "segment_identity.profile.Profile",
        "segment_identity.profile.Call",
        "segment_identity.past_sessions.PastSession",
        "segment_identity.warehouse.months.Mtu",
        "segment_identity.erasing.Erased",
        "segment_identity.warehouse.Projection",
        "segment_identity.warehouse.stitch.Stitched",
        "segment_identity.warehouse.export.export_events",
        "segment_identity.warehouse.export.Exported",
        "segment_identity.warehouse.export.export_parquet",
        "segment_identity.warehouse.resolving.resolve",
        "segment_identity.warehouse.resolving.Engine",
        "segment_identity.tailing.tail",
        "segment_identity.importing.import_events",
        "segment_identity.importing.Imported",
        "segment_identity.streaming.consume",
        "segment_identity.streaming.Report",
    ),
    "Errors": (
        "segment_identity.SegmentIdentityError",
        "segment_identity.InvalidCall",
        "segment_identity.ConfigurationError",
        "segment_identity.UnknownOption",
        "segment_identity.NotInstalled",
        "segment_identity.MissingExtra",
        "segment_identity.Undeliverable",
        "segment_identity.Unavailable",
        "segment_identity.Unauthorized",
    ),
}
# Of these, only some methods are for people; the others are for the rest of the package.
_METHODS: Final = {
    "Analytics": "identity flush store close stats",
    "Spool": "",
    "Segment": "send close",
    "Kafka": "send close",
    "AliasFirst": "send close",
    "Warehouse": "send close",
    "Profiles": "whois sessions mtu forget retain close",
    "StatsCollector": "",
    "Inspector": "",
    "TrackingAPI": "",
    "Markup": "",
}
# These are handed to people, who never make one.
_MADE_FOR_PEOPLE: Final = frozenset({"Identity", "Captured"})
_ONE_LINE: Final = 88


def reference() -> str:
    """Return all chapters in Markdown."""
    package = griffe.load("segment_identity", search_paths=[ROOT], allow_inspection=False)
    assert isinstance(package, griffe.Module)
    used: dict[str, str] = {}
    parts: list[str] = []
    for title, paths in CHAPTERS.items():
        parts.append(f"## {title}\n")
        for path in paths:
            parts += _entry(package, path)
            _note_names(_found(package, path), used)
    names = "\n".join(f"{name} = {value}" for name, value in sorted(used.items()))
    return "\n".join([*parts, "## Names in these signatures\n", _code(names)])


def _found(package: griffe.Module, path: str) -> griffe.Object:
    inner = path.removeprefix("segment_identity.")
    found = package[inner]
    if found.is_module:
        # A function of the same name as the module it is in.
        found = found[inner.rpartition(".")[2]]
    target = found.final_target if isinstance(found, griffe.Alias) else found
    assert isinstance(target, griffe.Object)
    return target


def _note_names(found: griffe.Object, used: dict[str, str]) -> None:
    """Add the names of the package that stand for a type or a number in its signatures."""
    init = "" if found.name in _MADE_FOR_PEOPLE else "__init__"
    wanted = _METHODS.get(found.name)
    shown = [
        each for each in found.members.values() if _is_shown(each, wanted) or each.name == init
    ]
    for each in (found, *shown):
        if isinstance(each, griffe.Function):
            for parameter in each.parameters:
                _note(parameter.annotation, used)
                _note(parameter.default, used)
            _note(each.returns, used)
        elif isinstance(each, griffe.Attribute):
            _note(each.annotation, used)


def _note(said: str | griffe.Expr | None, used: dict[str, str]) -> None:
    for name in said.iterate() if isinstance(said, griffe.Expr) else ():
        if isinstance(name, griffe.ExprName) and name.canonical_path.startswith(
            "segment_identity."
        ):
            means = name.resolved
            means = means.final_target if isinstance(means, griffe.Alias) else means
            if isinstance(means, griffe.Attribute) and means.name not in used:
                used[means.name] = _quoted(means.value)
                _note(means.value, used)


def _entry(package: griffe.Module, path: str) -> Iterator[str]:
    found = _found(package, path)
    where, _, name = path.rpartition(".")
    yield f"### {name}\n"
    yield f"`from {where} import {name}`\n"
    if isinstance(found, griffe.Class):
        yield from _class(found, name)
    else:
        if isinstance(found, griffe.Function):
            yield _signature(found, name)
        yield _explained(found)


def _class(found: griffe.Class, name: str) -> Iterator[str]:
    init = found.members.get("__init__")
    wanted = _METHODS.get(name)
    members = [each for each in found.members.values() if _is_shown(each, wanted)]
    fields = [each for each in members if each.is_attribute and "property" not in each.labels]
    if isinstance(init, griffe.Function) and name not in _MADE_FOR_PEOPLE:
        yield _signature(init, name)
    elif fields and init is None:
        yield _code("\n".join([f"class {name}:", *(f"    {_field(each)}" for each in fields)]))
    yield _explained(found)
    for each in members:
        if isinstance(each, griffe.Function):
            yield _signature(each, f"{name}.{each.name}")
            yield _explained(each)
    shown = [each for each in members if "property" in each.labels]
    if shown:
        rows = (f"| `{each.name}` | `{_typed(each)}` | {_sentence(each)} |\n" for each in shown)
        yield "".join(["| property | type | |\n| --- | --- | --- |\n", *rows])


def _is_shown(member: Member, wanted: str | None) -> bool:
    if member.is_alias or member.name.startswith("_"):
        return False
    return wanted is None or member.name in wanted.split()


def _signature(found: griffe.Function, name: str) -> str:
    """Return how a function is called, on several lines if one is too short."""
    given = [_parameter(each) for each in found.parameters if each.name != "self"]
    kinds = [each.kind for each in found.parameters if each.name != "self"]
    if griffe.ParameterKind.keyword_only in kinds:
        first = kinds.index(griffe.ParameterKind.keyword_only)
        if griffe.ParameterKind.var_positional not in kinds:
            given.insert(first, "*")
    only = kinds.count(griffe.ParameterKind.positional_only)
    if only:
        given.insert(only, "/")
    returned = found.returns
    tail = f" -> {returned}" if returned is not None and str(returned) != "None" else ""
    line = f"{name}({', '.join(given)}){tail}"
    if len(line) > _ONE_LINE:
        line = "\n".join([f"{name}(", *(f"    {each}," for each in given), f"){tail}"])
    return _code(line)


def _parameter(found: griffe.Parameter) -> str:
    stars = {"var_positional": "*", "var_keyword": "**"}.get(found.kind.name if found.kind else "")
    typed = f": {found.annotation}" if found.annotation is not None else ""
    has_default = found.default is not None and stars is None
    return f"{stars or ''}{found.name}{typed}" + (
        f" = {_quoted(found.default)}" if has_default else ""
    )


def _quoted(default: str | griffe.Expr | None) -> str:
    return str(default).replace("'", '"')


def _field(found: Member) -> str:
    assert isinstance(found, griffe.Attribute)
    default = "" if found.value is None else f" = {found.value}"
    return f"{found.name}: {found.annotation}{default}"


def _typed(found: Member) -> str:
    assert isinstance(found, griffe.Attribute)
    return str(found.annotation).replace("|", "\\|")


def _sentence(found: Member) -> str:
    return _explained(found).strip().replace("\n", " ")


def _explained(found: Member) -> str:
    return f"{found.docstring.value}\n" if found.docstring is not None else ""


def _code(text: str) -> str:
    return f"```python\n{text}\n```\n"
