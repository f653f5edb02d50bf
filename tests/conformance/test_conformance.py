"""The library does what the real Analytics.js does, call by call.

`oracle.cjs` asked the package; its answers are in `vectors/`. Here the same calls go to an app over
HTTP, one request each, from a browser that keeps its cookies.
"""

import itertools
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from comparison import COOKIES, Op, Sequence, Step, cookie_meaning, disagreements, loads, picked
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from segment_identity import Analytics, Identity, IdentityMiddleware
from segment_identity.destinations import Memory

HERE: Final = Path(__file__).parent
VECTORS: Final = HERE / "vectors"
SECRET: Final = "b1946ac92492d2347c6235b4d2611184-conformance"
CHUNK: Final = 100
CHUNKS: Final = [("1.84.3", number) for number in range(4)] + [("1.84.1", 0), ("1.84.1", 1)]
FRESH_SEED: Final = 7_000_001
SILENT: Final = frozenset({"reset", "setAnonymousId"})

NODE: Final = shutil.which("node")
_PACKAGES = ("@segment/analytics-next", "analytics-next-older", "jsdom")
needs_node = pytest.mark.skipif(
    NODE is None or not all((HERE / "node_modules" / name).is_dir() for name in _PACKAGES),
    reason="needs Node 20 or newer, and `npm ci` done in tests/conformance",
)


def perform(identity: Identity, op: dict[str, Any]) -> None:
    """Make the call that *op* describes."""
    common: Any = {"anonymous_id": op["anonymousId"]} if "anonymousId" in op else {}
    match op["op"]:
        case "identify":
            identity.identify(op.get("id"), op.get("traits"), **common)
        case "track":
            identity.track(op["event"], op.get("properties"), **common)
        case "page" | "screen" as verb:
            named = identity.page if verb == "page" else identity.screen
            named(op.get("name"), op.get("properties"), category=op.get("category"), **common)
        case "group":
            identity.group(op["id"], op.get("traits"), **common)
        case "alias":
            identity.alias(op["id"], op.get("previousId"), **common)
        case "reset":
            identity.reset()
        case "setAnonymousId":
            identity.set_anonymous_id(op["anonymousId"])
        case unknown:
            raise AssertionError(f"no such op: {unknown}")


async def take(request: Request) -> Response:
    for op in await request.json():
        perform(request.state.identity, op)
    return Response(status_code=204)


class Browser:
    """A client with a cookie jar, and what the app behind it sent."""

    def __init__(self, client: TestClient, analytics: Analytics, memory: Memory) -> None:
        self._client = client
        self._analytics = analytics
        self._memory = memory

    def play(self, ops: Iterable[Op], *, hears: bool, together: int = 1) -> Iterator[Step]:
        """Start as a new visitor and make one request for every *together* ops.

        A page that *hears* the server takes the `ajs_sync` cookie away, as the bridge script does;
        from then on the plain cookies count more than the server's memory.
        """
        self._client.cookies.clear()
        waiting = iter(ops)
        while some := list(itertools.islice(waiting, together)):
            self._memory.messages.clear()
            assert self._client.post("/op", json=some).status_code == 204
            assert self._analytics.flush(5)
            sent = iter(self._memory.messages)
            if hears:
                self._client.cookies.delete("ajs_sync")
            jar = self._client.cookies
            cookies = {name: cookie_meaning(jar.get(name)) for name in COOKIES}
            for op in some:
                messages = [picked(next(sent), op)] if op["op"] not in SILENT else []
                yield Step(messages, cookies if op is some[-1] else {})
            assert list(sent) == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    memory = Memory()
    with Analytics(memory) as analytics:
        app = Starlette(
            routes=[Route("/op", take, methods=["POST"])],
            middleware=[
                Middleware(
                    IdentityMiddleware,
                    secret_key=SECRET,
                    analytics=analytics,
                    remember_traits=True,
                )
            ],
        )
        with TestClient(app, base_url="http://localhost") as client:
            yield Browser(client, analytics, memory)


