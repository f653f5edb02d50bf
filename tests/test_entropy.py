"""Random ids: of the right form, and each handed out once, whoever asks."""

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from segment_identity import entropy

MANY: Final = 2_000
DRAWERS: Final = [entropy.new_uuid, entropy.new_nonce]

# The parent has drawn, so that ids are waiting when its children come to life.
FORKS: Final = """
import os, sys
from segment_identity import entropy

def draw():
    return [entropy.new_uuid() for _ in range(200)] + [entropy.new_nonce() for _ in range(200)]

first = draw()[:1] + [entropy.new_nonce()]
children = []
for _ in range(3):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, "\\n".join(draw()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        children += pipe.read().split()
    os.wait()
print("\\n".join(first + children + draw()))
"""


def test_a_uuid_is_a_random_one_in_its_usual_spelling() -> None:
    for _ in range(MANY):
        text = entropy.new_uuid()
        parsed = uuid.UUID(text)
        assert (str(parsed), parsed.version, parsed.variant) == (text, 4, uuid.RFC_4122)


def test_every_other_bit_of_a_uuid_is_random() -> None:
    drawn = [uuid.UUID(entropy.new_uuid()).int for _ in range(MANY)]
    always = ~0
    never = 0
    for each in drawn:
        always &= each
        never |= each
    fixed = (0xF << 76) | (0x3 << 62)
    assert always == 0x4 << 76 | 0x2 << 62
    assert never | fixed == (1 << 128) - 1
    assert never & fixed == always


def test_a_nonce_is_64_bits_as_text() -> None:
    assert all(re.fullmatch("[0-9a-f]{16}", entropy.new_nonce()) for _ in range(MANY))


@pytest.mark.parametrize("draw", DRAWERS)
def test_threads_never_get_the_same_one(draw: Callable[[], str]) -> None:
    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            drawn = [
                each
                for batch in pool.map(lambda _: [draw() for _ in range(MANY)], range(8))
                for each in batch
            ]
    finally:
        sys.setswitchinterval(switching)
    assert len(set(drawn)) == 8 * MANY


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_parent_and_its_children_never_draw_the_same_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKS], capture_output=True, text=True, timeout=60, check=True
    )
    drawn = done.stdout.split()
    assert len(drawn) == 2 + 4 * 400
    assert len(set(drawn)) == len(drawn)
