"""The shape of the house: what may import what, and how large things may grow."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

import segment_identity

PACKAGE: Final = Path(segment_identity.__file__).parent
ROOT: Final = PACKAGE.name
MODULES: Final = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES: Final[dict[str, ast.Module]] = {
    name: ast.parse(path.read_text("utf-8")) for name, path in MODULES.items()
}

# Of whatever these import from this package, they may import only each other.
CORE: Final = frozenset(
    """
    acting alias_order arranging arrivals attribution batching caching calls circuit claims
    consent
    consumption context cookieless cookies diagnosis discards endpoint errors facts flattening
    happened ids imports ingest.body ingest.callers ingest.cleaning ingest.clocks ingest.contexts
    ingest.fields ingest.parsing ingest.rate ingest.recent ingest.repeats ingest.routes
    ingest.sender ingest.settings ingest.stamping inspector.access inspector.picture
    jsonable keeping keepsakes kinds marker messages minting names newcomers options
    pending persist presented profile proxies published_keys questions reconcile records restoring
    retelling retry schema seen sessions signing spooling stitching ties topic version visitor
    withdrawal erasing event_stream exports forms gathering past_sessions planning plans tails
    tallies
    """.split()
)
# What gives a core module time, randomness, other threads, the network or a framework.
IMPURE: Final = frozenset(
    """
    asyncio threading socket ssl time random os secrets subprocess multiprocessing concurrent queue
    signal select selectors contextvars logging sqlite3 urllib.request http starlette fastapi anyio
    sqlalchemy psycopg httpx confluent_kafka typer uuid.uuid1 uuid.uuid4
    """.split()
)
MOST_LINES: Final = 260
MOST_LINES_OF_A_FUNCTION: Final = 40

PUBLIC: Final = [
    "Account",
    "ActingAs",
    "Analytics",
    "Attribution",
    "ConfigurationError",
    "Destination",
    "Fault",
    "Identity",
    "IdentityMiddleware",
    "InvalidCall",
    "MissingExtra",
    "NotInstalled",
    "SegmentIdentityError",
    "Stats",
    "Touch",
    "Unauthorized",
    "Unavailable",
    "Undeliverable",
    "UnknownOption",
    "__version__",
    "get_identity",
]


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield every name that is imported, in full: `uuid.UUID` for `from uuid import UUID`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(name: str) -> set[str]:
    """Return the modules of this package that module *name* imports, without the root's name."""
    found = set()
    for each in imported(TREES[name]):
        if each.startswith(f"{ROOT}."):
            inner = each.removeprefix(f"{ROOT}.")
            while inner not in MODULES and f"{inner}.__init__" not in MODULES:
                inner = inner.rpartition(".")[0]
                assert inner, f"{name} imports {each}, which is no module"
            found.add(inner if inner in MODULES else f"{inner}.__init__")
            # Python runs a package before what is in it.
            package = f"{inner.rpartition('.')[0]}.__init__"
            if package in MODULES and package.rpartition(".")[0] != name.rpartition(".")[0]:
                found.add(package)
    return found


def starts_with_any(name: str, prefixes: frozenset[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in prefixes)


def test_every_core_module_exists() -> None:
    assert set(MODULES) >= CORE


@pytest.mark.parametrize("name", sorted(CORE))
def test_a_core_module_imports_no_shell(name: str) -> None:
    assert own_imports(name) <= CORE


@pytest.mark.parametrize("name", sorted(CORE))
def test_a_core_module_imports_nothing_impure(name: str) -> None:
    assert [each for each in imported(TREES[name]) if starts_with_any(each, IMPURE)] == []


def test_no_module_imports_itself_by_a_roundabout_way() -> None:
    try:
        order = list(
            TopologicalSorter({each: own_imports(each) for each in MODULES}).static_order()
        )
    except CycleError as error:
        pytest.fail(f"import cycle: {' <- '.join(error.args[1])}")
    assert set(order) == set(MODULES)


def test_nothing_imports_the_package_root() -> None:
    offenders = {
        name: each for name, tree in TREES.items() for each in imported(tree) if _is_root(each)
    }
    assert offenders == {}


def _is_root(name: str) -> bool:
    """Tell whether *name* is the root itself or something the root only passes on."""
    inner = name.removeprefix(f"{ROOT}.")
    known = any(each == inner or each.startswith(f"{inner}.") for each in MODULES)
    return name == ROOT or (inner != name and "." not in inner and not known)


@pytest.mark.parametrize("name", MODULES)
def test_imports_stand_at_the_top(name: str) -> None:
    inside = [
        f"{function.name}, line {node.lineno}"
        for function in functions(TREES[name])
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inside == []


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_is_for(name: str) -> None:
    text = ast.get_docstring(TREES[name])
    assert text, f"{name} has no docstring"
    assert text.partition("\n\n")[0].endswith(".")


@pytest.mark.parametrize("name", sorted(CORE))
def test_a_value_of_the_core_never_changes(name: str) -> None:
    changeable = [
        node.name
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base) == "msgspec.Struct" for base in node.bases)
        and not any(
            word.arg == "frozen" and ast.unparse(word.value) == "True" for word in node.keywords
        )
    ]
    assert changeable == []


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_one_idea(name: str) -> None:
    assert len(MODULES[name].read_text("utf-8").splitlines()) < MOST_LINES


@pytest.mark.parametrize("name", MODULES)
def test_a_function_fits_on_a_screen(name: str) -> None:
    """Options and docstrings are read, not followed, so only the body counts."""
    sizes = {each.name: body_lines(each) for each in functions(TREES[name])}
    too_long = {each: size for each, size in sizes.items() if size >= MOST_LINES_OF_A_FUNCTION}
    assert too_long == {}


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return 0 if not body else (body[-1].end_lineno or 0) - body[0].lineno + 1


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_has_a_docstring(name: str) -> None:
    documented = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    tree = TREES[name]
    holders: list[ast.Module | ast.ClassDef] = [
        tree,
        *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)),
    ]
    missing = [
        node.name
        for holder in holders
        if not (isinstance(holder, ast.ClassDef) and holder.name.startswith("_"))
        for node in holder.body
        if isinstance(node, documented)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert missing == []


def test_the_public_names_are_pinned() -> None:
    assert segment_identity.__all__ == PUBLIC
    assert sorted(PUBLIC) == PUBLIC


@pytest.mark.parametrize("name", [each for each in PUBLIC if each != "__version__"])
def test_a_public_name_is_explained(name: str) -> None:
    text = inspect.getdoc(getattr(segment_identity, name))
    assert text
    assert text.partition("\n\n")[0].rstrip().endswith((".", ":"))


def test_the_root_imports_no_more_than_the_core_needs() -> None:
    """Everything is installed here, so that nothing is missed only because it is not there."""
    program = (
        "import sys, segment_identity; print(*{each.partition('.')[0] for each in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    found = {each for each in done.stdout.split() if not each.startswith("_")}
    core = "anyio idna itsdangerous msgspec segment_identity sniffio starlette typing_extensions"
    # Starlette takes the last two if they are there.
    needed = {*core.split(), "multipart", "python_multipart"}
    assert found - set(sys.stdlib_module_names) <= needed


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()