def vectors(name: str) -> list[Sequence]:
    lines = (VECTORS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [loads(line) for line in lines]


def directed(name: str) -> Sequence:
    return next(each for each in vectors("directed") if each.name == name)


def check(
    browser: Browser, sequences: Iterable[Sequence], *, hears: bool, together: int = 1
) -> None:
    found: list[str] = []
    for sequence in sequences:
        ours = browser.play(sequence.ops, hears=hears, together=together)
        # The first of a sequence is enough: what follows it starts from different states.
        found += itertools.islice(disagreements(sequence, ours), 1)
    if found:
        pytest.fail("\n".join([f"{len(found)} sequences differ", *found[:5]]), pytrace=False)


def ask(*arguments: str, timeout: float = 300) -> str:
    assert NODE is not None
    done = subprocess.run(
        [NODE, str(HERE / "oracle.cjs"), *arguments],
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("hears", [False, True], ids=["server-wins", "browser-wins"])
@pytest.mark.parametrize(("version", "chunk"), CHUNKS)
def test_calls_do_what_analytics_js_does(
    browser: Browser, version: str, chunk: int, hears: bool
) -> None:
    sequences = vectors(version)[chunk * CHUNK : (chunk + 1) * CHUNK]
    assert len(sequences) == CHUNK
    check(browser, sequences, hears=hears)


@pytest.mark.parametrize("together", [3, 100], ids=["a-few", "all"])
@pytest.mark.parametrize("version", ["1.84.3", "1.84.1"])
def test_calls_of_one_request_do_what_analytics_js_does(
    browser: Browser, version: str, together: int
) -> None:
    """Cookies are compared where there are any: with the answer to the last call."""
    check(browser, vectors(version), hears=True, together=together)


def test_vectors_hold_every_call_and_never_reset_a_visitor_nobody_knows() -> None:
    sequences = vectors("1.84.3") + vectors("1.84.1")
    assert Counter(sequence.version for sequence in sequences) == {"1.84.3": 400, "1.84.1": 200}
    calls = Counter(op["op"] for sequence in sequences for op in sequence.ops)
    assert min(calls.values()) > 300
    assert set(calls) == {
        "identify", "track", "page", "screen", "group", "alias", "reset", "setAnonymousId"
    }  # fmt: skip
    for sequence in sequences:
        assert 4 <= len(sequence.ops) == len(sequence.steps) <= 14
        touched = False
        for op in sequence.ops:
            assert touched or op["op"] != "reset"
            touched = op["op"] != "reset" and (
                touched or op["op"] in {"identify", "group", "alias"}
            )


@needs_node
@pytest.mark.parametrize(("version", "first"), [("1.84.3", 0), ("1.84.1", 1_000)])
def test_fresh_sequences_do_what_analytics_js_does(
    browser: Browser, version: str, first: int
) -> None:
    seed = str(FRESH_SEED + first)
    answers = ask("--version", version, "--seed", seed, "--count", "40")
    check(browser, map(loads, answers.splitlines()), hears=False)


@needs_node
@pytest.mark.parametrize("name", ["1.84.3", "1.84.1", "directed"])
def test_vectors_are_what_the_package_says_today(name: str, tmp_path: Path) -> None:
    lines = (VECTORS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    sample = "".join(lines if len(lines) < CHUNK else lines[::10])
    asked = tmp_path / "sample.jsonl"
    asked.write_text(sample, encoding="utf-8")
    assert ask("--replay", str(asked)) == sample


def test_reset_of_a_visitor_nobody_knows_keeps_the_id_unlike_in_analytics_js(
    browser: Browser,
) -> None:
    """A page that resets on every anonymous view must not make a new visitor each time."""
    sequence = directed("resets of a visitor nobody knows")
    kinds = [op["op"] for op in sequence.ops]
    assert kinds == ["track", "reset", "track", "setAnonymousId", "reset", "reset"]

    theirs = [step.cookies["ajs_anonymous_id"] for step in sequence.steps]
    assert theirs[1] != theirs[0]
    assert theirs[2] == theirs[1]
    assert theirs[3] == "device-0001"
    assert len({*theirs[3:]}) == 3

    steps = list(browser.play(sequence.ops, hears=False))
    ours = [step.cookies["ajs_anonymous_id"] for step in steps]
    assert ours == [ours[0]] * 3 + ["device-0001"] * 3
    assert steps[2].messages[0]["anonymousId"] == ours[0]


def test_alias_names_the_new_id_where_analytics_js_repeats_the_current_one(
    browser: Browser,
) -> None:
    """All else of an alias is the same on both sides, and it changes no stored id."""
    sequence = directed("aliases")
    check(browser, [sequence], hears=False)
    check(browser, [sequence], hears=True)

    user: str | None = None
    before: dict[str, Any] | None = None
    ours = browser.play(sequence.ops, hears=False)
    for op, their_step, our_step in zip(sequence.ops, sequence.steps, ours, strict=True):
        if op["op"] == "alias":
            (their_message,), (our_message,) = their_step.messages, our_step.messages
            assert their_message["userId"] == (user or str(op["id"]))
            assert our_message["userId"] == str(op["id"])
            previous = op.get("previousId") or user or our_message["anonymousId"]
            assert our_message["previousId"] == str(previous)
            if before is not None and "anonymousId" not in op:
                assert our_step.cookies == before
        before = our_step.cookies
        user = before["ajs_user_id"]


def test_ids_that_look_like_json_survive_the_cookie_unlike_in_analytics_js(
    browser: Browser,
) -> None:
    """Analytics.js still sends them right, from localStorage, but misreads its own cookie."""
    sequence = directed("ids that look like JSON")
    theirs = [step.cookies["ajs_user_id"] for step in sequence.steps[:5]]
    assert theirs == ["100000", "12345678901234567000", "12.5", "quoted", [1]]
    for hears in (False, True):
        steps = list(browser.play(sequence.ops, hears=hears))
        ours = [step.cookies["ajs_user_id"] for step in steps[:5]]
        assert ours == ["1e5", "12345678901234567890", "12.50", '"quoted"', "[1]"]
        assert steps[5].cookies["ajs_group_id"] == "1e5"
        for their_step, our_step in zip(sequence.steps, steps, strict=True):
            assert our_step.messages[0]["userId"] == their_step.messages[0]["userId"]


def test_a_disagreement_names_the_seed_the_step_and_both_sides(browser: Browser) -> None:
    """The comparison itself would notice."""
    sequence = vectors("1.84.3")[0]
    wrong = [
        Step(step.messages, {**step.cookies, "ajs_user_id": "somebody"}) for step in sequence.steps
    ]
    right = browser.play(sequence.ops, hears=False)
    report = next(disagreements(Sequence("1.84.3", 1, sequence.ops, wrong), right))
    assert report.startswith("1.84.3 seed 1 step 0: ajs_user_id")
    assert json.dumps("somebody") in report
