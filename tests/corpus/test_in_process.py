"""Every hostile input through the middleware as a raw ASGI scope."""

import asyncio
import logging
import re
import tracemalloc
from dataclasses import replace
from typing import Final

import pytest

from segment_identity.signing import SALT, MemorySigner

from .checks import ANSWER_CHECKS, HELD_ELSEWHERE, INVARIANTS, MESSAGE_CHECKS, dumped
from .drive import KEY_NEW, Visit, bare, call, identify_lines, scope_of, site, visit
from .inputs import HostileInput, load
from .must_hold import MUST_HOLD
from .tokens import U, issued, rendered, salted, signed

INPUTS: Final = load()
CHECKS: Final = ANSWER_CHECKS | MESSAGE_CHECKS
# A page may call a verb on every input but those whose answer must stay without cookies.
VISITS: Final = [
    pytest.param(each, verb, id=f"{each.id}-{'tracks' if verb else 'reads'}")
    for each in INPUTS
    for verb in (False, True)
    if not (verb and each.writes_nothing)
]
ALL_INPUTS: Final = [pytest.param(each, id=each.id) for each in INPUTS]
LARGE: Final = [pytest.param(each, id=each.id) for each in INPUTS if each.is_large]
REFUSED: Final = [
    pytest.param(each, id=each.id)
    for each in INPUTS
    if each.kind == "cookie" and each.expect.get("anon") == "minted"
]

ROUNDS: Final = 5
BUDGET_MS: Final = 5
# The budgets of the corpus are for a quiet machine; shared ones are slower and uneven.
SLACK: Final = 4
MAX_MEMORY: Final = 2 << 20
# Shorter texts ("on", "0", "*") are ordinary words of a log line.
TELLING: Final = 8
MOST_IN_LOGS: Final = 33


def _sent(hostile: HostileInput) -> list[bytes]:
    return hostile.sent(lambda raw: rendered(raw, hostile.scheme))


def _named(name: str) -> HostileInput:
    return next(each for each in INPUTS if each.id == name)


def _visit(hostile: HostileInput, verb: bool = False) -> Visit:
    return visit(hostile, _sent(hostile), verb=verb)


def _values(texts: list[str]) -> list[str]:
    """Return what stands after each name in a list of pairs."""
    pairs = (pair.partition("=") for text in texts for pair in re.split("[;&]", text))
    return [value.strip()[:MOST_IN_LOGS] for _, _, value in pairs]


@pytest.mark.parametrize(("hostile", "verb"), VISITS)
def test_expectations_hold(hostile: HostileInput, verb: bool) -> None:
    found = _visit(hostile, verb)
    for key in CHECKS.keys() & hostile.expect.keys():
        if not (verb and _counts_the_page(hostile, key)):
            CHECKS[key](found, hostile.expect[key])


def _counts_the_page(hostile: HostileInput, key: str) -> bool:
    """Tell whether *key* counts messages of a page without a verb; none stays none with one."""
    return key == "events_of" or (key == "events" and hostile.expect[key] != 0)


@pytest.mark.parametrize("name", MUST_HOLD)
def test_requirement_holds(name: str) -> None:
    """Requirements the corpus states in words only."""
    MUST_HOLD[name](_visit(_named(name)))


def test_every_expectation_has_a_check() -> None:
    keys = {key for each in INPUTS for key in each.expect}
    assert keys - CHECKS.keys() - HELD_ELSEWHERE == set()


def test_ids_of_inputs_are_unique() -> None:
    assert len({each.id for each in INPUTS}) == len(INPUTS)


@pytest.mark.parametrize(("hostile", "verb"), VISITS)
def test_answer_is_that_of_the_app_alone(hostile: HostileInput, verb: bool) -> None:
    """G1: only the headers that cookies need may differ."""
    sent = _sent(hostile)
    alone = asyncio.run(call(bare(), scope_of(hostile, sent)))
    found = visit(hostile, sent, verb=verb).answer
    ours = {b"set-cookie", b"cache-control", b"vary"}
    assert (found.status, found.body) == (alone.status, alone.body)
    assert [each for each in found.headers if each[0] not in ours] == alone.headers


@pytest.mark.parametrize(("hostile", "verb"), VISITS)
def test_invariants_hold(hostile: HostileInput, verb: bool) -> None:
    """G2, G3, G4 and G7 on one visit; each check says what it holds."""
    found = _visit(hostile, verb)
    for check in INVARIANTS:
        check(found)


@pytest.mark.parametrize("hostile", REFUSED)
def test_refused_values_never_reach_a_message(hostile: HostileInput) -> None:
    found = _visit(hostile, verb=True)
    texts = [each.decode("latin-1") for each in found.sent]
    values = [value for value in _values(texts) if len(value) >= TELLING]
    assert found.messages
    assert [each for each in values if each in dumped(found)] == []


