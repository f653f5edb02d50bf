"""What clients are told when there is no room for what they post, and what their repeats do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from delivery.support import PATIENCE, Failing, Gate, adds_up

from segment_identity.destinations import Memory
from segment_identity.spool import Spool

from .support import DEVICE, REFUSED, SECRET, Message, Site, Sites

BY_SERVER: dict[str, Any] = {"secret_keys": [SECRET], "identity": False}


def track(name: str) -> Message:
    return {"type": "track", "event": name, "anonymousId": DEVICE, "messageId": f"m-{name}"}


def batch(*names: str) -> Message:
    return {"batch": [track(name) for name in names]}


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def until_it_has(memory: Memory, count: int) -> None:
    until(lambda: len(memory.messages) == count)


def said(memory: Memory) -> list[str]:
    return [each["event"] for each in memory.messages]


@contextmanager
def full(site: Site, gate: Gate) -> Iterator[None]:
    """Let *gate* hang with one event, and nothing beside it in the queue, until the end."""
    site.post(track("Hung"))
    assert gate.entered.wait(PATIENCE)
    try:
        yield
    finally:
        gate.opened.set()
    assert site.analytics.flush(PATIENCE)
    assert adds_up(site.analytics.stats())


def test_what_finds_no_room_is_asked_for_again_and_then_taken(open_site: Sites) -> None:
    gate = Gate()
    site = open_site(destinations=[gate], delivery={"max_events": 2})
    with full(site, gate):
        assert site.post(batch("A", "B"), "/v1/b").status_code == 200
        for one in (track("C"), track("C")):
            answer = site.post(one)
            assert (answer.status_code, answer.content) == (429, REFUSED)
            assert 1 <= int(answer.headers["retry-after"]) <= 300
        assert site.analytics.stats().dropped == {"queue_full": 2}
    assert site.post(track("C")).status_code == 200
    assert site.post(track("A")).status_code == 200
    site.events()
    assert said(gate) == ["Hung", "A", "B", "C"]
    assert site.analytics.stats().dropped == {"queue_full": 2, "duplicate": 1}


def test_a_batch_passes_the_spool(open_site: Sites, tmp_path: Path) -> None:
    site = open_site(delivery={"spool": Spool(tmp_path)})
    assert site.post(batch("A", "B", "C"), "/v1/b").status_code == 200
    site.events()
    assert said(site.memory) == ["A", "B", "C"]


def test_of_a_batch_each_destination_has_what_was_agreed_to(open_site: Sites) -> None:
    closed, other = Memory(), Memory()
    site = open_site(destinations=[closed, other], delivery={"categories": {"memory": "Ads"}})
    yes, no = ({"consent": {"categoryPreferences": {"Ads": each}}} for each in (True, False))
    agreed = [{**track("A"), "context": yes}, {**track("B"), "context": no}, track("C")]
    assert site.post({"batch": agreed}, "/v1/b").status_code == 200
    site.events()
    assert (said(closed), said(other)) == (["A", "C"], ["A", "B", "C"])


def test_of_a_batch_that_does_not_fit_nothing_is_taken(open_site: Sites) -> None:
    """So that no repeat doubles a part of it, whichever process it comes to."""
    gate = Gate()
    site = open_site(destinations=[gate], delivery={"max_events": 3})
    with full(site, gate):
        assert site.post(track("A")).status_code == 200
        assert site.post(batch("B", "C", "D"), "/v1/b").status_code == 429
        assert site.analytics.stats().pending == 2
        assert site.post(batch("B", "C"), "/v1/b").status_code == 200
    assert said(gate) == ["Hung", "A", "B", "C"]


def test_a_batch_that_never_fits_is_taken_in_parts_and_none_twice(open_site: Sites) -> None:
    gate = Gate()
    site = open_site(destinations=[gate], delivery={"max_events": 2})
    many = batch("A", "B", "C", "D", "E")
    with full(site, gate):
        assert site.post(many, "/v1/b").status_code == 429
        assert site.analytics.stats().dropped == {"queue_full": 3}
    answers = []
    for _ in range(10):
        answers.append(site.post(many, "/v1/b").status_code)
        assert site.analytics.flush(PATIENCE)
        if answers[-1] == 200:
            break
    assert answers[-1] == 200
    assert said(gate) == ["Hung", "A", "B", "C", "D", "E"]


def test_a_repeat_goes_only_where_there_was_no_room(open_site: Sites) -> None:
    gate, other = Gate(), Memory()
    site = open_site(destinations=[gate, other], delivery={"max_events": 2})
    with full(site, gate):
        assert site.post(batch("A", "B"), "/v1/b").status_code == 200
        for _ in range(3):
            assert site.post(batch("C", "D"), "/v1/b").status_code == 429
    assert said(other) == ["Hung", "A", "B", "C", "D"]
    assert site.post(batch("C", "D"), "/v1/b").status_code == 200
    assert site.post(batch("C", "D"), "/v1/b").status_code == 200
    assert site.analytics.flush(PATIENCE)
    assert said(gate) == ["Hung", "A", "B", "C", "D"]
    assert said(other) == ["Hung", "A", "B", "C", "D"]


def test_a_destination_that_is_down_costs_the_others_nothing(open_site: Sites) -> None:
    """While SDKs wait to repeat one request they send no other."""
    failing, other = Failing(), Memory()
    site = open_site(destinations=[failing, other], delivery={"max_events": 1})
    site.post(track("A"))
    until(lambda: site.analytics.circuits()["failing"].failures > 0)
    for number, name in enumerate(("B", "C", "D"), 1):
        until_it_has(other, number)
        assert site.post(track(name)).status_code == 200
    until_it_has(other, 4)
    assert site.analytics.stats().destinations["failing"].dropped == {"queue_full": 2}
    failing.is_up = True
    assert site.analytics.flush(PATIENCE)


def test_a_single_destination_that_is_down_is_waited_for(open_site: Sites) -> None:
    failing = Failing()
    site = open_site(destinations=[failing], delivery={"max_events": 1})
    site.post(track("A"))
    until(lambda: site.analytics.circuits()["failing"].failures > 0)
    answers = [site.post(track(name)).status_code for name in ("B", "C", "C")]
    assert answers == [200, 429, 429]
    failing.is_up = True
    assert site.analytics.flush(PATIENCE)
    assert site.post(track("C")).status_code == 200
    site.events()
    assert said(failing) == ["A", "B", "C"]


def test_what_cannot_be_known_again_is_not_asked_for_where_a_repeat_doubled_it(
    open_site: Sites,
) -> None:
    gate, other = Gate(), Memory()
    site = open_site(destinations=[gate, other], delivery={"max_events": 1}, **BY_SERVER)
    nameless = {"event": "Nameless", "anonymousId": DEVICE}
    as_server: dict[str, Any] = {"json": nameless, "auth": (SECRET, "")}
    site.client.post("/v1/t", **{**as_server, "json": {**nameless, "event": "Hung"}})
    assert gate.entered.wait(PATIENCE)
    for number in (1, 2):
        until_it_has(other, number)
        assert site.client.post("/v1/t", **as_server).status_code == 200
    gate.opened.set()
    assert site.analytics.flush(PATIENCE)
    assert said(other) == ["Hung", "Nameless", "Nameless"]
    assert site.analytics.stats().destinations["gate"].dropped == {"queue_full": 1}


def test_a_full_spool_is_no_room_either(open_site: Sites, tmp_path: Path) -> None:
    gate = Gate()
    spool = Spool(tmp_path, max_bytes=2_000)
    site = open_site(destinations=[gate], delivery={"spool": spool})
    with full(site, gate):
        answers = []
        for number in range(20):
            answers.append(site.post(track(f"{number}")).status_code)
            assert site.analytics.store()
        taken = answers.index(429)
        assert 1 <= taken < 10
        assert set(answers[taken:]) == {429}
    assert site.post(track(f"{taken}")).status_code == 200
    site.events()
    assert said(gate) == ["Hung", *map(str, range(taken + 1))]
