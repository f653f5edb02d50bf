"""The same steps as in Chromium, many more, with a model of Analytics.js in both versions."""

import os
import random
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .expected import Expected
from .simulated import Kind, Visitor
from .steps import LOSSES, USERS, Call, Step, happens, sequence

_EXAMPLES: Final = 20_000 if os.environ.get("SEGMENT_IDENTITY_AGREE") else 1_000

_server_calls: Final = st.one_of(
    st.builds(Call, st.just("identify"), st.sampled_from(USERS)), st.just(Call("reset"))
)
_page_calls: Final = st.one_of(
    st.builds(Call, st.just("identify"), st.sampled_from(USERS)),
    st.sampled_from([Call("reset"), Call("track")]),
    st.builds(Call, st.just("setAnonymousId"), st.integers(0, 9).map("page-made-{}".format)),
)
_kinds: Final = st.builds(Kind, *[st.booleans()] * 3)
_steps: Final = st.one_of(
    st.builds(Step, st.just("server"), _server_calls),
    st.builds(Step, st.just("fetch"), _server_calls, _page_calls),
    st.builds(Step, st.just("page"), page=_page_calls),
    st.builds(Step, st.just("loss"), loss=st.sampled_from(list(LOSSES))),
    st.builds(Step, st.just("back"), _server_calls),
    st.builds(Step, st.just("back"), page=_page_calls),
    st.builds(Step, st.just("cached"), _server_calls),
    st.sampled_from([Step(kind) for kind in ("tab", "prefetch", "parallel", "two at once")]),
)


def live(kind: Kind, steps: list[Step], dice: random.Random) -> None:
    """Let the steps happen, and compare after each."""
    visitor, expected = Visitor(kind, dice), Expected()
    assert visitor.differences(expected) == []
    for step in steps:
        happens(step, expected)
        visitor.step(step)
        assert visitor.differences(expected) == []


@given(_kinds, st.lists(_steps, max_size=8), st.randoms(use_true_random=False))
@settings(
    max_examples=_EXAMPLES, database=None, suppress_health_check=list(HealthCheck), deadline=None
)
def test_browser_and_server_agree_after_every_step(
    kind: Kind, steps: list[Step], dice: random.Random
) -> None:
    live(kind, steps, dice)


@pytest.mark.parametrize("cookie_first", [False, True])
@pytest.mark.parametrize("cookie_wins", [False, True])
def test_the_model_agrees_on_the_sequences_of_the_real_browser(
    cookie_wins: bool, cookie_first: bool
) -> None:
    for seed in range(100):
        kind = Kind(cookie_wins, cookie_first, wide=bool(seed % 2))
        live(kind, sequence(seed, 8), random.Random(seed))