@pytest.mark.parametrize(("hostile", "verb"), VISITS)
def test_hostile_bytes_stay_out_of_logs_and_headers(
    hostile: HostileInput, verb: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """G5: neither the text of the input nor a control byte, at the most talkative level."""
    caplog.set_level(logging.DEBUG)
    found = _visit(hostile, verb)
    texts = [each.decode("latin-1") for each in found.sent]
    secrets = [text[:MOST_IN_LOGS] for text in texts if len(text) >= TELLING]
    secrets += [value for value in _values(texts) if len(value) >= TELLING]
    secrets += [hostile.expect["no_in_logs"]] if "no_in_logs" in hostile.expect else []
    for record in caplog.records:
        line = logging.Formatter("%(name)s %(message)s").format(record)
        assert record.exc_info is None
        assert line.isprintable()
        assert [each for each in secrets if each in line] == []
    if hostile.kind != "cookie":
        headers = b"\n".join(value for _, value in found.answer.headers).decode("latin-1")
        assert [each for each in secrets if each in headers] == []


@pytest.mark.parametrize("hostile", ALL_INPUTS)
def test_cpu_time_is_bounded(hostile: HostileInput) -> None:
    """G6: the best of a few tries, as anything else measures the machine."""
    sent = _sent(hostile)
    with site(hostile) as made:
        spent = min(asyncio.run(call(made.app, scope_of(hostile, sent))).cpu for _ in range(ROUNDS))
    assert spent * 1000 <= max(hostile.expect.get("max_ms", 0), BUDGET_MS) * SLACK


@pytest.mark.parametrize("hostile", LARGE)
def test_memory_is_bounded(hostile: HostileInput) -> None:
    """G6: what a long input needs beyond itself."""
    sent = _sent(hostile)
    with site(hostile) as made:
        asyncio.run(call(made.app, scope_of(hostile, sent)))
        scope = scope_of(hostile, sent)
        tracemalloc.start()
        try:
            asyncio.run(call(made.app, scope))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak <= MAX_MEMORY


@pytest.mark.parametrize(("name", "masked"), [("H008", "203.0.113.0"), ("XH-ip-v6", "2001:db8::")])
def test_address_is_unwrapped_before_it_is_masked(name: str, masked: str) -> None:
    hostile = replace(_named(name), expect={"trusted_proxies": 1})
    assert _visit(hostile).messages[0]["context"]["ip"] == masked


def test_template_tokens_are_those_of_the_middleware() -> None:
    """Control: the forged tokens differ from a true one in what their name says only."""
    signer = MemorySigner([KEY_NEW.encode()])
    true = signer.loads(issued("http")[1].encode())
    assert true is not None
    assert (true.memory.anonymous_id, true.memory.user_id) == (U, "alice")
    assert signer.loads(signed().encode()) is not None
    assert signer.loads(salted(SALT).encode()) is not None
    assert issued("http")[0] == "ajs_identity"
    assert issued("https")[0] == "__Host-ajs_identity"


def test_numeric_user_id_is_written_json_quoted() -> None:
    """C126: Analytics.js would read other digits from a bare number."""
    lines = identify_lines("12345678901234567890", f"ajs_anonymous_id={U}".encode())
    assert [line for line in lines if line.startswith(b"ajs_user_id=%2212345678901234567890%22;")]


@pytest.mark.parametrize("user_id", ['a;b,c"d', "e\u0301", "\xe9", "1e5", "u=1&2", "\U0001f4a9-1"])
def test_user_id_comes_back_as_it_was_written(user_id: str) -> None:
    """C132, C134: the hint is the very text, neither normalised nor requoted."""
    lines = identify_lines(user_id, f"ajs_anonymous_id={U}".encode())
    pairs = [line.partition(b";")[0] for line in lines]
    plain = b"; ".join(pair for pair in pairs if pair.startswith((b"ajs_user", b"ajs_anon")))
    again = HostileInput("again", "cookie", "cookie", "latin-1", plain.decode("ascii"), {})
    assert _visit(again).seen["user_id_hint"] == user_id


def test_same_preferences_give_the_same_language() -> None:
    """H068: weights that are no numbers still have one outcome."""
    hostile = _named("H068")
    locales = {_visit(hostile).messages[0]["context"].get("locale") for _ in range(3)}
    assert len(locales) == 1


def test_verb_on_a_not_modified_answer_sets_no_cookie() -> None:
    """H098: a 304 would hand the cookie to whoever shares the stored response."""
    hostile = _named("H098")
    found = _visit(hostile, verb=True).answer
    assert found.status == 304
    assert found.values(b"set-cookie") == []
